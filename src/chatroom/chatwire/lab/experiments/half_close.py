"""Half-close: saying that one will only listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    OPEN,
    length,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    status,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.servers import ROOM

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage


async def scene(stage: Stage) -> None:
    """Ann half-closes and goes on hearing Bob, until the room is deleted."""
    from chatroom.api.rpc import chat_pb2 as pb

    async with stage.client("Ann") as ann, stage.client("Bob") as bob:
        listening, talking = ann.Chat(), bob.Chat()
        await listening.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        await talking.write(joining("Bob"))
        await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        await listening.write(saying("I only listen from now on"))
        await stage.until(sent_to("Bob", Kind.DATA, says("I only listen from now on")))
        await listening.done_writing()
        await stage.until(sent_by("Ann", Kind.DATA, END_STREAM))
        await talking.write(saying("Ann, can you hear me?"))
        await stage.until(sent_to("Ann", Kind.DATA, says("Ann, can you hear me?")))
        await talking.write(saying("Nod if you can"))
        await stage.until(sent_to("Ann", Kind.DATA, says("Nod if you can")))
        async with stage.behind() as admin:
            await admin.DeleteChatRoom(pb.DeleteChatRoomRequest(room_id=ROOM))
        await stage.until(sent_to("Ann", Kind.HEADERS, status("NOT_FOUND", "ROOM_CLOSED")))


EXPERIMENT = Experiment(
    name="half-close",
    title="Half-close",
    summary="one direction of a stream ends, the other goes on",
    intro="""
        A stream has two directions, and each is ended by the side that sends in it. Ann says
        something and then ends her direction. She is still a member, and still gets what the
        others say.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann says something",
            prose="The stream is open: both may send.",
            shows=(sent_by("Ann", Kind.DATA, says("I only listen from now on"), OPEN),),
        ),
        Step(
            title="Ann half-closes",
            prose="""
                The flag END_STREAM on her last DATA frame. The frame may be empty, as here:
                when grpcio sent the message, it did not know that this was the last one. The
                stream is now half-closed: Ann can send no more on it (for her: "local"), and
                the server gets no more (for the server: "remote").

                In the API: `done_writing()` in Python, `CloseSend()` in Go, `end()` in Node.
            """,
            shows=(sent_by("Ann", Kind.DATA, END_STREAM, length(0)),),
            not_before=(sent_to("Ann", Kind.HEADERS, END_STREAM),),
        ),
        Step(
            title="She still hears Bob",
            prose="""
                Then come two messages of Bob's. This could go on for hours: nothing has changed
                in the direction from the server to Ann. The others in the room are not told
                that Ann has half-closed.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, says("Ann, can you hear me?"), OPEN),
                sent_to("Ann", Kind.DATA, says("Nod if you can"), OPEN),
            ),
            not_before=(sent_to("Bob", Kind.DATA, sets("left")),),
            not_after=(
                sent_by("Ann", Kind.DATA),
                sent_by("Ann", Kind.RST_STREAM),
            ),
        ),
        Step(
            title="The server ends its direction",
            prose="""
                Somebody deletes the room. The last message comes, then trailers with
                END_STREAM: now both directions have ended, and the stream is closed. The server
                decided when its direction ends, and its status reached Ann.
            """,
            shows=(
                sent_to("Ann", Kind.DATA, sets("closed"), OPEN),
                sent_to(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.TRAILERS),
                    status("NOT_FOUND", "ROOM_CLOSED"),
                    END_STREAM,
                ),
            ),
            not_after=(sent_to("Ann", Kind.RST_STREAM),),
        ),
    ),
    why="""
        In HTTP/1.1 most clients end a request before its response begins. In HTTP/2 each
        direction has its own end, so "I have said everything" and "I want to hear nothing more"
        are two different things. A client that uploads half-closes and waits for the result. A
        client that chats may half-close and read on for hours.

        Each service decides what half-close means to it. Here it means: a member who only
        listens. Many services end the responses when the requests have ended.
    """,
    try_next="""
        `chatwire lab half-close-or-cancel`: what happens when the client cancels instead.

        Start `chatserver --room lobby` and `chatwire`, then `echo Hello | chatter --room lobby
        --name Eve --host localhost:8081`. How does its stream end, with half-close or with
        `leave`?

        `chatwire lab half-close --frame headers,rst-stream`: Bob's direction was still open
        when his trailers came, so his stream is reset after them, by the side that is first.
        Ann's stream is not reset: both directions had ended.
    """,
    references=(
        rfc(9113, "5.1", "the states of a stream: half-closed (local), half-closed (remote)"),
        rfc(9113, "6.1", "END_STREAM on DATA"),
        grpc_document("PROTOCOL-HTTP2", "EOS (end of stream), which may be on an empty DATA frame"),
    ),
)
