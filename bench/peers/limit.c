/* The machine's limit: a server that looks at nothing and only copies bytes into sockets.
 *
 * A connection's first line is "L room" of one that listens, or "S room" of one that speaks; it
 * is answered with "in". Whatever else a speaker sends goes to every listener of its room as it
 * came, all of a read in one write: frames that the load generator has made beforehand. One
 * thread, no queue: a write waits until it is done.
 *
 * limit PORT [drop|repeat|swap N FRAME_BYTES]: once, the N-th frame of this size that speakers
 * send is dropped, written twice, or written after its successor, for its room's first listener:
 * to show that the load generator notices.
 */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 262144, LINE_BYTES = 128, MOST_DESCRIPTORS = 1 << 16, EVENTS = 256 };

struct room {
    char *id;
    int *listeners, count, room_for;
    struct room *next;
};

struct connection {
    struct room *room; /* NULL until its line has come */
    int speaks, had;
    char line[LINE_BYTES];
};

static struct connection *connections[MOST_DESCRIPTORS];
static struct room *rooms[1 << 12];
static char buffer[READ_BYTES];
static const char *fault = "";
static long faulty = -1, frames;
static size_t frame_bytes;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *must(void *memory) {
    if (!memory)
        fail("memory");
    return memory;
}

static struct room *room_of(const char *id) {
    unsigned hash = 5381;
    for (const char *at = id; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    struct room **first = &rooms[hash % (1 << 12)];
    for (struct room *one = *first; one; one = one->next)
        if (!strcmp(one->id, id))
            return one;
    struct room *made = must(calloc(1, sizeof *made));
    made->id = must(strdup(id));
    made->next = *first;
    return *first = made;
}

static void send_all(int to, const char *octets, size_t size) {
    while (size) {
        ssize_t sent = send(to, octets, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = to, .events = POLLOUT};
            poll(&waiting, 1, -1);
        } else if (sent < 0) {
            return; /* it has gone: its own event says so */
        } else {
            octets += sent;
            size -= (size_t)sent;
        }
    }
}

static void gone(int which) {
    struct connection *one = connections[which];
    if (one->room && !one->speaks) {
        struct room *room = one->room;
        for (int at = 0; at < room->count; at++)
            if (room->listeners[at] == which)
                room->listeners[at] = room->listeners[--room->count];
    }
    free(one);
    connections[which] = NULL;
    close(which);
}

/* Take the first line; how many of the bytes it used. */
static int enter(int which, struct connection *one, const char *octets, int size) {
    for (int at = 0; at < size; at++) {
        if (octets[at] != '\n') {
            if (one->had == LINE_BYTES - 1)
                return size;
            one->line[one->had++] = octets[at];
            continue;
        }
        one->speaks = one->line[0] == 'S';
        struct room *room = one->room = room_of(one->line + 2);
        if (!one->speaks) {
            if (room->count == room->room_for) {
                room->room_for = room->room_for ? 2 * room->room_for : 2;
                size_t bytes = (size_t)room->room_for * sizeof *room->listeners;
                room->listeners = must(realloc(room->listeners, bytes));
            }
            room->listeners[room->count++] = which;
        }
        send_all(which, "in\n", 3);
        return at + 1;
    }
    return size;
}

/* Write to a room's first listener, with the fault if its time has come; 0: nothing was written. */
static int spoiled(int to, const char *octets, size_t size) {
    static char *held; /* the frame that is to come after its successor */
    static int held_for = -1;
    if (faulty < 0 || size < frame_bytes)
        return 0;
    size_t before = 0, after = 0;
    if (held_for == to) {
        send_all(to, octets, frame_bytes);
        send_all(to, held, frame_bytes);
        held_for = -1;
        before = after = frame_bytes;
    } else if (faulty >= frames && faulty < frames + (long)(size / frame_bytes)) {
        before = (size_t)(faulty - frames) * frame_bytes;
        after = before + frame_bytes;
        send_all(to, octets, before);
        if (!strcmp(fault, "repeat")) {
            send_all(to, octets + before, frame_bytes);
            send_all(to, octets + before, frame_bytes);
        } else if (!strcmp(fault, "swap")) {
            held = must(malloc(frame_bytes));
            memcpy(held, octets + before, frame_bytes);
            held_for = to;
            frames += (long)(size / frame_bytes);
            if (after < size)
                return spoiled(to, octets + after, size - after);
            return 1;
        }
    }
    frames += (long)(size / frame_bytes);
    send_all(to, octets + after, size - after);
    return 1;
}

static void readable(int which) {
    struct connection *one = connections[which];
    ssize_t size = recv(which, buffer, READ_BYTES, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        gone(which);
        return;
    }
    int used = one->room ? 0 : enter(which, one, buffer, (int)size);
    if (used == size || !one->room || !one->speaks)
        return;
    struct room *room = one->room;
    size_t whole = (size_t)(size - used);
    int first = room->count && spoiled(room->listeners[0], buffer + used, whole);
    for (int at = first; at < room->count; at++)
        send_all(room->listeners[at], buffer + used, whole);
}

int main(int count, char **words) {
    if (count != 2 && count != 5) {
        fprintf(stderr, "usage: limit PORT [drop|repeat|swap N FRAME_BYTES]\n");
        return 2;
    }
    if (count == 5) {
        fault = words[2];
        faulty = atol(words[3]);
        frame_bytes = (size_t)atol(words[4]);
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096))
        fail("limit");
    int loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(loop, events, EVENTS, -1);
        for (int at = 0; at < ready; at++) {
            if (events[at].data.fd != listener) {
                readable(events[at].data.fd);
                continue;
            }
            int which = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (which < 0)
                continue;
            if (which >= MOST_DESCRIPTORS) {
                close(which);
                continue;
            }
            setsockopt(which, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            connections[which] = must(calloc(1, sizeof(struct connection)));
            event.events = EPOLLIN;
            event.data.fd = which;
            epoll_ctl(loop, EPOLL_CTL_ADD, which, &event);
        }
    }
}
