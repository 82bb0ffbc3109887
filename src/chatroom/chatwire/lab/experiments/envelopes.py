"""What the first byte of an envelope says: compression, and gRPC-Web's trailers."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    COMPRESSED,
    UNCOMPRESSED,
    field,
    flags,
    in_body,
    in_end,
    message_of,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    whole_body,
)
from chatroom.chatwire.lab.references import Reference, grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, leaving, saying
from chatroom.wire.envelopes import envelope

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

GZIP = ("grpc.default_compression_algorithm", 2)
LAUGHTER = "ha " * 30
BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text+proto"
CONNECT = "application/connect+proto"


async def scene(stage: Stage) -> None:
    """Ann's client compresses; browsers ask without HTTP/2, one in base64, one with Connect."""
    async with stage.client("Ann", GZIP) as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        await talk.write(saying(LAUGHTER))
        await stage.until(sent_to("Ann", Kind.DATA, says(LAUGHTER)))
        await talk.write(leaving())
        await talk.done_writing()
        while await talk.read():
            pass
    asked = envelope(pb.ListChatRoomsRequest().SerializeToString())
    wrong = envelope(pb.JoinChat(room_id="attic", name="Bob").SerializeToString())
    await post(stage, "a browser", "ListChatRooms", BINARY, asked)
    await post(stage, "another browser", "Subscribe", BINARY, wrong)
    await post(stage, "an old browser", "ListChatRooms", TEXT, b64encode(asked))
    await post(stage, "a script", "Subscribe", CONNECT, wrong, "Connect-Protocol-Version: 1")


async def post(
    stage: Stage, who: str, method: str, content_type: str, body: bytes,
    protocol: str = "X-Grpc-Web: 1",
) -> None:  # fmt: skip
    """A call as a browser makes it, over HTTP/1.1; returns when the response has passed."""
    head = (
        f"POST /rpc.ChatService/{method} HTTP/1.1",
        f"Host: {stage.server.address}",
        f"Content-Type: {content_type}",
        f"Accept: {content_type}",
        f"Content-Length: {len(body)}",
        protocol,
        "Connection: close",
    )
    async with stage.socket(who) as (reader, writer):
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await reader.read()
        await stage.until(sent_to(who, Kind.ENDED))


