"""A call that ends without a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    MESSAGE,
    length,
    sent_by,
    sent_to,
    status,
    touched,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.stage import DidNotHappen

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

QUIET = (("grpc.http2.bdp_probe", 0),)


async def scene(stage: Stage) -> None:
    """Ann asks for the rooms: through a proxy that loses trailers, and one that does not."""
    for who, expected in (("Ann", grpc.StatusCode.UNKNOWN), ("Ann again", grpc.StatusCode.OK)):
        async with stage.client(who, *QUIET) as ann:
            call = ann.ListChatRooms(pb.ListChatRoomsRequest())
            if (code := await call.code()) is not expected:
                raise DidNotHappen(f"{who} was told {code.name}")


EXPERIMENT = Experiment(
    name="missing-trailers",
    title="An end without a status",
    summary="the stream ends in order, and nobody knows how the call has",
    intro="""
        gRPC says how a call has ended in trailers: header fields behind the body. Few others
        use them, and so proxies, frameworks and browsers lose them now and then. Here the tap
        does, on the first connection.
    """,
    faults=("trailers connection 1: missing",),
    scene=scene,
    story=(
        Step(
            title="A call like any other",
            prose="""
                Ann asks which rooms there are. Response headers come, with `:status: 200`, and
                the answer. For HTTP the response is a success from its first line on.
            """,
            shows=(
                sent_by("Ann", Kind.DATA, END_STREAM),
                sent_to("Ann", Kind.HEADERS),
                sent_to("Ann", Kind.DATA, MESSAGE),
            ),
        ),
        Step(
            title="The end, without trailers",
            prose="""
                The server ends the stream with trailers, and the tap puts an empty
                DATA frame with END_STREAM in their place. For HTTP/2 that is a complete
                response, with nothing wrong about it.

                For gRPC it is not: there is no `grpc-status`. Ann's library makes one up,
                UNKNOWN, and her program gets that in place of the answer, which has come whole.
                The server has said OK.
            """,
            shows=(sent_to("Ann", Kind.DATA, END_STREAM, length(0), touched("altered")),),
            not_before=(sent_to("Ann", Kind.HEADERS),),
        ),
        Step(
            title="The same with trailers",
            prose="""
                HEADERS behind the messages, with END_STREAM and the status.
            """,
            shows=(
                sent_to("Ann again", Kind.DATA, MESSAGE),
                sent_to("Ann again", Kind.HEADERS, END_STREAM, status("OK")),
            ),
        ),
    ),
    why="""
        The status comes at the end since only then it is known. A stream that has delivered a
        thousand messages may still fail. A response that ends without a status was cut by
        somebody: a client may not take it for a success, even if every message is there. It
        could be the list that ends in the middle.

        UNKNOWN is the right word: whatever has happened, the call was taken on, so that it is
        not safe to repeat it. With HTTP statuses other than 200 a client makes up another one,
        by a table: 503 becomes UNAVAILABLE, 401 UNAUTHENTICATED.

        gRPC-Web and Connect put the status into the body because of all this; see `envelopes`.
        And `te: trailers` in each request is there to find out early who does not pass them on.
    """,
    try_next="""
        `chatwire fault --trailers 'with grpc-status=99'` before a service of your own, and
        `: without grpc-status`, and `: status OK` for a method that should fail. What do its
        clients make of it?

        `chatwire lab end-of-stream`: what a status is, and what a reset becomes.
    """,
    references=(
        grpc_document("PROTOCOL-HTTP2", "Responses: Trailers, and their place"),
        grpc_document("http-grpc-status-mapping", "what statuses of HTTP become"),
        grpc_document("statuscodes", "UNKNOWN, and who makes it up"),
        rfc(9113, "8.1", "trailers in HTTP/2"),
        rfc(9110, "6.5", "trailer fields, and that they may be lost"),
    ),
)
