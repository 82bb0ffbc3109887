"""The write-write deadlock and its cure."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    beginning,
    quiet_for,
    sent_by,
    sent_to,
    status,
    stream,
    window_left,
)
from chatroom.chatwire.lab.naive import answers, grpcio_server
from chatroom.chatwire.lab.references import Reference, rfc
from chatroom.chatwire.lab.requests import joining, leaving, saying
from chatroom.chatwire.lab.servers import chatserver
from chatroom.chatwire.lab.stage import DidNotHappen

if TYPE_CHECKING:
    import grpc

    from chatroom.api.rpc.chat_pb2 import ChatMessage, Message
    from chatroom.chatwire.lab.stage import Stage

    Call = grpc.aio.StreamStreamCall[ChatMessage, Message]

MESSAGES = 60
"""Of 4,000 bytes each: nearly twice what the windows of both directions hold."""
WINDOW = ("grpc.http2.bdp_probe", 0)
"""The window stays at HTTP/2's 65,535 bytes; else grpcio makes it larger as it sees fit."""
QUIET_SECONDS = 1.0

SPENT = sent_to("Ann", Kind.DATA, window_left(0))


def text(number: int) -> str:
    """A long message."""
    return f"{number}: {'and so on, ' * 363}"


async def scene(stage: Stage) -> None:
    """Ann writes without reading to a server that answers, Bob to a chatserver."""
    cured = stage.server
    async with grpcio_server(answers) as naive:
        stage.turn_to(naive)
        async with stage.client("Ann", WINDOW) as ann:
            await stuck(stage, ann.Chat())
    stage.turn_to(cured)
    async with stage.client("Bob", WINDOW) as bob:
        await not_stuck(stage, bob.Chat())


async def stuck(stage: Stage, talk: Call) -> None:
    """Write until nothing goes any more; then read, which sets everything free."""

    async def write() -> None:
        for number in range(MESSAGES):
            await talk.write(saying(text(number)))
        await talk.done_writing()

    writing = asyncio.create_task(write())
    await stage.until(SPENT)
    await stage.until_quiet(QUIET_SECONDS)
    if writing.done():
        raise DidNotHappen("all of Ann's messages went out although nobody read the answers")
    async for _ in talk:
        pass
    await writing


async def not_stuck(stage: Stage, talk: Call) -> None:
    """Write more than the windows hold, and read only when all of it is out."""
    half = MESSAGES // 2
    await talk.write(joining("Bob"))
    for number in range(half):
        await talk.write(saying(text(number)))
    spent = await stage.until(sent_to("Bob", Kind.DATA, window_left(0)))
    for number in range(half, MESSAGES):
        await talk.write(saying(text(number)))
    await stage.until(sent_by("Bob", Kind.DATA, beginning(f"{MESSAGES - 1}: ")), after=spent)
    await talk.write(leaving())
    await talk.done_writing()
    async for _ in talk:
        pass


