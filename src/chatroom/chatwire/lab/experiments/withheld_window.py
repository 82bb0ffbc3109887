"""A window that was given and did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    NO_ACK,
    authored,
    fault,
    increment,
    says,
    sent_by,
    sent_to,
    setting,
    stream,
    touched,
    window_left,
)
from chatroom.chatwire.lab.hand import data, settings, settings_ack, window_update
from chatroom.chatwire.lab.references import rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

WINDOW = 500
GIVEN = 5000


def text(number: int) -> str:
    """Of a length at which the fourth is the one that does not fit any more."""
    return f"Message {number} of 8, and Bob says all that he has to say."


async def scene(stage: Stage) -> None:
    """Ann gives window as soon as she has read a message; the tap keeps it for three seconds."""
    async with stage.hand("Ann") as ann, stage.behind() as bob:
        await ann.send(PREFACE, settings(INITIAL_WINDOW_SIZE=WINDOW))
        await stage.until(sent_to("Ann", Kind.SETTINGS, NO_ACK))
        await ann.send(settings_ack(), ann.request(1), data(1, joining("Ann", features=())))
        await stage.until(sent_to("Ann", Kind.DATA, authored("Ann")))
        talking = bob.Chat()
        await talking.write(joining("Bob"))
        while not (await talking.read()).HasField("live"):
            pass
        await stage.until(sent_to("Ann", Kind.DATA, authored("Bob")))
        for number in range(1, 9):
            await talking.write(saying(text(number)))
            if number == 1:
                await stage.until(sent_to("Ann", Kind.DATA, says(text(1))))
                await ann.send(window_update(1, GIVEN))
        await stage.until(sent_to("Ann", Kind.DATA, window_left(0)))
        await stage.until(sent_to("Ann", Kind.DATA, says(text(8))))
        talking.cancel()


EXPERIMENT = Experiment(
    name="withheld-window",
    title="A window that does not arrive",
    summary="a sender that waits, a reader that waits, and both are right",
    intro="""
        Ann's client takes 500 bytes, and gives window as soon as it has read the first message.
        But something between the two keeps her WINDOW_UPDATE for three seconds: a proxy with a
        queue, or a library that collects updates. Ann's client is played by hand.
    """,
    faults=("withhold up stream 1: 3s",),
    scene=scene,
    story=(
        Step(
            title="Ann takes 500 bytes a stream",
            prose="""
                What the server may send her on a stream, until she gives more.
            """,
            shows=(sent_by("Ann", Kind.SETTINGS, setting("INITIAL_WINDOW_SIZE", WINDOW)),),
        ),
        Step(
            title="Permission, given early",
            prose="""
                She has read Bob's first message, and gives 5,000 bytes, long before the 500 are
                used up. Her client has done everything right. The tap keeps the frame: FAULT
                tells what would have passed.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, says(text(1))),
                sent_by("Ann", Kind.FAULT, fault("withholds"), stream(1)),
            ),
        ),
        Step(
            title="The server stops",
            prose="""
                It uses up what it knows of, to the last byte, and waits. It has done everything
                right too. In a capture on the server's side this looks like a client that does
                not read; on Ann's side, like a server that has nothing to say.
            """,
            shows=(sent_to("Ann", Kind.DATA, window_left(0), stream(1)),),
            not_before=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(1)),),
        ),
        Step(
            title="It arrives",
            prose="""
                `held`, with the rule that did it. Until then nothing has come.
            """,
            shows=(
                sent_by("Ann", Kind.WINDOW_UPDATE, stream(1), increment(GIVEN), touched("held")),
            ),
            not_before=(sent_to("Ann", Kind.DATA),),
        ),
        Step(
            title="And everything is there",
            prose="""
                The rest of the message that was cut, and those behind it. Nothing was lost, and
                neither side has an error in its log.
            """,
            shows=(sent_to("Ann", Kind.DATA, says(text(8))),),
        ),
    ),
    why="""
        A window is a promise that travels. The sender knows it half a round trip later than the
        receiver, and if something holds it up, later still. Only a capture on both sides shows
        the difference: on one the update has left, on the other it has not come.

        A window must be at least as large as what fits into a round trip, or the sender stands
        still although everybody is quick. A window of 64 KiB and a round trip of 100 ms make at
        most 640 KiB a second, whatever the line can do. That is the harmless form of what you
        see here.

        In its grave form the update never comes. Then the stream stands still for ever, with no
        error: RFC 9113 has no time after which a window must be given. This server ends a
        stream that has not moved for 10 s; see `stalled-reader`.
    """,
    try_next="""
        `chatwire lab flow-control`: the same silence, of a reader that does not want to read.

        `chatwire fault --withhold 'up stream 0: 2s'` before a service of your own that sends
        much: the window of the connection, so that all its streams stand still.

        Leave out the time, and see what your program says after a minute.
    """,
    references=(
        rfc(9113, "5.2.1", "flow control is between the two ends of one connection"),
        rfc(9113, "5.2.2", "how to use it, and how it can deadlock"),
        rfc(9113, "6.9", "WINDOW_UPDATE"),
    ),
)
