"""A call that is refused: Trailers-Only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    NO_ACK,
    OPEN,
    error,
    field,
    role,
    sent_by,
    sent_to,
    sets,
    status,
    stream,
)
from chatroom.chatwire.lab.hand import data, settings, settings_ack
from chatroom.chatwire.lab.references import grpc_document, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage


async def scene(stage: Stage) -> None:
    """Ann joins a room that does not exist, then one that does."""
    async with stage.hand("Ann") as ann:
        await ann.send(PREFACE, settings())
        await stage.until(sent_to("Ann", Kind.SETTINGS, NO_ACK))
        await ann.send(settings_ack(), ann.request(1), data(1, joining("Ann", room="nowhere")))
        await stage.until(sent_to("Ann", Kind.RST_STREAM, stream(1)))
        await ann.send(ann.request(3), data(3, joining("Ann")))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))


EXPERIMENT = Experiment(
    name="refusal",
    title="A refusal",
    summary="a whole response in one frame of headers, and the call that follows unharmed",
    intro="""
        Ann wants to join a room that does not exist. The server answers with a single frame.
        Only this call ends: the connection stays, and the next call succeeds. Ann's client is
        played by hand, so that it does not reset the stream before the server does.
    """,
    scene=scene,
    story=(
        Step(
            title="A call like any other",
            prose="Nothing in the request shows that it will be refused.",
            shows=(
                sent_by("Ann", Kind.HEADERS, role(Role.REQUEST), stream(1), OPEN),
                sent_by("Ann", Kind.DATA, sets("join"), stream(1), OPEN),
            ),
        ),
        Step(
            title="The whole response: one frame",
            prose="""
                gRPC calls this Trailers-Only. Other responses have headers first and trailers
                last; here both are one block of fields, with END_STREAM. HTTP's status is 200,
                since HTTP worked. The status of the call is `grpc-status`: 5 for NOT_FOUND,
                with a sentence in `grpc-message`.

                `grpc-status-details-bin` is a protobuf message in Base64, google.rpc.Status. It
                holds the ErrorInfo that the line shows: `reason` is for programs, which should
                not have to read sentences.
            """,
            shows=(
                sent_to(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.TRAILERS_ONLY),
                    status("NOT_FOUND", "ROOM_NOT_FOUND"),
                    field(":status", "200"),
                    field("grpc-status", "5"),
                    stream(1),
                    END_STREAM,
                ),
            ),
            verbose=True,
            not_before=(
                sent_to("Ann", Kind.HEADERS, OPEN, stream(1)),
                sent_to("Ann", Kind.DATA, stream(1)),
            ),
            not_after=(sent_to("Ann", Kind.DATA, stream(1)),),
        ),
        Step(
            title="You need not go on",
            prose="""
                Ann's direction of the stream is still open. After a second the server sends
                RST_STREAM with NO_ERROR: the response is complete, and the rest of the request
                is not needed. After any other reset a client throws the response away; after
                this one it must not. Some proxies did, when the reset came at once. So the
                server waits for a second.
            """,
            shows=(sent_to("Ann", Kind.RST_STREAM, error("NO_ERROR"), stream(1)),),
        ),
        Step(
            title="The next call, on the same connection",
            prose="""
                Stream 3, since no number is used twice. The room `lobby` exists: now there are
                response headers without END_STREAM, and messages follow.
            """,
            shows=(
                sent_by("Ann", Kind.HEADERS, role(Role.REQUEST), stream(3)),
                sent_to("Ann", Kind.HEADERS, role(Role.RESPONSE), stream(3), OPEN),
                sent_to("Ann", Kind.DATA, sets("joined"), stream(3)),
            ),
        ),
    ),
    why="""
        With one block of headers a client library may try again by itself, with two it may not.
        When response headers have come, the call is *committed*: the application may have seen
        them, and would notice a second try. A refusal without them may be tried again, if the
        client's retry policy names its status.

        So this server sends nothing until it has let the member in. A join that it refuses gets
        Trailers-Only.
    """,
    try_next="""
        A name that is taken: with `chatserver --room lobby` and `chatwire` running, join twice
        with `chatter --room lobby --name Ann --host localhost:8081`, and see ALREADY_EXISTS
        with a free name in the details.

        A method that does not exist: `grpcurl -plaintext localhost:8081 rpc.ChatService/Shout`.
        grpcurl stops by itself. `chatwire` shows why: it asked the server's reflection first,
        and never called Shout.

        `chatwire lab end-of-stream`: statuses that come after messages.
    """,
    references=(
        grpc_document("PROTOCOL-HTTP2", "Trailers-Only, Status, Status-Message"),
        grpc_document("statuscodes", "what each status means"),
        grpc_proposal("A6-client-retries", "when a call is committed, and not tried again"),
        rfc(9113, "8.1", "a complete response before the end of the request, and NO_ERROR"),
    ),
)
