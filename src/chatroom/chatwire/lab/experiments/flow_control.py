"""Flow control: a reader that stalls and recovers, and that nobody else notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    NO_ACK,
    authored,
    increment,
    says,
    sent_by,
    sent_to,
    sets,
    setting,
    stream,
    window_left,
)
from chatroom.chatwire.lab.hand import data, settings, settings_ack, window_update
from chatroom.chatwire.lab.references import rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

WINDOW = 500
"""Bytes that Ann takes on a stream before she gives permission for more."""
MORE = 5000


def text(number: int) -> str:
    """Of a length at which the fourth is the one that does not fit any more."""
    return f"Message {number} of 8, and Bob says all that he has to say."


async def scene(stage: Stage) -> None:
    """Ann reads no more than WINDOW bytes; Bob talks on, and Carl hears him."""
    async with (
        stage.hand("Ann") as ann,
        stage.client("Bob") as bob,
        stage.client("Carl") as carl,
    ):
        await ann.send(PREFACE, settings(INITIAL_WINDOW_SIZE=WINDOW))
        await stage.until(sent_to("Ann", Kind.SETTINGS, NO_ACK))
        await ann.send(settings_ack(), ann.request(1), data(1, joining("Ann", features=())))
        await stage.until(sent_to("Ann", Kind.DATA, authored("Ann")))
        talking, listening = bob.Chat(), carl.Chat()
        await talking.write(joining("Bob"))
        await stage.until(sent_to("Ann", Kind.DATA, authored("Bob")))
        await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        await listening.write(joining("Carl"))
        await stage.until(sent_to("Carl", Kind.DATA, sets("live")))
        await stage.until(sent_to("Ann", Kind.DATA, authored("Carl")))
        for number in range(1, 9):
            await talking.write(saying(text(number)))
            await stage.until(sent_to("Carl", Kind.DATA, says(text(number))))
            if number < 4:
                await stage.until(sent_to("Ann", Kind.DATA, says(text(number))))
            if number == 4:
                await stage.until(sent_to("Ann", Kind.DATA, window_left(0)))
        await ann.send(window_update(1, MORE))
        await stage.until(sent_to("Ann", Kind.DATA, says(text(8))))
        talking.cancel()
        listening.cancel()


EXPERIMENT = Experiment(
    name="flow-control",
    title="Flow control",
    summary="a reader stalls and recovers, and nobody else notices",
    intro="""
        Ann's client takes 500 bytes and then gives no permission for more, as a program
        does that is busy or stopped in a debugger. Bob talks on, and Carl listens. Ann's
        client is played by hand, since a library would give permission as it reads.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann takes 500 bytes a stream",
            prose="""
                Her SETTINGS say how large the window of each stream is in the beginning. They
                bind the server, and only for the way to her.
            """,
            shows=(sent_by("Ann", Kind.SETTINGS, setting("INITIAL_WINDOW_SIZE", WINDOW)),),
        ),
        Step(
            title="Every byte of DATA is counted",
            prose="""
                The two numbers after `window` are what the server may still send to her after
                this frame: on the stream, and on the connection, whose window is 65,535 until
                a WINDOW_UPDATE raises it. HEADERS are not counted, nor any other frame.
                What lies between the two DATA frames here are the arrivals of Bob and Carl:
                add them up.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, authored("Ann")),
                sent_to("Ann", Kind.DATA, says(text(1))),
            ),
        ),
        Step(
            title="The window is used up",
            prose="""
                In the fourth message: a DATA frame that is smaller than it was meant to be. It
                holds what just fitted, and ends inside a message: flow control counts bytes and
                knows nothing of messages.

                The server has waited a second with it, in case a larger window comes: a frame
                costs nine bytes and some work, however little it holds.
            """,
            shows=(sent_to("Ann", Kind.DATA, window_left(0), stream(1)),),
        ),
        Step(
            title="Carl does not notice",
            prose="""
                Bob's eighth message, at Carl's. Each reader has windows of its own, so Ann's
                are nobody's business but hers. To Ann nothing was sent since.
            """,
            shows=(sent_to("Carl", Kind.DATA, says(text(8))),),
            not_before=(sent_to("Ann", Kind.DATA),),
        ),
        Step(
            title="Ann gives permission",
            prose="""
                WINDOW_UPDATE for stream 1: 5,000 bytes more. Until this very frame the server
                kept silent.
            """,
            shows=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(1), increment(MORE)),),
            not_before=(sent_to("Ann", Kind.DATA),),
        ),
        Step(
            title="All of it comes, in order",
            prose="""
                First the rest of the message that was cut in two, then the others, up to the
                eighth. Nothing was lost, nothing sent twice; it was only late.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, says(text(4))),
                sent_to("Ann", Kind.DATA, says(text(8))),
            ),
        ),
    ),
    why="""
        Without flow control a slow reader would cost the sender memory: what is not taken has
        to be kept somewhere. TCP has it for a connection as a whole; but many streams share
        one, and a stream that is not read must not hold up the others. So HTTP/2 counts again,
        for each stream and for the connection.

        Where were the messages meanwhile? In the room's log, where they are for everyone. A
        member is a position in it, and Ann's stands still, but for the rest of the message
        that was cut. No queue of hers exists that could grow.
    """,
    try_next="""
        `chatwire lab stalled-reader`: Ann never gives permission.

        `chatwire lab deadlock --frame data,window-update`: the same in both directions at
        once.

        Stop a `chatter` with Ctrl-Z while others talk, and look at its windows. Why does it
        take so long until they are used up? (Look at INITIAL_WINDOW_SIZE in `join`.)
    """,
    references=(
        rfc(9113, "5.2", "flow control: its principles"),
        rfc(9113, "6.9", "WINDOW_UPDATE"),
        rfc(9113, "6.9.1", "what counts against which window"),
        rfc(9113, "6.9.2", "the initial size of a window"),
    ),
)
