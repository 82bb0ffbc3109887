// A room server on grpc-go, as one would write it who knows grpc-go well.
//
//	grpc-go [-bind 127.0.0.1:0]
//
// A message is encoded once, as a grpc.PreparedMsg, and put into a buffered channel of
// every member, from which a goroutine of that member sends. Nothing is stored; a message
// carries neither sequence nor time. A room waits for a member whose channel is full, and
// ends it when that takes too long.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"chatroom.test/bench/chatpb"
)

// chat is the service: the four methods of the original.
type chat struct {
	chatpb.UnimplementedChatServiceServer
	mu    sync.RWMutex
	rooms map[string]*room
}

// Chat is one member's stream, from its join until it has gone. It sends; another
// goroutine receives.
func (c *chat) Chat(stream grpc.BidiStreamingServer[chatpb.ChatMessage, chatpb.Message]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	join := first.GetJoin()
	if join == nil {
		return status.Error(codes.InvalidArgument, "The first message must be a join.")
	}
	c.mu.RLock()
	room, found := c.rooms[join.GetRoomId()]
	c.mu.RUnlock()
	if !found {
		return status.Errorf(codes.NotFound, "There is no room %s.", join.GetRoomId())
	}
	entered, err := prepare(stream, join.GetName(), "Has entered the chat")
	if err != nil {
		return err
	}
	self := &member{
		name:   join.GetName(),
		outbox: make(chan *grpc.PreparedMsg, outboxMessages),
		gone:   stream.Context().Done(),
	}
	if !room.enter(self, entered) {
		return status.Errorf(codes.AlreadyExists, "%s is taken.", self.name)
	}
	go listen(stream, room, self)
	for message := range self.outbox {
		if err := stream.SendMsg(message); err != nil {
			return err
		}
	}
	return self.why
}

// listen tells the room what one member says, until it says no more; then it has left.
func listen(
	stream grpc.BidiStreamingServer[chatpb.ChatMessage, chatpb.Message], room *room, self *member,
) {
	left, err := prepare(stream, self.name, "Has left the chat")
	for err == nil {
		var request *chatpb.ChatMessage
		if request, err = stream.Recv(); err != nil {
			break
		}
		var message *grpc.PreparedMsg
		if message, err = prepare(stream, self.name, request.GetMessage().GetMessage()); err == nil {
			room.tell(message, self)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	room.leave(self, left, err)
}

// prepare encodes a message for all: no stream of this server compresses.
func prepare(stream grpc.ServerStream, name, text string) (*grpc.PreparedMsg, error) {
	prepared := new(grpc.PreparedMsg)
	return prepared, prepared.Encode(stream, &chatpb.Message{Name: name, Message: text})
}

func (c *chat) CreateChatRoom(
	_ context.Context, request *chatpb.CreateChatRoomRequest,
) (*chatpb.ChatRoom, error) {
	id := cmp.Or(request.GetRoomId(), strconv.Itoa(100_000+rand.IntN(900_000)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.rooms[id]; taken {
		return nil, status.Errorf(codes.AlreadyExists, "Room %s exists.", id)
	}
	c.rooms[id] = &room{id: id, private: request.GetPrivate()}
	return &chatpb.ChatRoom{RoomId: id, Private: request.GetPrivate()}, nil
}

func (c *chat) ListChatRooms(
	context.Context, *chatpb.ListChatRoomsRequest,
) (*chatpb.ListChatRoomsResponse, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	listed := &chatpb.ListChatRoomsResponse{}
	for id, room := range c.rooms {
		if !room.private {
			shown := &chatpb.ChatRoom{RoomId: id, MemberCount: room.count()}
			listed.ChatRooms = append(listed.ChatRooms, shown)
		}
	}
	slices.SortFunc(listed.ChatRooms, func(a, b *chatpb.ChatRoom) int {
		return cmp.Compare(a.RoomId, b.RoomId)
	})
	return listed, nil
}

func (c *chat) DeleteChatRoom(
	_ context.Context, request *chatpb.DeleteChatRoomRequest,
) (*chatpb.ChatRoom, error) {
	c.mu.Lock()
	room, found := c.rooms[request.GetRoomId()]
	delete(c.rooms, request.GetRoomId())
	c.mu.Unlock()
	if !found {
		return nil, status.Errorf(codes.NotFound, "There is no room %s.", request.GetRoomId())
	}
	room.close()
	return &chatpb.ChatRoom{RoomId: room.id, Private: room.private}, nil
}

func main() {
	bind := flag.String("bind", "127.0.0.1:0", "where to listen")
	flag.Parse()
	log.SetFlags(0)
	listener, err := net.Listen("tcp", *bind)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	chatpb.RegisterChatServiceServer(server, &chat{rooms: map[string]*room{}})
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-stopped.Done()
		server.Stop()
	}()
	log.Printf("grpc-go: listening on %s", listener.Addr())
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
