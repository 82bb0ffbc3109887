"""What waits behind what: a message in its stream, and all streams in TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    fault,
    says,
    sent_by,
    sent_to,
    stream,
    touched,
)
from chatroom.chatwire.lab.references import rfc
from chatroom.chatwire.lab.requests import joining, leaving, saying

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

QUIET = (("grpc.http2.bdp_probe", 0),)
ARRIVED = says("Has entered the chat")
LATE = "This one is late"
THEN = "And then nothing comes"
MEANWHILE = "Bob, meanwhile"
BEHIND = "Bob, behind it"


async def conversation(stage: Stage, who: str, first: str, second: str) -> None:
    """Ann says the first, then Bob the second, each on a stream of one connection."""
    async with stage.client(who, *QUIET) as gateway:
        ann, bob = gateway.Chat(), gateway.Chat()
        for call, name, number in ((ann, "Ann", 1), (bob, "Bob", 3)):
            await call.write(joining(name, features=(), history=0))
            await stage.until(sent_to(who, Kind.DATA, stream(number), ARRIVED))
        await ann.write(saying(first))
        await stage.until(sent_by(who, Kind.FAULT))
        await bob.write(saying(second))
        await stage.until(sent_to(who, Kind.DATA, stream(1), says(second)))
        await stage.until(sent_to(who, Kind.DATA, stream(3), says(first)))
        for call, number in ((ann, 1), (bob, 3)):
            await call.write(leaving())
            await stage.until(sent_to(who, Kind.HEADERS, stream(number)))


async def scene(stage: Stage) -> None:
    """First a message of one stream waits, then everything does that a client sends."""
    await conversation(stage, "East", LATE, MEANWHILE)
    await conversation(stage, "West", THEN, BEHIND)


EXPERIMENT = Experiment(
    name="head-of-line",
    title="What waits behind what",
    summary="streams do not wait for each other in HTTP/2, and do in TCP",
    intro="""
        A gateway has Ann and Bob on one connection, Ann on stream 1 and Bob on stream 3. On the
        first connection one message of Ann's is late. On the second, TCP has lost a segment:
        everything behind it has to wait until it was sent again. The tap does that by not
        reading for a second, which is long, but happens.
    """,
    faults=(
        f'delay connection 1 up field message.message="{LATE}": 1s',
        f'stop-reading connection 2 up field message.message="{THEN}": 1s',
    ),
    scene=scene,
    story=(
        Step(
            title="A message of stream 1 is late",
            prose="""
                The tap holds it for a second. Messages behind it on the same stream would wait
                too: a stream keeps its order.
            """,
            shows=(sent_by("East", Kind.FAULT, fault("holds"), stream(1)),),
        ),
        Step(
            title="Stream 3 does not wait",
            prose="""
                Bob's message passes at once, and Ann gets it. Streams share a connection and
                its order of frames, but no order of messages.
            """,
            shows=(
                sent_by("East", Kind.DATA, stream(3), says(MEANWHILE)),
                sent_to("East", Kind.DATA, stream(1), says(MEANWHILE)),
            ),
            not_before=(sent_by("East", Kind.DATA, says(LATE)),),
        ),
        Step(
            title="The late one",
            prose="""
                A second later, and alone.
            """,
            shows=(
                sent_by("East", Kind.DATA, stream(1), says(LATE), touched("held")),
                sent_to("East", Kind.DATA, stream(3), says(LATE)),
            ),
        ),
        Step(
            title="A segment is lost behind Ann's message",
            prose="""
                On the second connection Ann's message arrives, and then nothing. What the
                gateway sends lies in the buffers of the operating system, as it does while TCP
                waits for a lost segment. The other direction goes on: Bob hears her.
            """,
            shows=(
                sent_by("West", Kind.FAULT, fault("stops reading")),
                sent_by("West", Kind.DATA, stream(1), says(THEN)),
                sent_to("West", Kind.DATA, stream(3), says(THEN)),
            ),
        ),
        Step(
            title="Stream 3 waits",
            prose="""
                Bob has spoken at once, as before. His message has nothing to do with Ann's, is
                on another stream, and waits all the same: TCP hands over bytes in order, and
                does not know of streams.
            """,
            shows=(
                sent_by("West", Kind.FAULT, fault("reads again")),
                sent_by("West", Kind.DATA, stream(3), says(BEHIND)),
                sent_to("West", Kind.DATA, stream(1), says(BEHIND)),
            ),
            not_before=(sent_by("West", Kind.DATA, stream(3)),),
        ),
    ),
    why="""
        HTTP/1.1 answers requests of a connection in order, so a slow answer holds up those
        behind it. HTTP/2 was made to end that, and did, one floor up. Below, TCP still has one
        order for all bytes, and a lost segment holds up all streams. The more streams share a
        connection, the more wait for each loss.

        HTTP/3 does without TCP: QUIC knows the streams, and a lost packet holds up only those
        that had bytes in it.

        So many connections are better than one where packets are lost, and one is better than
        many where they are not: it costs less, and finds out once how quick the network is.
    """,
    try_next="""
        `chatwire lab streams`: what else streams share.

        `chatwire fault --delay 'stream 1 up: 300ms'`, and then `--delay 'up: 300ms'`, before a
        service of your own: which of the two do its users notice?

        Add `--summary`, and compare how long each stream took.
    """,
    references=(
        rfc(9113, "5", "streams, and what is in order"),
        rfc(9293, "3.8", "how TCP sends again, and delivers in order"),
        rfc(9000, "2", "streams of QUIC"),
        rfc(9114, "1.1", "why HTTP/3 does without TCP"),
    ),
)
