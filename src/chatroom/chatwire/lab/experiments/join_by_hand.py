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
        sent; the server takes them for what they are. A frame is nine bytes of header (length,
        type, flags, stream) and its payload.
    """,
    scene=scene,
    story=(
        Step(
            title="The preface",
            prose="The client's first bytes, so that both know what is spoken.",
            listing=listing(BEGINNING),
            shows=(sent_by("Ann", Kind.PREFACE),),
        ),
        Step(
            title="SETTINGS, empty",
            prose="""
                They must come first even when there is nothing to say: every limit then is as
                in the RFC, such as windows of 65,535 bytes.
            """,
            listing=listing(SETTINGS),
            shows=(sent_by("Ann", Kind.SETTINGS, NO_ACK, length(0)),),
        ),
        Step(
            title="HEADERS: the call",
            prose="""
                HPACK knows 61 common header fields by number. A byte from 0x80 on is a whole
                field by its number. A byte from 0x00 to 0x0f says: a field that is not to be
                remembered; its name is that of the entry, or follows if the entry is 0. Texts
                have their length before them. The number 31 does not fit into four bits: 15,
                and in the next byte what is left, 16.

                Nobody waited for the server's SETTINGS: a client may begin at once.
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
                length. In protobuf a field begins with its number times eight plus its kind, 2
                for all that has a length.
            """,
            listing=listing(JOIN),
            shows=(sent_by("Ann", Kind.DATA, sets("join"), length(19)),),
        ),
        Step(
            title="The server's SETTINGS, acknowledged",
            prose="They came meanwhile. Who gets SETTINGS has to say that they are in force now.",
            listing=listing(ACKNOWLEDGEMENT),
            shows=(sent_by("Ann", Kind.SETTINGS, ACK, length(0)),),
            out_of_turn=True,
        ),
        Step(
            title="The server believes it",
            prose="""
                The same answer as to any client. Ann asked for no features, so there is no
                `joined` and no `live`: she gets what the original's clients got, her own
                arrival first.
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
                An empty message is a message: `leave` has no fields. END_STREAM on the same
                frame says that this was the last.
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
        HTTP/2 is binary so that frames of many streams can be told apart on one connection,
        and so that a receiver knows from nine bytes how much to read. gRPC adds five bytes a
        message, because a DATA frame says nothing about messages: one may hold many of them,
        or a part of one.
    """,
    try_next="""
        Send them yourself: copy the listings of steps 1 to 4 from
        docs/experiments/join-by-hand.md into a file, and with `chatserver --room lobby` and
        `chatwire` running: `bash -c 'exec 3<>/dev/tcp/localhost/8081; cut -c1-36 FILE | xxd -r
        -p >&3; timeout 1 cat <&3 | xxd'`. You get the bytes of the answer, and `chatwire` shows
        what they mean.

        Change one byte and see what the server says: stream 2 instead of 1, which is not a
        client's to open; 0x81 (`:authority` without a value) for 0x83. To a length that is too
        large it says nothing: it waits for the rest of the frame, and takes for that what comes
        next.

        In `chatwire lab join -v` the whole request is shown as grpcio writes it.
    """,
    references=(
        rfc(9113, "4.1", "the nine bytes of a frame header"),
        rfc(9113, "3.4", "the preface, and that a client may go on at once"),
        rfc(7541, "5.1", "how HPACK writes numbers"),
        rfc(7541, "6.2.2", "a field that is not remembered"),
        rfc(7541, "A", "the static table"),
        grpc_document("PROTOCOL-HTTP2", "Length-Prefixed-Message"),
    ),
)