EXPERIMENT = Experiment(
    name="envelopes",
    title="The first byte of an envelope",
    summary="a compressed message, and gRPC-Web and Connect, whose ends are in the body",
    intro="""
        Every message in gRPC has five bytes before it: one of flags and four of length. Three of
        the eight flags have a meaning. The lowest says that this message is compressed. The
        other two mark an envelope that holds no message, but how the call has ended: the highest
        (0x80) in gRPC-Web, the form for browsers, and the second (0x02) in the streams of
        Connect, the third protocol that is spoken here.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann's client names a compression",
            prose="""
                `grpc-encoding: gzip` says how the compressed messages are compressed. It does
                not say that all are. `grpc-accept-encoding` names what the client itself can
                read.
            """,
            shows=(
                sent_by("Ann", Kind.HEADERS, role(Role.REQUEST), field("grpc-encoding", "gzip")),
            ),
            verbose=True,
        ),
        Step(
            title="A message that stays as it is",
            prose="""
                Gzip would make the join longer, so the client sends it with flags 0x00. It may
                choose for every message; that is what the flag is for.
            """,
            shows=(sent_by("Ann", Kind.DATA, sets("join"), UNCOMPRESSED),),
            verbose=True,
        ),
        Step(
            title="A message that is compressed",
            prose="""
                Flags 0x01. Each message is compressed by itself, so small messages gain little.
                The DATA frame and its window count the compressed bytes.
            """,
            shows=(sent_by("Ann", Kind.DATA, says(LAUGHTER), COMPRESSED),),
            verbose=True,
        ),
        Step(
            title="The server's side is its own decision",
            prose="""
                The server could answer in gzip. It does not, since the same bytes go to every
                member, and not every client can read gzip.
            """,
            shows=(sent_to("Ann", Kind.DATA, says(LAUGHTER), UNCOMPRESSED),),
        ),
        Step(
            title="A browser calls",
            prose="""
                Scripts in a browser cannot read HTTP trailers, and cannot ask for HTTP/2. So
                gRPC-Web is a POST over any version of HTTP, here 1.1. The envelopes are the
                same.
            """,
            shows=(
                sent_by("a browser", Kind.REQUEST, field("content-type", BINARY)),
                sent_by("a browser", Kind.BODY, message_of("rpc.ListChatRoomsRequest")),
            ),
            verbose=True,
        ),
        Step(
            title="The message, then the trailers, in one body",
            prose="""
                The second envelope begins with 0x80. It holds the trailers as lines of text:
                `grpc-status: 0`. For HTTP they are a part of the body, and the response ends
                with its last byte.
            """,
            shows=(
                sent_to("a browser", Kind.RESPONSE, field("content-type", BINARY)),
                sent_to("a browser", Kind.BODY, message_of("rpc.ListChatRoomsResponse")),
                sent_to("a browser", Kind.BODY, in_body("OK")),
            ),
            verbose=True,
        ),
        Step(
            title="A refusal: HTTP says 200",
            prose="""
                There is no room `attic`. HTTP's status does not say so. Only the trailers in
                the body do, with the same details as in native gRPC. Many proxies and logs look
                only at the 200, and see no error.
            """,
            shows=(
                sent_by("another browser", Kind.BODY, message_of("rpc.JoinChat")),
                sent_to("another browser", Kind.RESPONSE, field("content-type", BINARY)),
                sent_to("another browser", Kind.BODY, in_body("NOT_FOUND")),
            ),
        ),
        Step(
            title="The same as text",
            prose="""
                `grpc-web-text` is the whole body in base64: eight characters for the five bytes
                of an empty message. It is for scripts that use XMLHttpRequest, which gives a
                script text as it comes, but no bytes. (`fetch` gives both.) The server answers
                in the same form. It pads each write by itself, so that a script can read at
                once what has come. So `=` may be in the middle of a body.
            """,
            shows=(
                sent_by("an old browser", Kind.REQUEST, field("content-type", TEXT)),
                sent_by("an old browser", Kind.BODY, whole_body(8)),
                sent_to("an old browser", Kind.RESPONSE, field("content-type", TEXT)),
                sent_to("an old browser", Kind.BODY, message_of("rpc.ListChatRoomsResponse")),
                sent_to("an old browser", Kind.BODY, in_body("OK")),
            ),
        ),
        Step(
            title="The end of a stream in Connect",
            prose="""
                The same wrong room, asked by Connect. The envelope with the flag 0x02 ends the
                stream. It is JSON, whatever the messages are: empty braces if all is well, else
                the error, with the code `not_found` in words and the details in base64. It may
                be compressed too; then its flags are 0x03.
            """,
            shows=(
                sent_by("a script", Kind.REQUEST, field("content-type", CONNECT)),
                sent_by("a script", Kind.BODY, message_of("rpc.JoinChat")),
                sent_to("a script", Kind.RESPONSE, field("content-type", CONNECT)),
                sent_to("a script", Kind.BODY, in_end("NOT_FOUND"), flags(0x02)),
            ),
            verbose=True,
        ),
    ),
    why="""
        The envelope makes gRPC independent of frames: a DATA frame may end inside a message,
        and HTTP/1.1 has no frames. The flag is in each envelope, and not once for the call. So
        a sender can leave some messages uncompressed: those that would not become shorter, and
        those with a secret beside text that an attacker chooses. From the compressed length the
        attacker could guess the secret.

        gRPC needs trailers, and browsers do not give them to scripts. gRPC-Web puts them into
        the body, where no proxy can lose them. One thing is lost: a browser sends the whole
        request before it reads the response, so only the server can stream. So this service has
        `Subscribe` and `SendMessage` for browsers, beside `Chat`.
    """,
    try_next="""
        `chatwire lab envelopes --frame request,response -v`: the requests say how long their
        body is, the responses that it comes in chunks. Why?

        Send an envelope with the flag 1 and no `grpc-encoding`: the call ends with INTERNAL, as
        gRPC's document on compression demands.
    """,
    references=(
        grpc_document("PROTOCOL-HTTP2", "Length-Prefixed-Message, Compressed-Flag"),
        grpc_document("compression", "who may compress what"),
        grpc_document("PROTOCOL-WEB", "trailers in the body, and the text form"),
        Reference(
            "Connect, protocol reference",
            "https://connectrpc.com/docs/protocol",
            "EndStreamResponse, the last envelope of a stream",
        ),
        rfc(9113, "10.6", "what an attacker can learn from compression"),
    ),
)
