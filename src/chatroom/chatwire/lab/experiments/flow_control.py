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
        Ann's client takes 500 bytes and then gives no permission for more. A program that is
        busy, or stopped in a debugger, does the same. Bob goes on talking, and Carl listens.
        Ann's client is played by hand, since a library would give permission as it reads.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann takes 500 bytes a stream",
            prose="""
                Her SETTINGS say how large the window of each stream is in the beginning: how
                much the server may send to her. They say nothing about what she may send.
            """,
            shows=(sent_by("Ann", Kind.SETTINGS, setting("INITIAL_WINDOW_SIZE", WINDOW)),),
        ),
        Step(
            title="Every byte of DATA is counted",
            prose="""
                The two numbers after `window` are the bytes that the server may still send to
                her after this frame: on the stream, and on the connection, whose window is
                65,535 until a WINDOW_UPDATE raises it. Only DATA is counted, no other frame.
                Between the two DATA frames shown here are two more, with the arrivals of Bob
                and Carl: the windows tell you their size.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, authored("Ann")),
                sent_to("Ann", Kind.DATA, says(text(1))),
            ),
        ),
        Step(
            title="The window is used up",
            prose="""
                Of Bob's fourth message only 51 bytes fit into the window. So the DATA frame
                ends inside the message: flow control counts bytes and knows nothing of
                messages.

                The server waited a second before it sent this frame, since a larger window
                might come: also a small frame costs nine bytes and some work.
            """,
            shows=(sent_to("Ann", Kind.DATA, window_left(0), stream(1)),),
        ),
        Step(
            title="Carl does not notice",
            prose="""
                Carl gets Bob's eighth message. Each reader has windows of its own, so Ann's
                closed window changes nothing for others. Meanwhile the server has sent nothing
                to Ann.
            """,
            shows=(sent_to("Carl", Kind.DATA, says(text(8))),),
            not_before=(sent_to("Ann", Kind.DATA),),
        ),
        Step(
            title="Ann gives permission",
            prose="""
                WINDOW_UPDATE for stream 1: 5,000 bytes more. Until this frame the server sent
                her nothing.
            """,
            shows=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(1), increment(MORE)),),
            not_before=(sent_to("Ann", Kind.DATA),),
        ),
        Step(
            title="All of it comes, in order",
            prose="""
                First comes the rest of the message that was cut in two, then the others, up to
                the eighth. Nothing was lost, and nothing was sent twice. It was only late.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, says(text(4))),
                sent_to("Ann", Kind.DATA, says(text(8))),
            ),
        ),
    ),
    why="""
        Without flow control a slow reader would cost the sender memory: messages that are not
        taken have to be kept somewhere. TCP has flow control for a whole connection. But many
        streams share one, and a stream that is not read must not stop the others. So HTTP/2
        counts again, for each stream and for the connection.

        Where were the messages meanwhile? In the room's log, where all messages are. A member
        is a position in the log, and Ann's position did not move. There is no queue of hers
        that could grow: only the rest of the message that was cut is kept for her.
    """,
    try_next="""
        `chatwire lab stalled-reader`: Ann never gives permission.

        `chatwire lab deadlock --frame data,window-update`: the same in both directions at
        once.

        Stop a `chatter` with Ctrl-Z for ten seconds while others talk, and look at its windows.
        Why do they hardly shrink? (Look at INITIAL_WINDOW_SIZE in `join`.)
    """,
    references=(
        rfc(9113, "5.2", "flow control: its principles"),
        rfc(9113, "6.9", "WINDOW_UPDATE"),
        rfc(9113, "6.9.1", "what counts against which window"),
        rfc(9113, "6.9.2", "the initial size of a window"),
    ),
)
