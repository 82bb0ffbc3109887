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
    summary="a call that is given two seconds, and how each side keeps them",
    intro="""
        A deadline is the time by which a call must be over. It is sent along, so that both
        sides can keep it. Ann's client, played by hand, says two seconds and then only waits:
        the server must keep it. Bob's client is grpcio's, and his server is frozen: it must
        keep it itself.
    """,
    scene=scene,
    story=(
        Step(
            title="Two seconds, and they begin now",
            prose="""
                `grpc-timeout` is a number of at most eight digits and a unit: H, M, S, m for
                milliseconds, u and n. It is what is left, not a time of day: the clocks of the
                two machines need not agree.
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
                The deadline is of the whole call, not of the next message. A chat that is given
                two seconds is over after two seconds, however lively it is.
            """,
            shows=(sent_to("Ann", Kind.DATA, sets("live")),),
        ),
        Step(
            title="The server keeps it",
            prose="""
                It ends the call with trailers that say why. gRPC's document has servers send
                RST_STREAM with CANCEL here, as the client knows by itself; this one sends a
                status, which a client that keeps no deadline can read too.
            """,
            shows=(ENDED_BY_THE_SERVER,),
        ),
        Step(
            title="And asks for no more",
            prose="""
                Ann has not half-closed. A second later RST_STREAM with NO_ERROR, after a
                complete response, tells her that nothing she still has to say is wanted.
            """,
            shows=(sent_to("Ann", Kind.RST_STREAM, error("NO_ERROR")),),
        ),
        Step(
            title="Bob gives his call half a second",
            prose="""
                `stub.Chat(timeout=0.5)`: the library writes what is left of it as it sends.
                The scene has stopped the server's process (SIGSTOP) just before.
            """,
            shows=(
                sent_by("Bob", Kind.HEADERS, call("Chat"), field("grpc-timeout")),
                sent_by("Bob", Kind.DATA, sets("join")),
            ),
        ),
        Step(
            title="The client keeps it too",
            prose="""
                Nothing has come, not even HEADERS: nobody is there to say that the time is
                over. Bob's client says it to its program (DEADLINE_EXCEEDED), and to the server
                with RST_STREAM, for whenever it reads that.
            """,
            shows=(ENDED_BY_THE_CLIENT,),
            not_before=(sent_to("Bob", Kind.HEADERS), sent_to("Bob", Kind.DATA)),
        ),
        Step(
            title="The connection has none",
            prose="""
                The server runs again (SIGCONT). Only a call was given up, so the next one has
                the same connection, and no deadline: stream 3 is answered.
            """,
            shows=(sent_by("Bob", Kind.HEADERS, call("ListChatRooms"), stream(3)), ANSWERED),
        ),
    ),
    why="""
        Each side needs the deadline for something else. The client, so that its program goes on
        whatever happens to the server or the network. The server, so that it does not work for
        somebody who has stopped waiting: its client may be gone without a word.

        The two clocks race. DEADLINE_EXCEEDED therefore says nothing about what was done: a
        message that was sent may be in the room. A client that wants to know asks, here with
        the same nonce (see docs/retrying.md).

        For a chat it is a poor tool: it ends who talks and who is silent alike. What a long
        stream wants is to notice a lost peer: heartbeats or keepalive (the experiment `pings`),
        and to come back (the experiment `resume`). Deadlines are for the short calls beside it.
    """,
    try_next="""
        `chatwire lab deadline --all`: does the server, once it runs again, still send anything
        on Bob's first stream? It might: its frames and his RST_STREAM can cross, and who gets
        frames on a stream that it has reset just ignores them.

        Call with `grpcurl -max-time 2 …` through `chatwire`, and look for `grpc-timeout`.

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
