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
    summary="HTTP/2 says that a stream has ended, gRPC says why",
    intro="""
        Three streams end in the same way: the server sends HEADERS with END_STREAM. Only the
        fields in them differ: one field if all is well, three if not. Ann has left, Bob is
        removed by an admin, and Carl's room is deleted.
    """,
    scene=scene,
    server=partial(chatserver, "--room", DOOMED),
    story=(
        Step(
            title="Ann has left: OK",
            prose="""
                `grpc-status: 0`. For a program this is the normal end: in Go `Recv()` returns
                io.EOF, in Python a loop over the messages ends.
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
                The same frame with `grpc-status: 7`. The sentence is for Bob. The reason
                `REMOVED` tells his program not to join again by itself.
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
                It is an entry of the log, which every client can show: "chat server" says that
                the room is closing. Programs find `closed` in it, with the room in which the
                talk goes on.
            """,
            shows=(sent_to("Carl", Kind.DATA, says("chat room is closing"), sets("closed"), OPEN),),
        ),
        Step(
            title="Then: NOT_FOUND",
            prose="""
                The room does not exist any more, and another join would get NOT_FOUND too. So a
                program that reads ROOM_CLOSED gives up. After UNAVAILABLE it would try again.
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
        END_STREAM belongs to HTTP/2, and says only that nothing more comes. The status belongs
        to gRPC. It comes last, since a stream may fail after a thousand messages. That is what
        trailers are for.

        In the original system, which this one follows, a deleted room's stream just ended, with
        OK. For OK a client in Go gets io.EOF. The original's client took that for an error, and
        told the user so. If an end has a reason, the server should say it: in a last message
        for people, in a status for programs.

        A stream that is reset, or whose connection is lost, has no status. The client's library
        makes one up. For a lost connection it is UNAVAILABLE. For RST_STREAM from the server
        gRPC's document has a table: CANCEL becomes CANCELLED, REFUSED_STREAM becomes UNAVAILABLE
        (nothing was done, so the call can be repeated), ENHANCE_YOUR_CALM becomes
        RESOURCE_EXHAUSTED, and INADEQUATE_SECURITY becomes PERMISSION_DENIED. All others become
        INTERNAL, even NO_ERROR: without a status, nobody can say that all is well.
    """,
    try_next="""
        With `chatserver --room doomed` and `chatwire` running: `chatter --room doomed --name
        Eve --host localhost:8081`, then `chatter delete doomed`. The first says that the room
        was closed, and its exit code is 0.

        Compare with `refusal`: the status of a call that never began.

        docs/retrying.md says for each status and reason what a client should do.
    """,
    references=(
        grpc_document(
            "PROTOCOL-HTTP2",
            "Trailers: a status is sent even if it is OK; Errors: what a reset becomes",
        ),
        grpc_document("statuscodes", "what each status means"),
        rfc(9113, "8.1", "trailers: HEADERS after DATA, with END_STREAM"),
    ),
)
