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
            await stage.until(sent_to("the gateway", Kind.DATA, stream(number), LEFT))
        ann.cancel()
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
        is a stream of its own, and frames say which they belong to. What they share: the
        connection's window, the order in which bytes pass, and a table that makes header
        fields short.
    """,
    scene=scene,
    story=(
        Step(
            title="The first call tells everything",
            prose="""
                Header fields are packed (HPACK). A few come from a table that is in the RFC,
                such as `:method: POST`. What is not there is sent as text, and both sides put
                it into a second table, which is the connection's own.
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
                The same fields, and now all of them are in a table: each is its number there.
                It is a new stream, number 3; even ones would be the server's.
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
                A table that depends on all that came before has a price: header blocks are
                decoded in the order in which they were sent, and one that is lost or broken
                ends the connection (COMPRESSION_ERROR), not only its stream. A tap that begins
                in the middle of a connection cannot decode them either.
            """,
            shows=(
                sent_by("the gateway", Kind.HEADERS, stream(5), role(Role.REQUEST), A_BYTE_A_FIELD),
            ),
        ),
        Step(
            title="One says something",
            prose="""
                Ann is stream 1. The two numbers behind `window`: each stream has a window of
                its own, and the connection has one for all of them together.
            """,
            shows=(sent_by("the gateway", Kind.DATA, stream(1), says("Good morning")),),
        ),
        Step(
            title="Bob hears it",
            prose="""
                Frames of different streams come in any order; those of one stream never do. The
                server could begin with either, and send other frames between.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(3), says("Good morning")),),
            out_of_turn=True,
        ),
        Step(
            title="Cleo hears it",
            prose="""
                The same message, so the same bytes, on stream 5. Both came out of the
                connection's window, the second number, but each out of its own stream's.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(5), says("Good morning")),),
            out_of_turn=True,
        ),
        Step(
            title="One stream ends",
            prose="""
                The gateway cancels Bob's call. RST_STREAM is about one stream, and no other is
                touched. Closing the connection would have been the only way in HTTP/1.1.
            """,
            shows=(sent_by("the gateway", Kind.RST_STREAM, stream(3), error("CANCEL")),),
        ),
        Step(
            title="The others go on",
            prose="""
                On stream 1 Ann is told. On stream 3 nothing comes any more.
            """,
            shows=(sent_to("the gateway", Kind.DATA, stream(1), LEFT),),
            not_after=(sent_to("the gateway", Kind.DATA, stream(3)),),
        ),
    ),
    why="""
        A connection costs a handshake, memory, and slow beginnings: TCP has to find out how
        fast it may send. A stream costs one HEADERS frame, here of some eight bytes. So gRPC
        opens one connection to a server and puts all calls on it, up to the number that the
        server allows (SETTINGS, MAX_CONCURRENT_STREAMS: 160 here, of which 128 may be in
        rooms, so that a call always has a place).

        What is shared can be used up by one. A stream that nobody reads keeps what it has got
        of the connection's window, so a receiver makes that one much larger than a stream's:
        this server 4 MiB, for 160 streams of 16 KiB. And bytes on the wire have one order: a
        lost TCP segment holds up all streams, which is why HTTP/3 left TCP.

        And a connection ends for all. See the experiment `pings`.
    """,
    try_next="""
        `chatwire lab streams --stream 3`: Bob's conversation alone, from its first frame to its
        last.

        `chatwire lab streams --frame headers -v`: the responses too. This server takes fields
        from the RFC's table or writes them out, and puts nothing into the second one: so its
        header blocks are the same bytes for everyone.

        Put `chatwire` between a program of yours and its server, with `--summary`: how many
        streams are there on each connection?
    """,
    references=(
        rfc(9113, "5.1.1", "stream identifiers"),
        rfc(9113, "5.1.2", "how many streams at a time"),
        rfc(9113, "4.3.1", "compression state, and what its loss means"),
        rfc(7541, "2.3.2", "the dynamic table"),
        rfc(7541, "6.1", "a field as its number in the tables"),
        Reference(
            "gRPC, Performance Best Practices",
            "https://grpc.io/docs/guides/performance/",
            "when one connection is not enough",
        ),
    ),
)
