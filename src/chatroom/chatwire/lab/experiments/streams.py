"""Three streams on one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Headers, Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    Condition,
    at_least,
    error,
    field,
    role,
    says,
    sent_by,
    sent_to,
    stream,
)
from chatroom.chatwire.lab.references import Reference, rfc
from chatroom.chatwire.lab.requests import joining, saying

if TYPE_CHECKING:
    import grpc

    from chatroom.api.rpc.chat_pb2 import ChatMessage, Message
    from chatroom.chatwire.lab.stage import Stage

    Call = grpc.aio.StreamStreamCall[ChatMessage, Message]

ARRIVED = says("Has entered the chat")
LEFT = says("Has left the chat")
A_BYTE_A_FIELD = Condition(
    "a byte for each field",
    lambda frame: isinstance(frame.detail, Headers) and frame.length == len(frame.detail.fields),
)


async def scene(stage: Stage) -> None:
    """A gateway has three people on one connection; one speaks, one is cancelled."""
    async with stage.client("the gateway") as gateway:
        ann = await arrival(stage, gateway.Chat(), "Ann", 1)
        bob = await arrival(stage, gateway.Chat(), "Bob", 3)
        cleo = await arrival(stage, gateway.Chat(), "Cleo", 5)
        await ann.write(saying("Good morning"))
        for number in (3, 5):
            await stage.until(
                sent_to("the gateway", Kind.DATA, stream(number), says("Good morning"))
            )
        bob.cancel()
        for number in (1, 5):
            heard = await stage.until(sent_to("the gateway", Kind.DATA, stream(number), LEFT))
        ann.cancel()
        await stage.until(sent_to("the gateway", Kind.DATA, stream(5), LEFT), after=heard)
        cleo.cancel()


async def arrival(stage: Stage, call: Call, person: str, number: int) -> Call:
    """Join with a call, and wait until that is answered on the stream of this number."""
    await call.write(joining(person, features=()))
    await stage.until(sent_to("the gateway", Kind.DATA, stream(number), ARRIVED))
    return call


EXPERIMENT = Experiment(
    name="streams",
    title="Three streams on one connection",
    summary="how three conversations share one TCP connection, and one compression table",
    intro="""
        A gateway speaks for three people, and needs one connection for all of them: each call
        is a stream of its own, and each frame has the number of its stream. The three share the
        connection's window, the order in which bytes pass, and a table that makes header fields
        short.
    """,
    scene=scene,
    story=(
        Step(
            title="The first call tells everything",
            prose="""
                Header fields are compressed (HPACK). A few are in a table of the RFC, such as
                `:method: POST`. Other fields are sent as text, and both sides put them into a
                second table, which is the connection's own.
            """,
            shows=(
                sent_by(
                    "the gateway",
                    Kind.HEADERS,
                    stream(1),
                    role(Role.REQUEST),
                    field("grpc-accept-encoding"),
                    at_least(100),
                ),
            ),
            verbose=True,
        ),
        Step(
            title="The second call: a byte for each field",
            prose="""
                The fields are the same, and now all of them are in a table: for each of them
                its number there is sent. It is a new stream, number 3; even numbers are for
                streams that a server opens.
            """,
            shows=(
                sent_by(
                    "the gateway",
                    Kind.HEADERS,
                    stream(3),
                    role(Role.REQUEST),
                    field("grpc-accept-encoding"),
                    A_BYTE_A_FIELD,
                ),
            ),
            verbose=True,
        ),
        Step(
            title="And the third",
            prose="""
                The second table depends on all header blocks before, and that has a price.
                Header blocks must be decoded in the order in which they were sent. A broken one
                ends the connection (COMPRESSION_ERROR), and not only its stream. And a tap that
                begins in the middle of a connection cannot decode them.
            """,
            shows=(
                sent_by("the gateway", Kind.HEADERS, stream(5), role(Role.REQUEST), A_BYTE_A_FIELD),
            ),
        ),
        Step(
            title="One says something",
            prose="""
                Ann is stream 1. There are two numbers after `window`: each stream has a window
                of its own, and the connection has one for all of them together.
            """,
            shows=(sent_by("the gateway", Kind.DATA, stream(1), says("Good morning")),),
        ),
        Step(
            title="Bob hears it",
            prose="""
                Frames of different streams may come in any order; those of one stream come in
                the order in which they were sent. The server may begin with Bob or with Cleo,
                and may send other frames between.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(3), says("Good morning")),),
            out_of_turn=True,
        ),
        Step(
            title="Cleo hears it",
            prose="""
                The same message, and so the same bytes, on stream 5. Both frames take their
                bytes from the connection's window (the second number), and each from the window
                of its own stream.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(5), says("Good morning")),),
            out_of_turn=True,
        ),
        Step(
            title="One stream ends",
            prose="""
                The gateway cancels Bob's call. RST_STREAM ends one stream, and changes no
                other. In HTTP/1.1 the only way would be to close the connection.
            """,
            shows=(sent_by("the gateway", Kind.RST_STREAM, stream(3), error("CANCEL")),),
        ),
        Step(
            title="The others go on",
            prose="""
                On stream 1 Ann is told that Bob has left. On stream 3 nothing comes any more.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(1), LEFT),),
            not_after=(sent_to("the gateway", Kind.DATA, stream(3)),),
        ),
    ),
    why="""
        A connection costs a handshake and memory, and is slow at first: TCP has to find out how
        fast it may send. A stream costs one HEADERS frame, here with some eight bytes of
        fields. So gRPC opens one connection to a server and puts all calls on it, up to the
        number that the server allows (SETTINGS, MAX_CONCURRENT_STREAMS). Here that is 160. Only
        128 of them may be in rooms, so that there is always a place for a short call.

        One stream can use up what all share. The bytes of a stream that nobody reads stay taken
        from the connection's window. So a receiver makes that window much larger than a
        stream's: this server takes 4 MiB, for 160 streams of 16 KiB. Bytes on the wire have one
        order: when a TCP segment is lost, all streams wait for it. For this reason HTTP/3 does
        not use TCP.

        When the connection ends, all its streams end. See the experiment `pings`.
    """,
    try_next="""
        `chatwire lab streams --stream 3`: Bob's conversation alone, from its first frame to its
        last.

        `chatwire lab streams --frame headers -v`: the responses too. This server uses only the
        RFC's table, and puts nothing into the second one. So its header blocks are the same
        bytes for every client.

        Put `chatwire --summary` between a program of your own and its server: how many streams
        are there on each connection?
    """,
    references=(
        rfc(9113, "5.1.1", "stream identifiers"),
        rfc(9113, "5.1.2", "how many streams at a time"),
        rfc(9113, "4.3.1", "compression state, and what happens when it is lost"),
        rfc(7541, "2.3.2", "the dynamic table"),
        rfc(7541, "6.1", "a field as its number in the tables"),
        Reference(
            "gRPC, Performance Best Practices",
            "https://grpc.io/docs/guides/performance/",
            "when one connection is not enough",
        ),
    ),
)
