"""The deadline of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    call,
    error,
    field,
    role,
    sent_by,
    sent_to,
    sets,
    status,
    stream,
)
from chatroom.chatwire.lab.hand import data, settings, settings_ack
from chatroom.chatwire.lab.references import Reference, grpc_document, rfc
from chatroom.chatwire.lab.requests import joining
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

PATIENT = "2S"
"""Ann's deadline, as a field: long enough to be in the room before it passes."""
SECONDS = 0.5
"""Bob's."""

ENDED_BY_THE_SERVER = sent_to("Ann", Kind.HEADERS, END_STREAM, status("DEADLINE_EXCEEDED"))
ENDED_BY_THE_CLIENT = sent_by("Bob", Kind.RST_STREAM, error("CANCEL"))
ANSWERED = sent_to("Bob", Kind.HEADERS, stream(3), END_STREAM, status("OK"))


async def scene(stage: Stage) -> None:
    """Ann's deadline is kept by the server, Bob's by his client, for the server is frozen."""
    async with stage.hand("Ann") as ann:
        await ann.send(PREFACE, settings())
        await ann.send(ann.request(1, CHAT, ("grpc-timeout", PATIENT)), data(1, joining("Ann")))
        await stage.until(sent_to("Ann", Kind.SETTINGS))
        await ann.send(settings_ack())
        await stage.until(ENDED_BY_THE_SERVER)
        await stage.until(sent_to("Ann", Kind.RST_STREAM))
    async with stage.client("Bob") as bob:
        with stage.server.frozen():
            late = bob.Chat(timeout=SECONDS)
            await late.write(joining("Bob"))
            await stage.until(ENDED_BY_THE_CLIENT)
        await bob.ListChatRooms(pb.ListChatRoomsRequest())
        await stage.until(ANSWERED)


EXPERIMENT = Experiment(
    name="deadline",
    title="A deadline on a stream",
    summary="a call that may take two seconds, and how each side ends it",
    intro="""
        A deadline is the time at which a call must be over. The client sends it with the call,
        so that both sides can end the call then. Ann's client, played by hand, says two seconds
        and then only waits: here the server ends the call. Bob's server is stopped: here his
        client, grpcio, ends it.
    """,
    scene=scene,
    story=(
        Step(
            title="Two seconds, and they begin now",
            prose="""
                `grpc-timeout` is a number of at most eight digits and a unit: H, M and S for
                hours, minutes and seconds, m, u and n for milli-, micro- and nanoseconds. It is
                the time that is left, not a time of day. So the clocks of the two machines need
                not agree.
            """,
            shows=(
                sent_by(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.REQUEST),
                    call("Chat"),
                    field("grpc-timeout", PATIENT),
                ),
            ),
            verbose=True,
        ),
        Step(
            title="The stream begins like any other",
            prose="""
                The deadline is for the whole call, not for the next message. A chat with a
                deadline of two seconds is over after two seconds, however much is said.
            """,
            shows=(sent_to("Ann", Kind.DATA, sets("live")),),
        ),
        Step(
            title="The server ends the call",
            prose="""
                The server ends the call with trailers that say why. By gRPC's document a server
                only sends RST_STREAM with CANCEL here, since the client knows the reason. This
                server sends a status, so that a client that does not look at its deadline
                learns the reason too.
            """,
            shows=(ENDED_BY_THE_SERVER,),
        ),
        Step(
            title="And asks for no more",
            prose="""
                Ann has not half-closed. A second later RST_STREAM with NO_ERROR tells her that
                the response is complete, and that the rest of her request is not needed.
            """,
            shows=(sent_to("Ann", Kind.RST_STREAM, error("NO_ERROR")),),
        ),
        Step(
            title="Bob gives his call half a second",
            prose="""
                `stub.Chat(timeout=0.5)`: when the library sends the call, it writes how much of
                the time is left. Just before, the scene has stopped the server's process
                (SIGSTOP).
            """,
            shows=(
                sent_by("Bob", Kind.HEADERS, call("Chat"), field("grpc-timeout")),
                sent_by("Bob", Kind.DATA, sets("join")),
            ),
        ),
        Step(
            title="Bob's client ends its call too",
            prose="""
                Nothing has come, not even HEADERS, since the server is stopped. Bob's client
                tells its program that the time is over (DEADLINE_EXCEEDED). It also tells the
                server, with RST_STREAM, which the server reads when it runs again.
            """,
            shows=(ENDED_BY_THE_CLIENT,),
            not_before=(sent_to("Bob", Kind.HEADERS), sent_to("Bob", Kind.DATA)),
        ),
        Step(
            title="The connection goes on",
            prose="""
                The server runs again (SIGCONT). Only the call has ended. The next call is on
                the same connection, without a deadline: stream 3 is answered.
            """,
            shows=(sent_by("Bob", Kind.HEADERS, call("ListChatRooms"), stream(3)), ANSWERED),
        ),
    ),
    why="""
        Client and server need the deadline for different reasons. The client's program can go
        on, whatever happens to the server or the network. The server does no work for a client
        that has stopped waiting, and may be gone.

        Either side may be the first to end the call. So DEADLINE_EXCEEDED does not tell what
        was done: a message that was sent may be in the room. A client that has to know sends it
        again with the same nonce (see docs/retrying.md).

        A deadline is of little use for a chat: it ends the stream also while people talk. A
        long stream needs to notice that its peer is lost, by heartbeats or keepalive (the
        experiment `pings`), and to come back (the experiment `resume`). Deadlines are for the
        short calls beside it.
    """,
    try_next="""
        `chatwire lab deadline --all`: does the server, when it runs again, still send anything
        on Bob's first stream? It may, until it has read his RST_STREAM. A client ignores frames
        of a stream that it has reset.

        Call with `grpcurl -max-time 2 …` through `chatwire -v`, and look for `grpc-timeout`.

        Send `grpc-timeout: 2s` by hand, with the wrong unit, and see what the server makes of
        it.
    """,
    references=(
        grpc_document("PROTOCOL-HTTP2", "Timeout, and Client Cancellation"),
        Reference(
            "gRPC, Deadlines",
            "https://grpc.io/docs/guides/deadlines/",
            "why every call should have one",
        ),
        rfc(9113, "5.1", "frames that come after RST_STREAM"),
        rfc(9113, "8.1", "RST_STREAM with NO_ERROR after a complete response"),
    ),
)
