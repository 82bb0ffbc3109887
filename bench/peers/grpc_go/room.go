package main

import (
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// outboxMessages is how far a member may fall behind before its room waits for it.
	outboxMessages = 256
	// stallTime is how long the room waits before it ends the member instead.
	stallTime = 10 * time.Second
)

// member is one stream in a room.
type member struct {
	name   string
	outbox chan *grpc.PreparedMsg // closed when the member is no longer in the room
	gone   <-chan struct{}        // closed when its stream is over
	why    error                  // set before outbox is closed: what the stream ends with
}

// end closes the outbox of a member who is in the room no longer.
func (m *member) end(why error) {
	m.why = why
	close(m.outbox)
}

// wait puts a message into a full outbox once there is room. It is false when the member
// has stalled; one that is gone needs no message.
func (m *member) wait(message *grpc.PreparedMsg) bool {
	timer := time.NewTimer(stallTime)
	defer timer.Stop()
	select {
	case m.outbox <- message:
		return true
	case <-m.gone:
		return true
	case <-timer.C:
		return false
	}
}

// room is the members of one room, in the order of their joining. All of them are told
// everything in the same order.
type room struct {
	id      string
	private bool
	mu      sync.Mutex
	members []*member
}

// enter lets a new member in and tells everyone, itself too. It is false when the name
// is taken.
func (r *room) enter(entering *member, message *grpc.PreparedMsg) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.members, func(m *member) bool { return m.name == entering.name }) {
		return false
	}
	r.members = append(r.members, entering)
	r.put(message, nil)
	return true
}

// tell puts a message into every outbox but that of its author.
func (r *room) tell(message *grpc.PreparedMsg, author *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(message, author)
}

// leave lets a member go, who may have been ended before, and tells the others.
func (r *room) leave(leaving *member, message *grpc.PreparedMsg, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := slices.Index(r.members, leaving); at >= 0 {
		r.members = slices.Delete(r.members, at, at+1)
		leaving.end(why)
	}
	r.put(message, nil)
}

// close ends everyone: the room is no more.
func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		m.end(status.Error(codes.NotFound, "The room was closed."))
	}
	r.members = nil
}

// put needs r.mu. A member that stays behind too long is ended.
func (r *room) put(message *grpc.PreparedMsg, author *member) {
	stalled := false
	for _, m := range r.members {
		if m == author {
			continue
		}
		select {
		case m.outbox <- message:
		default:
			if !m.wait(message) {
				stalled = true
				m.end(status.Error(codes.ResourceExhausted, "Too far behind."))
			}
		}
	}
	if stalled {
		r.members = slices.DeleteFunc(r.members, func(m *member) bool { return m.why != nil })
	}
}

// count is the number of members.
func (r *room) count() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return uint32(len(r.members))
}
