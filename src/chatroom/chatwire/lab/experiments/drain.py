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
        Ann is in a room when the server gets SIGTERM, as it does before every new version. A
        call may last for hours, so the server cannot wait until it ends. It tells the program,
        gRPC, HTTP/2 and TCP, one after the other, that this is the end.
    """,
    scene=scene,
    story=(
        Step(
            title="An ordinary moment",
            prose="""
                Ann's own message comes back to her with its sequence: it is stored. A message
                that was acknowledged like this is not lost by what follows.
            """,
            shows=(sent_to("Ann", Kind.DATA, says("Is anybody here?")),),
        ),
        Step(
            title="To the program: draining",
            prose="""
                The chat program is told first, by an event. It says how long to wait before
                coming back, and has a sentence for a person. Only clients that asked for events
                get it.
            """,
            shows=(sent_to("Ann", Kind.DATA, sets("draining")),),
        ),
        Step(
            title="To gRPC: the status",
            prose="""
                The stream ends with trailers. UNAVAILABLE is the status that means: try again,
                here or elsewhere. The details say why (DRAINING), and when to try again
                (RetryInfo). That is for the program. The gRPC library does not try again by
                itself, since response headers have come; see the experiment `refusal`.
            """,
            shows=(sent_to("Ann", Kind.HEADERS, END_STREAM, status("UNAVAILABLE", "DRAINING")),),
        ),
        Step(
            title="To HTTP/2: GOAWAY, in two steps",
            prose="""
                The first GOAWAY names the highest stream number that is possible, 2^31-1. It
                means: open no more streams here, but those on their way are still served. With
                a lower number it would say of a call that is on its way that nobody will answer
                it. When Ann's client has read the GOAWAY and the PING behind it, it answers the
                PING. What it had sent before, the server has by then.

                Then the second GOAWAY comes. `last stream 1` is the highest stream that the
                server may have worked on. It did not begin any call on a higher stream, so a
                client may safely send such a call again elsewhere. NO_ERROR: nobody did
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
                FIN and no reset, after the last byte. Then the process ends, with exit code 0.
            """,
            shows=(sent_to("Ann", Kind.ENDED, FIN),),
        ),
    ),
    why="""
        Each message has its own reader. The program learns from `draining` that it need not
        show its user an error, and from the status that it may join again: the library repeats
        no call of which response headers have come. A call that the server has refused without
        any, with Trailers-Only, the library repeats by itself if its retry policy names the
        status. The HTTP/2 connection pool learns from GOAWAY to open another connection. And
        TCP learns from FIN that nothing is missing.

        Most servers begin with GOAWAY and wait until all calls have ended. That is good for
        calls that end soon. Here GOAWAY comes when all streams have ended. Until then the
        server accepts connections, and tells new calls UNAVAILABLE. That says more than a
        refused connection, which can have many reasons.

        If a server simply closes the connection, its clients do not know which of their calls
        it has worked on.
    """,
    try_next="""
        Run `chatserver --drain-delay 5`, stop it with Ctrl-C, and ask for its health within the
        5 s, with `grpcurl -plaintext localhost:8080 grpc.health.v1.Health/Check`: NOT_SERVING,
        so that a load balancer sends nobody there any more.

        Stop it with `kill -9` instead, and compare: no GOAWAY and no status, only the end of
        the connection. In both cases `chatter` comes back when there is a server again; see the
        experiment `resume`.

        `chatwire lab drain --all`: how long each took.
    """,
    references=(
        rfc(9113, "6.8", "GOAWAY"),
        rfc(9113, "8.7", "which requests may be repeated"),
        grpc_document("PROTOCOL-HTTP2", "Connection Management: GOAWAY Frame"),
        grpc_proposal("A6-client-retries", "when a client repeats a call by itself"),
    ),
)
