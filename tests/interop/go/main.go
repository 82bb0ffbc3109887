// A conversation by grpc-go, which prints what each member sees.
//
//	go run . DESCRIPTORS ADDRESS
//
// DESCRIPTORS is a FileDescriptorSet of rpc/chat.proto with its imports: the messages are
// dynamic, so that no generated code can go stale. What it prints is what test_go.py
// expects.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"regexp"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const seconds = 20 // for everything; it never decides a run that succeeds

var roomID = regexp.MustCompile(`\b[0-9]{6,}\b`)

func main() {
	log.SetFlags(0)
	connection, err := grpc.NewClient(
		os.Args[2],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)),
	)
	check(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), seconds*time.Second)
	defer cancel()

	request := &healthpb.HealthCheckRequest{Service: "rpc.ChatService"}
	health, err := healthpb.NewHealthClient(connection).Check(ctx, request)
	check(err)
	say("health is %s", health.Status)

	chat := &service{connection, describe(os.Args[1])}
	created, err := chat.call(ctx, "CreateChatRoom", `{"title": "Tea"}`)
	check(err)
	room := text(created, "room_id")
	say("created %s", room)

	alice := chat.join(ctx, "Alice", fmt.Sprintf(`{"room_id": %q, "name": "Alice"}`, room))
	alice.sees(1)
	bob := chat.join(ctx, "Bob", fmt.Sprintf(
		`{"room_id": %q, "name": "Bob", "features": ["FEATURE_EVENTS", "FEATURE_ECHO"]}`, room))
	bob.sees(3)
	alice.sees(1)
	for number := range 5 {
		alice.send(`{"message": {"message": "line %d"}}`, number)
	}
	bob.sees(5)
	check(alice.stream.CloseSend())
	bob.send(`{"message": {"message": "Still there?", "nonce": "n1"}}`)
	alice.sees(1)
	bob.sees(1)
	bob.send(`{"message": {"message": "", "nonce": "n2"}}`)
	bob.sees(1)
	alice.cancel()
	alice.ends()
	bob.sees(1)
	_, err = chat.call(ctx, "DeleteChatRoom", fmt.Sprintf(`{"room_id": %q}`, room))
	check(err)
	bob.sees(1)
	bob.ends()

	late := chat.join(ctx, "Late", fmt.Sprintf(`{"room_id": %q, "name": "Late"}`, room))
	late.ends()
	brief, cancelBrief := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancelBrief()
	carol := chat.join(brief, "Carol", `{"room_id": "lobby", "name": "Carol", "history": 0}`)
	carol.sees(1)
	carol.ends()
	_, err = chat.call(ctx, "CreateChatRoom", `{"room_id": "Not An Id"}`)
	say("CreateChatRoom %s", explained(err))
	err = connection.Invoke(ctx, "/rpc.ChatService/Shout", created, created)
	say("Shout %s", explained(err))
}

// A service is rpc.ChatService with messages in JSON.
type service struct {
	connection *grpc.ClientConn
	descriptor protoreflect.ServiceDescriptor
}

// describe finds the service in a FileDescriptorSet.
func describe(path string) protoreflect.ServiceDescriptor {
	data, err := os.ReadFile(path)
	check(err)
	set := &descriptorpb.FileDescriptorSet{}
	check(proto.Unmarshal(data, set))
	files, err := protodesc.NewFiles(set)
	check(err)
	found, err := files.FindDescriptorByName("rpc.ChatService")
	check(err)
	return found.(protoreflect.ServiceDescriptor)
}

func (s *service) method(name string) protoreflect.MethodDescriptor {
	return s.descriptor.Methods().ByName(protoreflect.Name(name))
}

// call calls a unary method.
func (s *service) call(ctx context.Context, name, request string) (*dynamicpb.Message, error) {
	method := s.method(name)
	answer := dynamicpb.NewMessage(method.Output())
	path := "/rpc.ChatService/" + name
	return answer, s.connection.Invoke(ctx, path, parsed(method.Input(), request), answer)
}

// join opens a Chat stream.
func (s *service) join(ctx context.Context, label, join string) *member {
	method := s.method("Chat")
	ctx, cancel := context.WithCancel(ctx)
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := s.connection.NewStream(ctx, description, "/rpc.ChatService/Chat")
	check(err)
	joined := &member{label, method, stream, cancel}
	joined.send(`{"join": %s}`, join)
	return joined
}

// A member is a Chat stream.
type member struct {
	label  string
	method protoreflect.MethodDescriptor
	stream grpc.ClientStream
	cancel context.CancelFunc
}

func (m *member) send(format string, values ...any) {
	check(m.stream.SendMsg(parsed(m.method.Input(), fmt.Sprintf(format, values...))))
}

// sees prints the next messages.
func (m *member) sees(count int) {
	events := m.method.Output().Oneofs().ByName("event")
	for range count {
		message := dynamicpb.NewMessage(m.method.Output())
		check(m.stream.RecvMsg(message))
		line := fmt.Sprintf("%s sees %s: %s", m.label, text(message, "name"), text(message, "message"))
		switch event := message.WhichOneof(events); name(event) {
		case "joined", "live":
			line = fmt.Sprintf("%s sees %s", m.label, event.Name())
		case "refused":
			refused := message.Get(event).Message().Interface().(*dynamicpb.Message)
			line = fmt.Sprintf("%s sees %s refused: %s", m.label, text(refused, "nonce"), text(refused, "reason"))
		}
		say("%s", line)
	}
}

// ends prints the status of a stream on which nothing more comes.
func (m *member) ends() {
	message := dynamicpb.NewMessage(m.method.Output())
	err := m.stream.RecvMsg(message)
	if err == nil {
		log.Fatalf("%s is not at the end: %s", m.label, message)
	}
	say("%s ends %s", m.label, explained(err))
	m.cancel()
}

// explained is a status in a few words.
func explained(err error) string {
	failed := status.Convert(err)
	words := failed.Code().String()
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			words += fmt.Sprintf(", %s of %s", detail.Reason, detail.Domain)
		case *errdetails.BadRequest:
			words += fmt.Sprintf(", field %s", detail.FieldViolations[0].Field)
		default:
			words += fmt.Sprintf(", %T", detail)
		}
	}
	return words
}

func parsed(descriptor protoreflect.MessageDescriptor, request string) *dynamicpb.Message {
	message := dynamicpb.NewMessage(descriptor)
	check(protojson.Unmarshal([]byte(request), message))
	return message
}

func text(message *dynamicpb.Message, name protoreflect.Name) string {
	return message.Get(message.Descriptor().Fields().ByName(name)).String()
}

func name(field protoreflect.FieldDescriptor) protoreflect.Name {
	if field == nil {
		return ""
	}
	return field.Name()
}

func say(format string, values ...any) {
	fmt.Println(roomID.ReplaceAllString(fmt.Sprintf(format, values...), "ROOM"))
}

func check(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}
