// A client in Go: joins a room, says each line of its standard input, prints what is said.
//
//	go run . 127.0.0.1:8080 lobby Bob
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "example.com/chat/rpc"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	stream, err := pb.NewChatServiceClient(connection).Chat(context.Background())
	check(err)
	features := []pb.Feature{pb.Feature_FEATURE_EVENTS, pb.Feature_FEATURE_ECHO}
	join := &pb.JoinChat{RoomId: os.Args[2], Name: os.Args[3], Features: features}
	check(stream.Send(&pb.ChatMessage{Join: join}))
	go talk(stream)
	for {
		message, err := stream.Recv()
		if err == io.EOF { // the status is OK: we have left
			return
		}
		check(err)
		if message.Message != "" { // events have a text for people too, but for a few
			fmt.Printf("%s: %s\n", message.Name, message.Message)
		}
	}
}

// talk says each line; an error of Send is told by Recv, with its status.
func talk(stream pb.ChatService_ChatClient) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		said := &pb.Message{Message: lines.Text(), Nonce: rand.Text()} // see "Retrying"
		stream.Send(&pb.ChatMessage{Message: said})
	}
	stream.Send(&pb.ChatMessage{Leave: &pb.Leave{}})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
