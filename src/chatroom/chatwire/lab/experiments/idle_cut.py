"""A proxy that cuts what is idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    NO_ACK,
    RESET,
    fault,
    sent_by,
    sent_to,
    sets,
)
from chatroom.chatwire.lab.references import Reference, grpc_document, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, leaving

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

QUIET = (("grpc.http2.bdp_probe", 0),)
"""No PING of the library's own."""
KEEPALIVE = (
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.bdp_probe", 0),
)
PINGS = 4


async def scene(stage: Stage) -> None:
    """Ann and Bob say nothing; Bob's client asks whether the server is there."""
    async with stage.client("Ann", *QUIET) as ann:
        listening = ann.Chat()
        await listening.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        await stage.until(sent_by("Ann", Kind.ENDED))
    async with stage.client("Bob", *KEEPALIVE) as bob:
        listening = bob.Chat()
        await listening.write(joining("Bob"))
        await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        answered = None
        for _ in range(PINGS):
            answered = await stage.until(sent_to("Bob", Kind.PING, ACK), after=answered)
        await listening.write(leaving())
        await stage.until(sent_to("Bob", Kind.HEADERS, END_STREAM))


EXPERIMENT = Experiment(
    name="idle-cut",
    title="A proxy that cuts what is idle",
    summary="a quiet stream dies after a minute, and a PING in time keeps it alive",
    intro="""
        Many proxies and load balancers end a connection on which nothing has passed for a time:
        60 s is a common default, 350 s or an hour are others. A chat in which nobody speaks is
        such a connection. Here the time is 2 s, so that nobody has to wait. It must also be
        less than the 6 to 9 s after which a chatserver itself sends a PING: many servers never
        do. Ann's client waits quietly, Bob's sends a PING each second.
    """,
    faults=("cut idle 2s: rst",),
    scene=scene,
    story=(
        Step(
            title="Ann is in the room",
            prose="""
                The last frame for a while. Nobody speaks.
            """,
            shows=(sent_to("Ann", Kind.DATA, sets("live")),),
        ),
        Step(
            title="The proxy cuts",
            prose="""
                Two seconds later both sides get a reset of TCP. There is no GOAWAY and no
                status: whoever cuts like that does not speak HTTP/2 at all. Ann's library makes
                up a status, UNAVAILABLE, and her program must connect again and resume.

                A proxy may also just forget the connection, without a word. Then the next
                message runs into nothing, and only a time-out finds that out.
            """,
            shows=(
                sent_by("Ann", Kind.FAULT, fault("cuts")),
                sent_by("Ann", Kind.ENDED, RESET),
                sent_to("Ann", Kind.ENDED, RESET),
            ),
            not_before=(sent_to("Ann", Kind.DATA), sent_by("Ann", Kind.DATA)),
        ),
        Step(
            title="Bob is in the room",
            prose="""
                The same silence, through the same proxy.
            """,
            shows=(sent_to("Bob", Kind.DATA, sets("live")),),
        ),
        Step(
            title="A PING each second",
            prose="""
                Seventeen bytes there and seventeen back. For the proxy that is traffic: it does
                not know what passes, only that something does.
            """,
            shows=(sent_by("Bob", Kind.PING, NO_ACK), sent_to("Bob", Kind.PING, ACK)) * PINGS,
            not_before=(sent_by("Bob", Kind.FAULT),),
        ),
        Step(
            title="After more than the proxy's time",
            prose="""
                Bob leaves when he wants to, and gets his status.
            """,
            shows=(sent_to("Bob", Kind.HEADERS, END_STREAM),),
            not_before=(sent_by("Bob", Kind.FAULT),),
        ),
    ),
    why="""
        Whoever keeps a table of connections must throw some away, and those that seem unused go
        first. The time is the proxy's, and neither end is told. So a long-lived stream needs
        traffic of its own, more often than the shortest time on its way.

        PING of HTTP/2 goes from one end of a connection to the other, and a proxy that speaks
        HTTP/2 is an end. It answers PINGs itself, and its time-outs for streams may count only
        DATA. Where you cannot know what is between, a message of your own protocol is the
        surer way: this server and `chatter` send Heartbeat messages on quiet streams.

        TCP keepalive is no replacement: its default is two hours, and many proxies do not count
        it either.
    """,
    try_next="""
        `chatwire fault --cut 'idle 60s: fin'` before a service of your own, and have lunch.
        What does its log say?

        `chatwire lab pings`: when a server finds that a client asks too often.

        docs/proxies.md has what nginx, HAProxy and Envoy have to be told for streams.
    """,
    references=(
        rfc(9113, "6.7", "PING"),
        rfc(9113, "9.1", "when connections are closed"),
        rfc(5382, "5", "how long a NAT has to keep a quiet connection: 2 hours 4 minutes"),
        grpc_proposal("A8-client-side-keepalive", "keepalive, and what it is for"),
        grpc_document("keepalive", "the settings and their defaults"),
        Reference(
            "nginx, ngx_http_grpc_module",
            "https://nginx.org/en/docs/http/ngx_http_grpc_module.html#grpc_read_timeout",
            "a default of 60 s between two reads",
        ),
    ),
)
