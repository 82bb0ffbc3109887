"""End of stream against status."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    OPEN,
    field,
    role,
    says,
    sent_to,
    sets,
    status,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, leaving
from chatroom.chatwire.lab.servers import ROOM, chatserver

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

DOOMED = "doomed"


async def scene(stage: Stage) -> None:
    """Ann leaves, Bob is removed, Carl's room is deleted."""
    async with (
        stage.client("Ann") as ann,
        stage.client("Bob") as bob,
        stage.client("Carl") as carl,
        stage.behind() as admin,
    ):
        calls = {"Ann": ann.Chat(), "Bob": bob.Chat(), "Carl": carl.Chat()}
        for name, call in calls.items():
            await call.write(joining(name, room=DOOMED if name == "Carl" else ROOM))
            await stage.until(sent_to(name, Kind.DATA, sets("live")))
        await calls["Ann"].write(leaving())
        await stage.until(sent_to("Ann", Kind.HEADERS, END_STREAM))
        await admin.RemoveMember(
            pb.RemoveMemberRequest(room_id=ROOM, name="Bob", reason="too loud")
        )
        await stage.until(sent_to("Bob", Kind.HEADERS, END_STREAM))
        await admin.DeleteChatRoom(pb.DeleteChatRoomRequest(room_id=DOOMED, successor=ROOM))
        await stage.until(sent_to("Carl", Kind.HEADERS, END_STREAM))


EXPERIMENT = Experiment(
    name="end-of-stream",
    title="End of stream and status",
    summary="that a stream has ended is one thing, why is another",
    intro="""
        Three streams end in the same way: the server sends HEADERS with END_STREAM. What
        differs are the fields in them: one where all is well, three where it is not. Ann has
        left, Bob is removed by an admin, and Carl's room is deleted.
    """,
    scene=scene,
    server=partial(chatserver, "--room", DOOMED),
    story=(
        Step(
            title="Ann has left: OK",
            prose="""
                `grpc-status: 0`. To a program this is the plain end: `Recv()` gives io.EOF in
                Go, a loop over the messages just ends in Python.
            """,
            shows=(
                sent_to(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.TRAILERS),
                    status("OK"),
                    field("grpc-status", "0"),
                    END_STREAM,
                ),
            ),
            verbose=True,
        ),
        Step(
            title="Bob is removed: PERMISSION_DENIED",
            prose="""
                The same frame, `grpc-status: 7`. The sentence is for Bob, the reason `REMOVED`
                for his program: it must not join again by itself.
            """,
            shows=(
                sent_to(
                    "Bob",
                    Kind.HEADERS,
                    role(Role.TRAILERS),
                    status("PERMISSION_DENIED", "REMOVED"),
                    field("grpc-status", "7"),
                    END_STREAM,
                ),
            ),
            verbose=True,
        ),
        Step(
            title="Carl's room is deleted: a last message",
            prose="""
                An entry of the log, which every client can show: "chat server" says that the
                room is closing. Programs find `closed` in it, with the room to move to.
            """,
            shows=(sent_to("Carl", Kind.DATA, says("chat room is closing"), sets("closed"), OPEN),),
        ),
        Step(
            title="Then: NOT_FOUND",
            prose="""
                The room is not there any more, so joining again would be answered so too:
                ROOM_CLOSED is the reason to give up, where UNAVAILABLE would be one to try
                again.
            """,
            shows=(
                sent_to(
                    "Carl",
                    Kind.HEADERS,
                    role(Role.TRAILERS),
                    status("NOT_FOUND", "ROOM_CLOSED"),
                    field("grpc-status", "5"),
                    END_STREAM,
                ),
            ),
            verbose=True,
            not_after=(sent_to("Carl", Kind.DATA),),
        ),
    ),
    why="""
        END_STREAM belongs to HTTP/2, and says only that nothing more comes. The status
        belongs to gRPC, and comes last because only then is it known; a stream may fail after
        a thousand messages. Trailers exist for this.

        The system that this one follows let a deleted room's stream just end. Its client got
        io.EOF, which is how Go tells of OK, took it for an error, and said so to the person who
        chatted. An end that has a meaning should carry it: in a last message for
        people, in a status for programs.

        A stream that just stops, with RST_STREAM or with the connection, has no status at
        all; the client's library makes one up, mostly UNAVAILABLE or CANCELLED.
    """,
    try_next="""
        `chatter --room doomed --name Eve --host localhost:8081` through `chatwire`, then
        `chatter delete doomed`: chatter says that the room was closed, and its exit code is 0.

        Compare with `refusal`: there is the status of a call that never began.

        docs/retrying.md says for each status and reason what a client should do.
    """,
    references=(
        grpc_document("PROTOCOL-HTTP2", "Trailers, and that a status is sent even if it is OK"),
        grpc_document("statuscodes", "what each status means"),
        rfc(9113, "8.1", "trailers: HEADERS after DATA, with END_STREAM"),
    ),
)
