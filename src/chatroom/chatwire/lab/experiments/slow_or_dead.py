"""A slow line that looks like a dead peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    NO_ACK,
    beginning,
    sent_by,
    sent_to,
    sets,
    touched,
)
from chatroom.chatwire.lab.references import Reference, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, leaving, saying
from chatroom.chatwire.lab.stage import DidNotHappen

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Option, Stage

BEGIN = "All that was ever said of it:"
LONG = f"{BEGIN} {'and so on, ' * 350}"
"""Some 4,000 bytes: five seconds at this rate."""


def patience(milliseconds: int) -> tuple[Option, ...]:
    """A PING after each second without an answer, and how long to wait for its answer."""
    return (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.http2.ping_timeout_ms", milliseconds),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.bdp_probe", 0),
    )


async def scene(stage: Stage) -> None:
    """Ann and Bob send a long text over a slow line; Bob's client has more patience."""
    async with stage.client("Ann", *patience(1500)) as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann", features=(), history=0))
        await stage.until(sent_to("Ann", Kind.DATA))
        await talk.write(saying(LONG))
        if (code := await talk.code()) is not grpc.StatusCode.UNAVAILABLE:
            raise DidNotHappen(f"Ann's client gave up with {code.name}")
        await stage.until(sent_by("Ann", Kind.PING, NO_ACK))
    async with stage.client("Bob", *patience(15_000)) as bob:
        talk = bob.Chat()
        await talk.write(joining("Bob", history=0))
        await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        await talk.write(saying(LONG))
        await stage.until(sent_to("Bob", Kind.PING, ACK))
        await talk.write(leaving())
        await stage.until(sent_to("Bob", Kind.HEADERS, END_STREAM))


EXPERIMENT = Experiment(
    name="slow-or-dead",
    title="Slow or dead?",
    summary="a PING that stands in a queue behind a long message, and a client that gives up",
    intro="""
        Ann's line is slow: 800 bytes a second pass upwards. Her client sends a PING each second
        and wants the answer within 1.5 s, since it has been told to notice dead servers
        quickly. Then she sends 4,000 bytes of text. Bob does the same over the same line. His
        client waits 15 s.
    """,
    faults=("throttle up: 800B/s",),
    scene=scene,
    story=(
        Step(
            title="Ann sends a long message",
            prose="""
                It has been written at once, and takes five seconds to arrive. All the time the
                server is there, and bytes pass.
            """,
            shows=(sent_by("Ann", Kind.DATA, beginning(BEGIN), touched("held")),),
        ),
        Step(
            title="And a PING behind it",
            prose="""
                The client wrote it a second after it had last heard of the server. Then it
                stood in the queue behind the message for seconds: `held`. Long before it came
                this far, the client had given up, after 1.5 s without an answer. Its program
                was told UNAVAILABLE.

                The message has arrived all the same, and is stored. Ann's program does not know
                that. If it sends the text again, everybody reads it twice; see `doubled`.
            """,
            shows=(sent_by("Ann", Kind.PING, NO_ACK, touched("held")),),
            not_after=(sent_to("Ann", Kind.HEADERS, END_STREAM),),
        ),
        Step(
            title="Bob's message",
            prose="""
                The same bytes over the same line.
            """,
            shows=(sent_by("Bob", Kind.DATA, beginning(BEGIN), touched("held")),),
        ),
        Step(
            title="Bob's PING is answered too",
            prose="""
                It comes as late, and the server answers within milliseconds, as it would have
                answered Ann's. The difference is only how long the client waited.
            """,
            shows=(
                sent_by("Bob", Kind.PING, NO_ACK, touched("held")),
                sent_to("Bob", Kind.PING, ACK),
            ),
        ),
        Step(
            title="Bob leaves when he wants to",
            prose="""
                Nothing was ever wrong with the server.
            """,
            shows=(sent_to("Bob", Kind.HEADERS, END_STREAM),),
        ),
    ),
    why="""
        Nobody can tell a slow peer from a dead one but by waiting, and every time-out is a
        guess about the network. A PING measures the way there, the other side, and the way
        back, with everything that stands in the queues. It has no right of way: behind a
        megabyte on a line of a megabit it waits eight seconds.

        A sender does best with a window that is not much more than what fits into a round trip.
        Then the queue is in the program, and PING can overtake what has not been written yet.
        A receiver counts any byte as a sign of life, and not only the answer to its PING. This
        server does: it asks only when it has heard nothing at all.

        A time-out that is too short does harm twice: a connection that was slow is given up,
        and the new one begins by sending everything again over the same slow line.
    """,
    try_next="""
        `chatwire fault --throttle 'up: 5kB/s'` before a service of your own, with a keepalive
        as it is in production. What does it take to lose a connection?

        `chatwire lab idle-cut`: why one wants PINGs in the first place.

        `chatwire lab slow-or-dead --frame ping -v`: when each PING passed.
    """,
    references=(
        rfc(9113, "6.7", "PING, and that its answer should come before other frames"),
        grpc_proposal("A8-client-side-keepalive", "keepalive, and its time-out"),
        grpc_proposal("A18-tcp-user-timeout", "the same question, asked of TCP"),
        Reference(
            "Bufferbloat",
            "https://queue.acm.org/detail.cfm?id=2071893",
            "what long queues do to those behind them",
        ),
    ),
)
