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
        A stream has two directions, and each is ended by the one who sends in it. Ann says
        something and then ends hers. She is still a member: whatever the others say goes on
        coming to her.
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
                A flag on the last DATA frame, END_STREAM. The frame may be empty, as here:
                grpcio did not know yet that the message before was the last. The stream is now
                half-closed: for Ann (local) it takes no more messages, for the server (remote)
                none will come.

                In the API: `done_writing()` in Python, `CloseSend()` in Go, `end()` in Node.
            """,
            shows=(sent_by("Ann", Kind.DATA, END_STREAM, length(0)),),
            not_before=(sent_to("Ann", Kind.HEADERS, END_STREAM),),
        ),
        Step(
            title="And still hears",
            prose="""
                Two messages of Bob's, after that; it could be hours. Nothing about the way from
                the server to Ann has changed. No one in the room is told anything: that Ann
                says no more is no event.
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
                Somebody deletes the room. The last message, then trailers with END_STREAM: now
                both directions have ended, and the stream is closed. The tail of the stream was
                the server's to decide, and its status came through.
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
        In HTTP/1.1 a request is over before its response begins, for most clients. HTTP/2
        gives each direction its own end, so that "I have said everything" and "I want to hear
        nothing more" are two things. A client that uploads half-closes and waits for the
        result; one that chats may half-close and read on for hours.

        What the server makes of it is the service's decision. Here it means: a member who
        only listens. A service could as well answer the end of the requests with the end of
        the responses, and many do.
    """,
    try_next="""
        `chatwire lab half-close-or-cancel`: what happens when the client cancels instead.

        Pipe into the client: `echo Hello | chatter --room lobby --name Eve --host
        localhost:8081` through `chatwire`. How does it end, with half-close or with `leave`?

        `chatwire lab half-close --frame headers,rst-stream`: Bob's stream is reset after its
        trailers, by whichever side is first, since his direction was still open. Ann's is not:
        both sides had ended it in order.
    """,
    references=(
        rfc(9113, "5.1", "the states of a stream: half-closed (local), half-closed (remote)"),
        rfc(9113, "6.1", "END_STREAM on DATA"),
        grpc_document("PROTOCOL-HTTP2", "EOS, and that it may be on an empty DATA frame"),
    ),
)