EXPERIMENT = Experiment(
    name="deadlock",
    title="Both write, nobody reads: a deadlock, and its cure",
    summary="two flow-control windows at 0, each waiting for the other, and a server to "
    "which that cannot happen",
    intro="""
        Ann sends long messages and wants to read the answers later. Her server is as simple as
        a first server often is: it answers each message before it reads the next. A few
        messages are answered. Then nothing moves any more, and there is no error. Bob does the
        same as Ann, but with a chatserver.
    """,
    scene=scene,
    server=partial(chatserver, "--message-rate", "0"),
    story=(
        Step(
            title="Ann writes",
            prose="""
                Her client may send 65,535 bytes on the stream before it needs permission. Each
                DATA frame takes its bytes from that window. The numbers after `window` are what
                is left, on the stream and on the connection.
            """,
            shows=(sent_by("Ann", Kind.DATA, stream(1), beginning("0: ")),),
            bare=True,
        ),
        Step(
            title="The server answers before it reads on",
            prose="""
                `async for request in requests: yield answer(request)`. This line of Python
                works as long as the answer can be sent.
            """,
            shows=(sent_to("Ann", Kind.DATA, stream(1), beginning("0: ")),),
            bare=True,
        ),
        Step(
            title="Nobody reads the answers",
            prose="""
                A library gives window back when its program reads. Ann's program reads nothing,
                so no WINDOW_UPDATE for stream 1 comes from her, and the server's window goes to
                0. Its next write waits.
            """,
            shows=(SPENT,),
            not_before=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(1)),),
            bare=True,
        ),
        Step(
            title="So nobody reads the messages either",
            prose="""
                A server that waits in a write does not read. It gives no window back, and Ann's
                window goes to 0 as well. Now her write waits until the server reads, and the
                server waits until she reads.

                The second number is not 0: other streams of the connection go on. Which of the
                two windows is empty first is chance.
            """,
            shows=(sent_by("Ann", Kind.DATA, window_left(0)),),
            out_of_turn=True,
            bare=True,
        ),
        Step(
            title="Silence, until somebody reads",
            prose="""
                Nothing passes for a second, and it could be a year. For HTTP/2 nothing is
                wrong: in both directions the sender has reached the limit that the receiver has
                set. Then Ann begins to read, and the first frame after the silence is her
                permission to go on.
            """,
            shows=(sent_by("Ann", Kind.WINDOW_UPDATE, stream(1), quiet_for(QUIET_SECONDS)),),
            bare=True,
        ),
        Step(
            title="One permission sets everything free",
            prose="""
                The server's write succeeds, so the server reads. So Ann's window opens, and her
                write succeeds. It goes on like this to the last message and status OK.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, stream(1)),
                sent_to("Ann", Kind.WINDOW_UPDATE, stream(1)),
                sent_by("Ann", Kind.DATA, stream(1)),
                sent_to("Ann", Kind.HEADERS, END_STREAM, status("OK")),
            ),
            bare=True,
        ),
        Step(
            title="Bob writes to a chatserver, and does not read either",
            prose="""
                He asked to get his own messages back (FEATURE_ECHO). He does not read them, and
                the server's window goes to 0, as with Ann.
            """,
            shows=(sent_to("Bob", Kind.DATA, window_left(0)),),
            not_before=(sent_by("Bob", Kind.WINDOW_UPDATE, stream(1)),),
            bare=True,
        ),
        Step(
            title="The server reads on",
            prose="""
                This is the difference: the server can write nothing, but it goes on reading and
                gives window back. So Bob can send his last message, although he has read
                nothing yet.
            """,
            shows=(
                sent_to("Bob", Kind.WINDOW_UPDATE, stream(1)),
                sent_by("Bob", Kind.DATA, beginning(f"{MESSAGES - 1}: ")),
            ),
            not_before=(sent_by("Bob", Kind.WINDOW_UPDATE, stream(1)),),
            bare=True,
        ),
        Step(
            title="Then Bob reads",
            prose="""
                All 60 messages come, in order, and then the status. The room kept no queue for
                him: the messages are in its log, and his position in the log did not move for a
                while.
            """,
            shows=(
                sent_by("Bob", Kind.WINDOW_UPDATE, stream(1)),
                sent_to("Bob", Kind.DATA, beginning(f"{MESSAGES - 1}: ")),
                sent_to("Bob", Kind.HEADERS, END_STREAM, status("OK")),
            ),
            bare=True,
        ),
    ),
    why="""
        A stream has a window for each direction, and for HTTP/2 the two are independent. A
        program that reads only after it has written makes one depend on the other. If both
        sides do that, each can wait for the other. gRPC's guide to flow control warns of it.

        The cure is in the program, not in the protocol: no direction may wait for the other.
        Read in one task and write in another, and put a bounded queue between them. This server
        needs no tasks for that: what comes is pushed into a stream (`MemberStream.hear`), and
        what goes is pushed out of it (`Delivery.pump`). Between the two is the log. It is
        bounded: the newest entries are kept, older ones are deleted, and the stream of a reader
        that takes nothing for 10 s is ended.

        Such a deadlock comes late, and only under load: a few short messages never fill a
        window. So it is found in production and not in tests.
    """,
    try_next="""
        `chatwire lab deadlock --frame window-update`: which side gave window back, and when.
        Ann's client gives the connection's window back when bytes come, and that of stream 1
        only when she reads.

        Give the client and the server of such a pair larger windows
        (`grpc.http2.lookahead_bytes` with grpcio): the same happens, later.

        Give the call a deadline: the deadlock then ends with DEADLINE_EXCEEDED, as if the
        server were only slow. See the experiment `deadline`.
    """,
    references=(
        rfc(9113, "5.2.1", "flow control is for each direction, and the receiver decides"),
        rfc(9113, "5.2.2", "another deadlock: that of peers that do not read control frames"),
        rfc(9113, "6.9.1", "the flow-control window"),
        Reference(
            "gRPC, Flow Control",
            "https://grpc.io/docs/guides/flow-control/",
            "the warning of a deadlock",
        ),
    ),
)
