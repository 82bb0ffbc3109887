"""GOAWAY whose last stream is wrong: too low, then higher than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import last_stream, says, sent_by, sent_to, stream, touched
from chatroom.chatwire.lab.references import Reference, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.stage import DidNotHappen

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

WHO = "the gateway"
QUIET = (("grpc.http2.bdp_probe", 0),)
ARRIVED, LEFT = says("Has entered the chat"), says("Has left the chat")
HELLO, STILL = "Hello, Bob", "Still here"


async def scene(stage: Stage) -> None:
    """Ann and Bob are on one connection when a GOAWAY comes that forgets Bob."""
    async with stage.client(WHO, *QUIET) as gateway:
        ann, bob = gateway.Chat(), gateway.Chat()
        for call, name, number in ((ann, "Ann", 1), (bob, "Bob", 3)):
            await call.write(joining(name, features=()))
            await stage.until(sent_to(WHO, Kind.DATA, stream(number), ARRIVED))
        await ann.write(saying(HELLO))
        await stage.until(sent_to(WHO, Kind.DATA, stream(1), LEFT))
        if (code := await bob.code()) is not grpc.StatusCode.UNAVAILABLE:
            raise DidNotHappen(f"Bob's call ended with {code.name}")
        await ann.write(saying(STILL))
        await stage.until(sent_by(WHO, Kind.DATA, stream(1), says(STILL)))
        ann.cancel()
        await stage.until(sent_by(WHO, Kind.RST_STREAM, stream(1)))


EXPERIMENT = Experiment(
    name="higher-goaway",
    title="A last stream that is wrong",
    summary="GOAWAY that is too low denies work that was done; one that is higher comes too late",
    intro="""
        GOAWAY names the last stream that the server may have worked on. Clients rely on that:
        what is above it they may send again elsewhere. Here a proxy says it wrong. Ann's call
        is stream 1 and Bob's is stream 3, and the server is busy with both.
    """,
    faults=(
        f'inject down stream 3 field message="{HELLO}": goaway NO_ERROR last 1',
        'inject down stream 1 text "Has left": goaway NO_ERROR last 5',
    ),
    scene=scene,
    story=(
        Step(
            title="Both are in the room",
            prose="""
                The server has answered on stream 3. It has worked on it, without any doubt.
            """,
            shows=(
                sent_to(WHO, Kind.DATA, stream(1), ARRIVED),
                sent_to(WHO, Kind.DATA, stream(3), ARRIVED),
            ),
        ),
        Step(
            title="Last stream 1",
            prose="""
                The proxy says that nothing above stream 1 was worked on. That is untrue, and it
                could be known: a stream on which something has been sent counts as worked on.
            """,
            shows=(sent_to(WHO, Kind.GOAWAY, last_stream(1), touched("invented")),),
        ),
        Step(
            title="The client believes it",
            prose="""
                It ends stream 3 at once, though Bob's conversation was alive. Bob's program is
                told UNAVAILABLE. Had nothing of the response come yet, the library would have
                repeated the call by itself on another connection: gRPC takes a call above the
                last stream for one that nobody has seen (a *transparent* retry). Then Bob would
                be there twice.
            """,
            shows=(sent_by(WHO, Kind.RST_STREAM, stream(3)),),
        ),
        Step(
            title="The server had worked on it",
            prose="""
                Ann is told that Bob has left: what the server did with stream 3 was not
                nothing.

                Before that message a second GOAWAY comes: last stream 5. A GOAWAY may follow
                another, with a lower number. It may never be higher (RFC 9113): clients may have
                repeated already what is now said to be in good hands.
            """,
            shows=(
                sent_to(WHO, Kind.GOAWAY, last_stream(5), touched("invented")),
                sent_to(WHO, Kind.DATA, stream(1), LEFT),
            ),
        ),
        Step(
            title="It changes nothing any more",
            prose="""
                Bob's stream is gone. This client, grpcio's, lets stream 1 go on. grpc-go is
                stricter: it takes a number that has risen for an error, and ends the connection
                with all its streams.
            """,
            shows=(sent_by(WHO, Kind.DATA, stream(1), says(STILL)),),
        ),
    ),
    why="""
        The last stream divides calls into two kinds: those that may have had an effect, and
        those that have had none for certain. Only the second kind can be repeated by a library
        that knows nothing of what the call does. So a server may name a number that is too high
        (then less is repeated than could be), but never one that is too low.

        A server that does not know yet names the highest, 2^31-1, and says it more exactly
        later; see `drain`. Numbers can only sink: each GOAWAY takes a promise back that
        something *may* have been worked on, and none may take back that something has not.

        A proxy has it harder. Its streams downwards have other numbers than those upwards, and
        it must know of each what has become of it.
    """,
    try_next="""
        `chatwire lab drain`: how it is done right, in two steps.

        `chatwire fault --inject 'down call 2: goaway NO_ERROR last 1'` before a service of your
        own whose calls take long. Which are made twice?

        Take the rule for the second GOAWAY alone, with a client in Go.
    """,
    references=(
        rfc(9113, "6.8", "GOAWAY, and that the last stream may not increase"),
        rfc(9113, "8.7", "which requests may be repeated"),
        grpc_proposal("A6-client-retries", "transparent retries"),
        Reference(
            "grpc-go, http2_client.go",
            "https://github.com/grpc/grpc-go/blob/master/internal/transport/http2_client.go",
            "handleGoAway, which refuses a number that has risen",
        ),
    ),
)
