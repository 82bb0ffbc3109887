"""Anatomy of a join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    NO_ACK,
    OPEN,
    call,
    field,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    setting,
    stream,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage


async def scene(stage: Stage) -> None:
    """Ann joins the lobby and waits until she is in."""
    async with stage.client("Ann") as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        await stage.until(sent_by("Ann", Kind.SETTINGS, ACK))
        await stage.until(sent_to("Ann", Kind.SETTINGS, ACK))
        talk.cancel()


EXPERIMENT = Experiment(
    name="join",
    title="Anatomy of a join",
    summary="every frame from the first byte of a connection to the first message of a stream",
    intro="""
        Ann's client connects and joins a room. First both sides agree on an HTTP/2 connection.
        Then the client opens one stream, and from then on both sides may send on it at any
        time.
    """,
    scene=scene,
    story=(
        Step(
            title="The client says that it speaks HTTP/2",
            prose="""
                The first 24 bytes are always the same text: PRI * HTTP/2.0, and SM. A server
                that knows only HTTP/1.1 gives up at once when it reads it. Without TLS the two
                cannot agree on a protocol beforehand: the client has to know that the server
                speaks HTTP/2.
            """,
            shows=(sent_by("Ann", Kind.PREFACE),),
        ),
        Step(
            title="Both announce their limits",
            prose="""
                SETTINGS say what their sender is ready to receive. INITIAL_WINDOW_SIZE is how
                many bytes of DATA may come on each stream before the sender of the SETTINGS
                gives permission for more. MAX_CONCURRENT_STREAMS=0 from a client means: push me
                nothing.

                SETTINGS go on stream 0, which is the connection itself. Neither side waits for
                those of the other.
            """,
            shows=(sent_by("Ann", Kind.SETTINGS, setting("INITIAL_WINDOW_SIZE"), NO_ACK),),
        ),
        Step(
            title="The connection's own window",
            prose="""
                Each stream has a window. The connection has one too, for all its streams
                together. No setting changes that one; a WINDOW_UPDATE on stream 0 does.
            """,
            shows=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(0)),),
        ),
        Step(
            title="The server's limits",
            prose="""
                At most 160 calls at a time on this connection, and 16,384 bytes on each stream
                before the server has read them. That is a quarter of HTTP/2's default: if the
                server stops reading a member, the member's client soon has to wait.
                MAX_HEADER_LIST_SIZE is how long the fields of a request may be together. A
                setting that is not named keeps its default, such as MAX_FRAME_SIZE: 16,384
                bytes.
            """,
            shows=(
                sent_to(
                    "Ann",
                    Kind.SETTINGS,
                    setting("INITIAL_WINDOW_SIZE", 16384),
                    setting("MAX_CONCURRENT_STREAMS", 160),
                    setting("MAX_HEADER_LIST_SIZE", 16384),
                ),
            ),
            out_of_turn=True,
        ),
        Step(
            title="Ann acknowledges the server's",
            prose="""
                An empty SETTINGS with ACK: from here on the server's settings are in force for
                Ann. The server acknowledges hers too (`--all` shows it). Between which other
                frames the two come is chance.
            """,
            shows=(sent_by("Ann", Kind.SETTINGS, ACK),),
            out_of_turn=True,
        ),
        Step(
            title="The call begins",
            prose="""
                HEADERS open stream 1. A client's streams have odd numbers, each used once. For
                HTTP a gRPC call is a POST whose path is service and method. `te: trailers` is
                there to find proxies that do not understand it: they would lose the trailers,
                which will say how the call ended. A server to which the field does not come
                knows that there is one on the way. (This one serves the call all the same.)
                There is no END_STREAM: the request goes on.
            """,
            shows=(
                sent_by(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.REQUEST),
                    call("Chat"),
                    field("te", "trailers"),
                    stream(1),
                    OPEN,
                ),
            ),
            verbose=True,
        ),
        Step(
            title="The first message: a join",
            prose="""
                DATA carries gRPC's envelopes: one byte of flags (0: not compressed), four of
                length, the protobuf message. This service wants a `join` first. The two windows
                are what the client may still send, on the stream and on the connection.
            """,
            shows=(sent_by("Ann", Kind.DATA, sets("join"), OPEN),),
        ),
        Step(
            title="The server accepts",
            prose="""
                `:status: 200` says only that gRPC is spoken here. Whether the call succeeds is
                told at its end. If the join were refused, the call would end here: see the
                experiment `refusal`.
            """,
            shows=(sent_to("Ann", Kind.HEADERS, role(Role.RESPONSE), field(":status", "200")),),
            verbose=True,
        ),
        Step(
            title="You are in, your own arrival, then: live",
            prose="""
                `joined` holds the session with which Ann can come back after a lost connection,
                the list of members, and the room's limits. Only streams that asked for
                FEATURE_EVENTS get it.

                The arrival is an entry of the room's log, with a sequence, as any message is.
                After `live` everything comes as it happens. The server wrote all of this at
                once, so one DATA frame has three envelopes: a frame may hold many messages, or
                a part of one.
            """,
            shows=(
                sent_to(
                    "Ann", Kind.DATA, sets("joined"), says("Has entered the chat"), sets("live")
                ),
            ),
            not_before=(
                sent_to("Ann", Kind.DATA, END_STREAM),
                sent_by("Ann", Kind.DATA, END_STREAM),
            ),
        ),
    ),
    why="""
        One connection carries many calls, and each call is a stream of two independent
        directions. A new stream costs one HEADERS frame each way. After that a message costs
        nine bytes of frame and five of envelope. Limits, path and content type are said once,
        at the start.

        The server sends HEADERS only when it has let the member in. It could send them at once.
        But then a client could not tell a refusal from a call that began and failed later.
    """,
    try_next="""
        `chatwire lab join --all`: every frame, also the PING by which grpcio measures how fast
        the connection is, and the WINDOW_UPDATE frames that give window back for what was read.

        Join without `features`, as the original's client did, and compare what comes first.
        Start `chatserver --room lobby` and `chatwire`, then `grpcurl -plaintext -d '{"join":
        {"room_id": "lobby", "name": "Eve"}}' localhost:8081 rpc.ChatService/Chat`.

        `chatwire lab join-by-hand`: the same bytes without any library.
    """,
    references=(
        rfc(9113, "3.4", "the connection preface"),
        rfc(9113, "6.5", "SETTINGS"),
        rfc(9113, "8.1", "requests and responses as frames"),
        grpc_document("PROTOCOL-HTTP2", "Request-Headers, Length-Prefixed-Message"),
    ),
)
