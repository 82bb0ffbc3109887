"""A reader that stalls for good is ended, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    NO_ACK,
    error,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    stream,
    window_left,
)
from chatroom.chatwire.lab.hand import data, ping, settings, settings_ack
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

WINDOW = 500


def text(number: int) -> str:
    """Of a length at which the fourth is the one that does not fit any more."""
    return f"Message {number} of 8, and Bob says all that he has to say."


async def scene(stage: Stage) -> None:
    """Ann's first stream is never given a window again; her second one has its own."""
    async with stage.hand("Ann") as ann, stage.client("Bob") as bob:
        await ann.send(PREFACE, settings(INITIAL_WINDOW_SIZE=WINDOW))
        await stage.until(sent_to("Ann", Kind.SETTINGS, NO_ACK))
        await ann.send(settings_ack(), ann.request(1), data(1, joining("Ann", features=())))
        await stage.until(sent_to("Ann", Kind.DATA, says("Has entered the chat")))
        talking = bob.Chat()
        await talking.write(joining("Bob"))
        await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        for number in range(1, 9):
            await talking.write(saying(text(number)))
            await stage.until(sent_to("Bob", Kind.DATA, says(text(number))))
        await stage.until(sent_to("Ann", Kind.DATA, window_left(0)))
        await ann.send(ping(b"are you?"))
        await stage.until(sent_to("Ann", Kind.PING, ACK))
        await stage.until(sent_to("Ann", Kind.RST_STREAM, stream(1)))
        await stage.until(sent_to("Bob", Kind.DATA, sets("left")))
        again = joining("Ann", features=(), history=0)
        await ann.send(ann.request(3), data(3, again))
        await stage.until(sent_to("Ann", Kind.DATA, stream(3)))
        talking.cancel()


EXPERIMENT = Experiment(
    name="stalled-reader",
    title="A stalled reader is ended",
    summary="patience has a limit of 10 s, and costs only the stream that stalled",
    intro="""
        As in `flow-control` Ann's client takes 500 bytes, but it never gives permission for
        more. The server waits for a while, and then ends the stream. The connection stays.
    """,
    scene=scene,
    story=(
        Step(
            title="The window is used up",
            prose="From here on not one byte of DATA may be sent on stream 1.",
            shows=(sent_to("Ann", Kind.DATA, window_left(0), stream(1)),),
        ),
        Step(
            title="The connection is well",
            prose="""
                A PING is answered at once. Neither PING nor TCP can tell that a stream is not
                read: the peer is alive, only nobody takes what is for this stream.
            """,
            shows=(
                sent_by("Ann", Kind.PING, NO_ACK),
                sent_to("Ann", Kind.PING, ACK),
            ),
            out_of_turn=True,
        ),
        Step(
            title="After 10 s the stream is reset",
            prose="""
                RST_STREAM with CANCEL. Trailers with a status are not sent, though HEADERS are
                not subject to flow control: they would have to come after the DATA that cannot
                be sent. See the time in the second column.
            """,
            shows=(sent_to("Ann", Kind.RST_STREAM, error("CANCEL"), stream(1)),),
            not_before=(
                sent_to("Ann", Kind.DATA),
                sent_to("Ann", Kind.HEADERS),
            ),
        ),
        Step(
            title="The room is told",
            prose="""
                Ann has no session, so she is out at once. With one she would have 15 s to come
                back, and would be given everything that she missed.
            """,
            shows=(sent_to("Bob", Kind.DATA, says("Has left the chat"), sets("left")),),
        ),
        Step(
            title="A new stream on the same connection",
            prose="""
                It has a window of its own, 500 bytes again, and is served. What was left of
                the old stream is gone with it.
            """,
            shows=(
                sent_by("Ann", Kind.HEADERS, role(Role.REQUEST), stream(3)),
                sent_to("Ann", Kind.HEADERS, role(Role.RESPONSE), stream(3)),
                sent_to("Ann", Kind.DATA, sets("entered"), stream(3)),
            ),
        ),
    ),
    why="""
        A window that is never given back is a promise of the client's that is never kept, and
        the server pays: for a stream, a place in a room, and what had been taken from the log
        for it. Ten seconds are long for a
        program that is merely busy, and short for one who would like to fill a server's memory
        with a thousand connections.

        A stream error ends one stream and leaves the connection alone. Only if a peer took no
        bytes at all would the whole connection be closed.
    """,
    try_next="""
        Stop a `chatter` with Ctrl-Z for some two minutes, and go on with `fg`. It is not its
        window that ends the stream, which is 4 MiB with grpcio, but the heartbeats that it
        did not send: see HEARTBEAT_LOST through `chatwire`, and how it resumes.

        `chatwire lab stalled-reader --all --hide ping`: count the bytes that were sent to Ann
        on stream 1.

        `chatwire lab flow-control`: the same with a happy end.
    """,
    references=(
        rfc(9113, "5.2.2", "what flow control is for, and how not to use it"),
        rfc(9113, "5.4.2", "stream errors, and RST_STREAM"),
        grpc_document("PROTOCOL-HTTP2", "how errors of HTTP/2 become statuses"),
    ),
)
