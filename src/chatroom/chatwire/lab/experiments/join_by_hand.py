"""A join without any library: every byte that the client sends stands in this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    ACK,
    END_STREAM,
    NO_ACK,
    OPEN,
    field,
    length,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    status,
    stream,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

Octets = tuple[tuple[bytes, str], ...]
"""Bytes in the order in which they are sent, each piece with what it means."""

BEGINNING: Octets = ((PREFACE, "24 bytes, always the same"),)
SETTINGS: Octets = (
    (b"\x00\x00\x00", "length 0"),
    (b"\x04", "type 4: SETTINGS"),
    (b"\x00", "no flags"),
    (b"\x00\x00\x00\x00", "stream 0"),
)
REQUEST: Octets = (
    (b"\x00\x00\x55", "length 85"),
    (b"\x01", "type 1: HEADERS"),
    (b"\x04", "END_HEADERS"),
    (b"\x00\x00\x00\x01", "stream 1"),
    (b"\x83", "entry 3 of the static table: `:method: POST`"),
    (b"\x86", "entry 6: `:scheme: http`"),
    (b"\x04\x15/rpc.ChatService/Chat", "the name of entry 4, `:path`; a value of 21 bytes"),
    (b"\x01\x09localhost", "the name of entry 1, `:authority`"),
    (b"\x0f\x10\x10application/grpc", "the name of entry 31, `content-type`: 15 + 16"),
    (b"\x00\x02te\x08trailers", "a name that is in no table, and its value"),
    (b"\x00\x0auser-agent\x04hand", "likewise"),
)
JOIN: Octets = (
    (b"\x00\x00\x13", "length 19"),
    (b"\x00", "type 0: DATA"),
    (b"\x00", "no flags: the stream goes on"),
    (b"\x00\x00\x00\x01", "stream 1"),
    (b"\x00", "gRPC: not compressed"),
    (b"\x00\x00\x00\x0e", "gRPC: a message of 14 bytes"),
    (b"\x0a\x0c", "ChatMessage, field 1, `join`: 12 bytes"),
    (b"\x0a\x05lobby", "JoinChat, field 1, `room_id`: 5 bytes"),
    (b"\x12\x03Ann", "JoinChat, field 2, `name`: 3 bytes"),
)
ACKNOWLEDGEMENT: Octets = (
    (b"\x00\x00\x00", "length 0"),
    (b"\x04", "type 4: SETTINGS"),
    (b"\x01", "ACK"),
    (b"\x00\x00\x00\x00", "stream 0"),
)
LEAVE: Octets = (
    (b"\x00\x00\x07", "length 7"),
    (b"\x00", "type 0: DATA"),
    (b"\x01", "END_STREAM: nothing follows"),
    (b"\x00\x00\x00\x01", "stream 1"),
    (b"\x00\x00\x00\x00\x02", "gRPC: not compressed, 2 bytes"),
    (b"\x2a\x00", "ChatMessage, field 5, `leave`: 0 bytes"),
)


def joined(octets: Octets) -> bytes:
    """The bytes alone."""
    return b"".join(piece for piece, _ in octets)


def listing(octets: Octets) -> str:
    """Bytes in hex, 12 on a line at most, each piece with what it means."""
    lines = []
    for piece, meaning in octets:
        rows = [piece[begin : begin + 12].hex(" ") for begin in range(0, len(piece), 12)]
        lines += [f"{rows[0]:<37}{meaning}", *rows[1:]]
    return "\n".join(lines)


async def scene(stage: Stage) -> None:
    """Ann's client is a socket, and the bytes above."""
    async with stage.hand("Ann") as ann:
        await ann.send(joined(BEGINNING), joined(SETTINGS), joined(REQUEST), joined(JOIN))
        await stage.until(sent_to("Ann", Kind.SETTINGS, NO_ACK))
        await ann.send(joined(ACKNOWLEDGEMENT))
        await stage.until(sent_to("Ann", Kind.DATA, says("Has entered the chat")))
        await ann.send(joined(LEAVE))
        await stage.until(sent_to("Ann", Kind.HEADERS, status("OK")))


