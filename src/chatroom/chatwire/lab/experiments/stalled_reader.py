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
    summary="after 10 s the server ends the stream that stalled, and only that",
    intro="""
        As in `flow-control`, Ann's client takes 500 bytes, but here it never gives permission
        for more. The server waits for a while, and then ends the stream. The connection stays.
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
                A PING is answered at once. Neither PING nor TCP can show that a stream is not
                read: the peer is alive, but it takes nothing for this stream.
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
                RST_STREAM with CANCEL. No trailers with a status are sent. HEADERS need no
                window, but trailers come after all DATA, and the DATA cannot be sent. Compare
                the time with that of step 1.
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
                Ann has no session, so she has left at once. With a session she would have 15 s
                to come back, and would get everything that she missed. Whether Bob's
                connection is served before hers is chance.
            """,
            shows=(sent_to("Bob", Kind.DATA, says("Has left the chat"), sets("left")),),
            out_of_turn=True,
        ),
        Step(
            title="A new stream on the same connection",
            prose="""
                The new stream has a window of its own, 500 bytes again, and is served. What the
                server had not sent on the old stream is not sent any more.
            """,
            shows=(
                sent_by("Ann", Kind.HEADERS, role(Role.REQUEST), stream(3)),
                sent_to("Ann", Kind.HEADERS, role(Role.RESPONSE), stream(3)),
                sent_to("Ann", Kind.DATA, sets("entered"), stream(3)),
            ),
        ),
    ),
    why="""
        A client that never gives window back costs the server memory: for a stream, a place in
        a room, and what was already taken from the log for that stream. Ten seconds are long
        enough for a program that is only busy. They are too short for an attacker who wants to
        fill a server's memory with a thousand connections.

        A stream error ends one stream and not the connection. The server closes the whole
        connection only if the peer takes no bytes at all.
    """,
    try_next="""
        Connect a `chatter` through `chatwire`, stop it with Ctrl-Z for 20 s, and go on with
        `fg`. Its window is not the reason why it loses its stream, since grpcio gives 4 MiB.
        The server's PING was not answered, so it closed the connection: see its GOAWAY, and how
        `chatter` resumes.

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
