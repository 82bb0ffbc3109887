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
        If nothing comes on a stream, nobody has spoken, or the network is gone. A gRPC client
        can find out with PING. Ann's client sends one each second to a server written with
        grpcio, with its default settings. Bob's client does the same to a chatserver.
    """,
    scene=scene,
    server=partial(chatserver, "--message-rate", "0"),
    story=(
        Step(
            title="A stream is open, and quiet",
            prose="""
                The server has answered. From now on it sends no DATA and no HEADERS on this
                connection.
            """,
            shows=(sent_to("Ann", Kind.DATA, ARRIVED),),
        ),
        Step(
            title="Are you there?",
            prose="""
                PING is on stream 0: it is about the connection, not about a call. Eight bytes
                go over and come back with ACK. A gRPC client that gets no answer in time (20 s
                by default) gives the connection up.

                After its first answer this server also gives back a few bytes of window. That
                is important for the next step.
            """,
            shows=(PING, PONG, sent_to("Ann", Kind.WINDOW_UPDATE, stream(1))),
        ),
        Step(
            title="One after the other",
            prose="""
                Each PING is answered, as HTTP/2 demands. But the server counts *strikes*: a
                PING that comes less than five minutes after the one before is a strike, and two
                strikes are allowed. The count starts again when the server sends HEADERS, DATA
                or a WINDOW_UPDATE. So the PING before the WINDOW_UPDATE does not count, and the
                second PING is the first that does. The third and the fourth are strikes, and
                the fifth is one too many.
            """,
            shows=(PING, PING, PING, PING),
        ),
        Step(
            title="Too many",
            prose="""
                GOAWAY with ENHANCE_YOUR_CALM ("its peer is exhibiting a behavior that might be
                generating excessive load"). The debug data `too_many_pings` tells a gRPC client
                what it did wrong. It has to double its keepalive time for the next connections.
            """,
            not_before=(PING, *(sent_to("Ann", kind) for kind in ANEW)),
            shows=(
                sent_to("Ann", Kind.GOAWAY, error("ENHANCE_YOUR_CALM"), debug("too_many_pings")),
            ),
        ),
        Step(
            title="The calls of the connection end with it",
            prose="""
                All calls end. If a proxy uses the connection for several clients, their calls
                end too. UNAVAILABLE tells a client to try again.
            """,
            shows=(
                sent_to("Ann", Kind.HEADERS, END_STREAM, status("UNAVAILABLE")),
                sent_to("Ann", Kind.ENDED),
            ),
        ),
        Step(
            title="A chatserver answers them all",
            prose="""
                A chatserver counts too, but only a flood is too many: more than 2,000 PINGs a
                second for some seconds. So Bob stays. But each PING costs something, and a chat
                client need not ask so often. Our client library asks in another way: it sends a
                Heartbeat message on the stream. That is answered by the service itself, a PING
                perhaps by a proxy between. And the server sends a PING when it has heard
                nothing on a connection for 6 to 9 s.
            """,
            shows=(sent_to("Bob", Kind.PING, ACK),) * TOLERATED,
            not_after=(sent_to("Bob", Kind.GOAWAY, error("ENHANCE_YOUR_CALM")),),
            out_of_turn=True,
        ),
    ),
    why="""
        Keepalive costs one client little, and a server with many clients much: a million
        telephones that ask every ten seconds are 100,000 frames a second that do nothing. So in
        gRPC the server decides how often it may be asked. It closes the connection of a client
        that asks too often, and says why, so that the client's author notices.

        Client and server are configured by different people. A setting that one server allows
        is refused by the next. So `too_many_pings` often appears when a client is moved to
        another server, and not when somebody changes the client.
    """,
    try_next="""
        `chatwire lab pings --stream 0 --hide settings`: when each PING comes, and the
        round-trip time of each answer.

        Set `grpc.http2.max_ping_strikes` to 0 on a grpcio server of your own: then any number
        of strikes is allowed. `grpc.http2.min_recv_ping_interval_without_data_ms` says how
        often is too often.

        Watch a `chatter` through `chatwire` for a while: its Heartbeat messages are DATA on its
        own stream, one whenever it has said nothing for 20 s.
    """,
    references=(
        rfc(9113, "6.7", "PING"),
        rfc(9113, "10.5", "which frames cost more to serve than to send"),
        grpc_proposal("A8-client-side-keepalive", "keepalive, and what servers may do about it"),
        grpc_document("keepalive", "the settings and their defaults"),
    ),
)