EXPERIMENT = Experiment(
    name="join-by-hand",
    title="The same by hand",
    summary="a join written byte by byte, without any library",
    intro="""
        There is no magic in a gRPC call. Here a plain socket is opened and these bytes are
        sent, and the server takes them for a join. A frame is nine bytes of header (length,
        type, flags, stream) and its payload.
    """,
    scene=scene,
    story=(
        Step(
            title="The preface",
            prose="The client's first bytes. They say that HTTP/2 follows.",
            listing=listing(BEGINNING),
            shows=(sent_by("Ann", Kind.PREFACE),),
        ),
        Step(
            title="SETTINGS, empty",
            prose="""
                SETTINGS must be the first frame, also when they are empty. Then every limit is
                the RFC's default, such as windows of 65,535 bytes.
            """,
            listing=listing(SETTINGS),
            shows=(sent_by("Ann", Kind.SETTINGS, NO_ACK, length(0)),),
        ),
        Step(
            title="HEADERS: the call",
            prose="""
                HPACK has a table of 61 common header fields. A byte from 0x80 on is the number
                of an entry, and means the whole field. A byte from 0x00 to 0x0f begins a field
                that is not put into the second table. Its low four bits are the number of an
                entry with the same name; after 0 the name follows as text. Texts have their
                length before them. The number 31 does not fit into four bits: it is 15, and the
                next byte is the rest, 16.

                The client did not wait for the server's SETTINGS: it may begin at once.
            """,
            listing=listing(REQUEST),
            shows=(
                sent_by(
                    "Ann",
                    Kind.HEADERS,
                    role(Role.REQUEST),
                    field(":method", "POST"),
                    field(":scheme", "http"),
                    field(":path", "/rpc.ChatService/Chat"),
                    field(":authority", "localhost"),
                    field("content-type", "application/grpc"),
                    field("te", "trailers"),
                    field("user-agent", "hand"),
                    length(85),
                    stream(1),
                    OPEN,
                ),
            ),
            verbose=True,
        ),
        Step(
            title="DATA: the join",
            prose="""
                gRPC puts five bytes before each message: whether it is compressed, and its
                length. In protobuf a field begins with its number times eight, plus its wire
                type: 2 for everything with a length before it.
            """,
            listing=listing(JOIN),
            shows=(sent_by("Ann", Kind.DATA, sets("join"), length(19)),),
        ),
        Step(
            title="The server's SETTINGS, acknowledged",
            prose="The server's SETTINGS have come. The client has to say that it obeys them now.",
            listing=listing(ACKNOWLEDGEMENT),
            shows=(sent_by("Ann", Kind.SETTINGS, ACK, length(0)),),
            out_of_turn=True,
        ),
        Step(
            title="The server believes it",
            prose="""
                The server answers as it answers any client. Ann asked for no features, so there
                is no `joined` and no `live`: her own arrival comes first, as the original's
                clients got it.
            """,
            shows=(
                sent_to("Ann", Kind.HEADERS, role(Role.RESPONSE), field(":status", "200")),
                sent_to("Ann", Kind.DATA, says("Has entered the chat")),
            ),
            not_before=(sent_to("Ann", Kind.DATA, sets("joined")),),
        ),
        Step(
            title="Leaving",
            prose="""
                `leave` is a message without fields. END_STREAM on the same frame says that this
                was the last message.
            """,
            listing=listing(LEAVE),
            shows=(sent_by("Ann", Kind.DATA, sets("leave"), END_STREAM, length(7)),),
        ),
        Step(
            title="The end",
            prose="The status comes in trailers: HEADERS once more, after all messages.",
            shows=(sent_to("Ann", Kind.HEADERS, role(Role.TRAILERS), status("OK"), END_STREAM),),
            verbose=True,
        ),
    ),
    why="""
        HTTP/2 has frames so that many streams can share one connection. From the nine bytes of
        its header a receiver knows to which stream a frame belongs, and how much to read. gRPC
        adds five bytes to each message, because a DATA frame may hold many messages, or a part
        of one.
    """,
    try_next="""
        Send them yourself. Start `chatserver --room lobby` and `chatwire`, copy the listings of
        steps 1 to 4 from docs/experiments/join-by-hand.md into a file, and run `bash -c 'exec
        3<>/dev/tcp/localhost/8081; cut -c1-36 FILE | xxd -r -p >&3; timeout 1 cat <&3 | xxd'`.
        You get the bytes of the answer, and `chatwire` shows what they mean.

        Change one byte and see what the server says: stream 2 instead of 1, which a client may
        not open; 0x81 (`:authority` without a value) for 0x83. If a length is too large, the
        server says nothing: it waits for the rest of the frame, and takes the next bytes for
        it.

        `chatwire lab join -v` shows the whole request as grpcio writes it.
    """,
    references=(
        rfc(9113, "4.1", "the nine bytes of a frame header"),
        rfc(9113, "3.4", "the preface, after which a client may go on at once"),
        rfc(7541, "5.1", "how HPACK encodes numbers"),
        rfc(7541, "6.2.2", "a field that is not put into the table"),
        rfc(7541, "A", "the static table"),
        grpc_document("PROTOCOL-HTTP2", "Length-Prefixed-Message"),
    ),
)
