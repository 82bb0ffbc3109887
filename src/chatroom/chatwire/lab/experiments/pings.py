"""Too many pings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    NO_ACK,
    debug,
    error,
    says,
    sent_by,
    sent_to,
    status,
    stream,
)
from chatroom.chatwire.lab.naive import answers, grpcio_server
from chatroom.chatwire.lab.references import grpc_document, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, leaving
from chatroom.chatwire.lab.servers import chatserver

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

IMPATIENT = (
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.bdp_probe", 0),
)
"""A PING after every second without a frame, however many; none for other reasons."""
TOLERATED = 6
"""Answered pings that show that a chatserver does not count them; grpcio allows four."""

ARRIVED = says("Has entered the chat")


async def scene(stage: Stage) -> None:
    """Ann pings a server of grpcio's each second, Bob a chatserver, at the same time."""
    quiet = stage.server
    async with grpcio_server(answers) as counting:
        stage.turn_to(counting)
        async with stage.client("Ann", *IMPATIENT) as ann:
            stage.turn_to(quiet)
            async with stage.client("Bob", *IMPATIENT) as bob:
                for_ann, for_bob = ann.Chat(), bob.Chat()
                await for_ann.write(joining("Ann"))
                await stage.until(sent_to("Ann", Kind.DATA, ARRIVED))
                await for_bob.write(joining("Bob", features=()))
                await stage.until(sent_to("Bob", Kind.DATA, ARRIVED))
                await stage.until(sent_to("Ann", Kind.GOAWAY))
                await stage.until(sent_to("Ann", Kind.ENDED))
                answered = None
                for _ in range(TOLERATED):
                    answered = await stage.until(sent_to("Bob", Kind.PING, ACK), after=answered)
                await for_bob.write(leaving())
                await for_bob.done_writing()
                async for _ in for_bob:
                    pass


ANEW = (Kind.HEADERS, Kind.DATA, Kind.WINDOW_UPDATE)
"""What begins grpcio's count of pings anew, when it sends it."""
PING = sent_by("Ann", Kind.PING, NO_ACK)
PONG = sent_to("Ann", Kind.PING, ACK)

EXPERIMENT = Experiment(
    name="pings",
    title="Too many pings",
    summary="a client that asks each second whether the server is there, and is sent away",
    intro="""
        A stream on which nobody speaks looks like one whose network is gone. gRPC clients can
        ask with PING. Ann's client asks each second, of a server that is written with grpcio
        as it comes; Bob's does the same with a chatserver.
    """,
    scene=scene,
    server=partial(chatserver, "--message-rate", "0"),
    story=(
        Step(
            title="A stream is open, and quiet",
            prose="""
                The server has answered. From here on it sends no DATA and no HEADERS, on any
                stream of this connection.
            """,
            shows=(sent_to("Ann", Kind.DATA, ARRIVED),),
        ),
        Step(
            title="Are you there?",
            prose="""
                PING is on stream 0: it asks about the connection, not about a call. Eight bytes
                go over and come back with ACK. Whoever gets no answer within a time (20 s by
                default) gives the connection up.

                With its first answer this server gives back a few bytes of window, and that
                matters for what comes.
            """,
            shows=(PING, PONG, sent_to("Ann", Kind.WINDOW_UPDATE, stream(1))),
        ),
        Step(
            title="And now? And now?",
            prose="""
                Each is answered, as HTTP/2 demands. But the server counts: a PING within five
                minutes of the one before is a strike, and two are allowed. HEADERS, DATA or a
                WINDOW_UPDATE that it sends begin the count anew. So the first PING, before the
                WINDOW_UPDATE, does not count. The second has none before it, the third is a
                strike, the fourth another, and the fifth is one too many.
            """,
            shows=(PING, PING, PING, PING),
        ),
        Step(
            title="Enough",
            prose="""
                GOAWAY with ENHANCE_YOUR_CALM ("its peer is exhibiting a behavior that might be
                generating excessive load") and, as debug data, the words by which gRPC clients
                know what they did: `too_many_pings`. They are to double their keepalive time
                for the connections that follow.
            """,
            not_before=(PING, *(sent_to("Ann", kind) for kind in ANEW)),
            shows=(
                sent_to("Ann", Kind.GOAWAY, error("ENHANCE_YOUR_CALM"), debug("too_many_pings")),
            ),
        ),
        Step(
            title="The calls of the connection end with it",
            prose="""
                All of them, also those of others whom a proxy had put on the same connection.
                UNAVAILABLE tells the client to try again.
            """,
            shows=(
                sent_to("Ann", Kind.HEADERS, END_STREAM, status("UNAVAILABLE")),
                sent_to("Ann", Kind.ENDED),
            ),
        ),
        Step(
            title="A chatserver answers them all",
            prose="""
                It counts too, but only a flood is too many: 2,000 a second. So Bob stays. It
                costs each time, so a chat client has no reason to ask so often. This one asks
                otherwise: it sends a Heartbeat message on the stream, which is answered by the
                service and not by whatever proxy is between. The server asks by itself, with a
                PING, when it has heard nothing on a connection for some 10 s.
            """,
            shows=(sent_to("Bob", Kind.PING, ACK),) * TOLERATED,
            not_after=(sent_to("Bob", Kind.GOAWAY, error("ENHANCE_YOUR_CALM")),),
            out_of_turn=True,
        ),
    ),
    why="""
        Keepalive is cheap for one client and dear for a server with many: a million telephones
        that ask every ten seconds are 100,000 frames a second that do nothing. So gRPC's design
        has the server decide how often it may be asked, and close the connection loudly on whom
        it has to: in the design's words, that raises the chance that the author notices.

        The two sides are configured apart, and by different people. A client setting that works
        with one server is refused by the next, which is why a GOAWAY with `too_many_pings`
        appears when something was moved, rather than when somebody changed the client.
    """,
    try_next="""
        `chatwire lab pings --stream 0 --hide settings`: the rhythm, and the round-trip time
        that each answer measures.

        Set `grpc.http2.max_ping_strikes` to 0 on a server of yours: it allows any number.
        `grpc.http2.min_recv_ping_interval_without_data_ms` says what is too often.

        Watch `chatter` for a while, with `chatwire` between: its Heartbeat messages are DATA on
        its own stream, one whenever it has said nothing for 20 s.
    """,
    references=(
        rfc(9113, "6.7", "PING"),
        rfc(9113, "10.5", "which frames cost more to serve than to send"),
        grpc_proposal("A8-client-side-keepalive", "keepalive, and what servers may do about it"),
        grpc_document("keepalive", "the settings and their defaults"),
    ),
)
