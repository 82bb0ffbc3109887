"""A server that goes away in an orderly way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    FIN,
    NO_ACK,
    error,
    last_stream,
    says,
    sent_by,
    sent_to,
    sets,
    status,
)
from chatroom.chatwire.lab.references import grpc_document, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.stage import DidNotHappen
from chatroom.wire.http2.frames import LARGEST_STREAM_ID

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage


NO_PROBES = ("grpc.http2.bdp_probe", 0)
"""No PING of the client's: an answer that comes when it has left already meets a reset."""


async def scene(stage: Stage) -> None:
    """Ann says something, and the server is told to stop at the same moment."""
    async with stage.client("Ann", NO_PROBES) as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        await talk.write(saying("Is anybody here?"))
        await stage.until(sent_to("Ann", Kind.DATA, says("Is anybody here?")))
        stopped = asyncio.create_task(stage.server.stop())
        await stage.until(sent_to("Ann", Kind.HEADERS, END_STREAM))
        await stage.until(sent_to("Ann", Kind.ENDED))
        await stopped
    if stage.server.process and stage.server.process.returncode:
        raise DidNotHappen(f"the server ended with exit code {stage.server.process.returncode}")


EXPERIMENT = Experiment(
    name="drain",
    title="A server that goes away",
    summary="what a chatserver says on SIGTERM: a message, a status, GOAWAY, and only then FIN",
    intro="""
        Ann is in a room when whoever runs the server sends it SIGTERM, as a supervisor does
        for every new version. A call that lasts for hours never ends by itself, so waiting
        for it is no way to stop. The server ends it, on each of three levels in turn.
    """,
    scene=scene,
    story=(
        Step(
            title="An ordinary moment",
            prose="""
                Ann's own message comes back to her with its sequence: it is stored. Whatever
                was acknowledged so survives what follows.
            """,
            shows=(sent_to("Ann", Kind.DATA, says("Is anybody here?")),),
        ),
        Step(
            title="To the program: draining",
            prose="""
                The first to know is the chat: an event, with how long to wait before coming
                back, and words for a person. It reaches only who asked for events.
            """,
            shows=(sent_to("Ann", Kind.DATA, sets("draining")),),
        ),
        Step(
            title="To gRPC: the status",
            prose="""
                The stream ends with trailers. UNAVAILABLE is the status that means: try again,
                here or elsewhere. The details say which UNAVAILABLE it is (DRAINING), and after
                how long (RetryInfo).
            """,
            shows=(sent_to("Ann", Kind.HEADERS, END_STREAM, status("UNAVAILABLE", "DRAINING")),),
        ),
        Step(
            title="To HTTP/2: GOAWAY, in two steps",
            prose="""
                The first GOAWAY names the highest stream that there can be: stop opening
                streams here, but what is on its way is still served. The PING behind it is
                answered once Ann has read both.

                Then the second one. `last stream 1` is the highest that was, or might have
                been, worked on. A call on a higher one was not begun at all: a client may send
                it again elsewhere without asking whether that is safe. NO_ERROR: nobody did
                anything wrong.
            """,
            shows=(
                sent_to("Ann", Kind.GOAWAY, error("NO_ERROR"), last_stream(LARGEST_STREAM_ID)),
                sent_to("Ann", Kind.PING, NO_ACK),
                sent_by("Ann", Kind.PING, ACK),
                sent_to("Ann", Kind.GOAWAY, error("NO_ERROR"), last_stream(1)),
            ),
            not_before=(sent_to("Ann", Kind.ENDED),),
        ),
        Step(
            title="To TCP: the end",
            prose="""
                FIN and no reset, after the last byte of all that was said. Then the process
                ends, with exit code 0.
            """,
            shows=(sent_to("Ann", Kind.ENDED, FIN),),
        ),
    ),
    why="""
        Each level has its own reader. The program learns from `draining` that it need not tell
        its user of an error. The gRPC library learns from the status that the call may be
        repeated. The HTTP/2 connection pool learns from GOAWAY to open another connection. And
        TCP learns from FIN that nothing is missing.

        Most servers begin with GOAWAY and let calls finish, which suits calls that do. Here it
        comes last, as all streams have ended by then. The port accepts connections until then
        too: who comes during the drain is told UNAVAILABLE, which is better than a refused
        connection, behind which may be anything.

        What would be missing without it: a connection that is simply closed leaves everyone
        to guess which of their calls were worked on.
    """,
    try_next="""
        Run `chatserver --drain-delay 5`, stop it with Ctrl-C, and ask its health meanwhile
        with `grpcurl -plaintext localhost:8080 grpc.health.v1.Health/Check`: NOT_SERVING, so
        that a load balancer sends nobody there any more.

        Stop it with `kill -9` instead, and compare: no GOAWAY, no status, just the end of the
        connection. `chatter` comes back in both cases, as soon as there is a server again; see
        the experiment `resume`.

        `chatwire lab drain --all`: how long each took.
    """,
    references=(
        rfc(9113, "6.8", "GOAWAY"),
        rfc(9113, "8.7", "which requests may be repeated"),
        grpc_document("PROTOCOL-HTTP2", "Connection Management: GOAWAY Frame"),
        grpc_proposal("A6-client-retries", "when a client repeats a call by itself"),
    ),
)
