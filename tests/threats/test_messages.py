"""Messages that are not what they say they are, in every protocol."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope, payload
from chatroom.wire.grpc import CHAT, SUBSCRIBE, Code
from chatroom.wire.varint import varint
from tests.faults.people import Person, roster
from tests.faults.scale import scaled
from tests.floods.siege import MESSAGES, Besieged, Siege, besieged
from tests.interop.raw_grpc import BROKEN, CREATE, MEMBERS, answer, joining
from tests.interop.raw_http2 import Connection, Response
from tests.server.asking import Ask, over_http1, over_http2

ROUNDS = scaled(3, 200, brief=1)
ELSEWHERE = "elsewhere"
MIB = 1024 * 1024


def field(number: int, kind: int, rest: bytes = b"") -> bytes:
    """A field of protobuf's wire format."""
    return varint(number << 3 | kind) + rest


def within(levels: int) -> bytes:
    """A message in a message in a message …, all of them of fields that we do not know."""
    inner = b""
    for _ in range(levels):
        inner = field(100, 2, varint(len(inner)) + inner)
    return inner


def squeezed(message: bytes) -> bytes:
    return envelope(gzip.compress(message), 1)


JOIN = payload(joining(ELSEWHERE, "Mallory"))
BOMBS = {
    "zeros": squeezed(bytes(32 * MIB)),
    "a bomb in a bomb": squeezed(gzip.compress(bytes(32 * MIB))),
    "a bomb behind a message": envelope(gzip.compress(JOIN) + gzip.compress(bytes(32 * MIB)), 1),
    "many members of nothing": envelope(gzip.compress(b"") * 3_000, 1),
}
LIES = {
    "a length of 4 GiB": b"\0\xff\xff\xff\xff",
    "a length of 64 KiB and one": b"\0" + (64 * 1024 + 1).to_bytes(4, "big") + JOIN,
    "more than there is": b"\0" + (len(JOIN) + 1).to_bytes(4, "big") + JOIN,
    "less than there is": b"\0" + (len(JOIN) - 3).to_bytes(4, "big") + JOIN,
    "nothing, and then something": envelope(b"") + JOIN,
    "half a length": b"\0\0\0",
}
NESTED = within(10_000)
PROTOBUFS = {
    "cut": envelope(JOIN[:-1]),
    "groups that do not end": envelope(field(100, 3) * 30_000),
    "groups in groups that end": envelope(field(15, 3) * 30_000 + field(15, 4) * 30_000),
    "messages in messages": envelope(field(1, 2, varint(len(NESTED)) + NESTED)),
    "a field that has more than the message": envelope(field(1, 2, varint(2**31))),
    "a length of eleven bytes": envelope(field(1, 2, b"\xff" * 10 + b"\1")),
    "a length below nothing": envelope(field(1, 2, varint(2**64 - 1))),
    "field number 0": envelope(b"\x02\0"),
    "a wire type that there is not": envelope(b"\x0f"),
    "join in join in join": envelope(field(1, 2, varint(64_000)) + b"\x0a" * 64_000),
    "60,000 features": envelope(
        field(1, 2, varint(60_006)) + field(3, 2, varint(60_002)) + b"\1" * 60_002
    ),
}
BYTES = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"a\xc3")
"""No UTF-8: a byte that never is, an overlong NUL, a surrogate, beyond Unicode, half ones."""


def text(octets: bytes, at: int) -> bytes:
    return field(at, 2, varint(len(octets)) + octets)


UTF8 = {
    f"{octets!r} in {what}": envelope(field(1, 2, varint(len(inner))) + inner)
    for octets in BYTES
    for what, inner in {
        "a room id": text(octets, 1) + text(b"Mallory", 2),
        "a name": text(b"lobby", 1) + text(octets, 2),
    }.items()
}
WELL_REFUSED = {
    Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED, Code.NOT_FOUND, Code.UNIMPLEMENTED,
}  # fmt: skip
"""Codes that say it is the client's fault."""


def refused(what: str, response: Response) -> str:
    """Its status, which is an answer to a fault of the client."""
    code = response.grpc_status
    assert code in WELL_REFUSED, (what, code, response.grpc_message)
    return Code(code).name


def each_way(siege: Siege, messages: Mapping[str, bytes], *, gzipped: bool = False) -> None:
    """Send each as the first message, as a later one, and to methods; all are refused."""
    headers = [(b"grpc-encoding", b"gzip")] if gzipped else []
    for _ in range(ROUNDS):
        for what, body in messages.items():
            with Connection(siege.server.address) as connection:
                for path in (CHAT, SUBSCRIBE, MEMBERS, MESSAGES):
                    response = answer(connection, path, body, headers=headers)
                    siege.outcomes.append(refused(what, response))
                stream = connection.call(CHAT, *headers)
                connection.data(stream, joining(ELSEWHERE, "Mallory"))
                connection.payload(stream, 0)
                connection.data(stream, body, end=True)
                siege.outcomes.append(refused(what, connection.response(stream)))


@pytest.fixture(scope="module", autouse=True)
def elsewhere(server: Besieged) -> None:
    """A room beside the pair's."""
    with Connection(server.address) as connection:
        request = pb.CreateChatRoomRequest(room_id=ELSEWHERE).SerializeToString()
        made = answer(connection, CREATE, envelope(request)).grpc_status
        assert made in (Code.OK, Code.ALREADY_EXISTS)  # a worker may come back to this file


def test_gzip_bombs(server: Besieged) -> None:
    """32 MiB in 32 KiB: not unfolded above 64 KiB, however often they are sent."""
    with besieged(server, "gzip bombs") as siege:
        each_way(siege, BOMBS, gzipped=True)


@pytest.mark.parametrize("ask", [over_http1, over_http2])
def test_gzip_bombs_of_whole_requests(server: Besieged, ask: Ask) -> None:
    """Of Connect, whose request is compressed as a whole; and of gRPC-Web."""
    with besieged(server, "gzip bombs of whole requests") as siege:
        for body in (gzip.compress(bytes(32 * MIB)), gzip.compress(b"[" * 32 * MIB)) * ROUNDS:
            for kind in ("application/json", "application/proto"):
                headers = {"content-type": kind, "content-encoding": "gzip"}
                answered = ask(server, "POST", MESSAGES, headers, body)
                assert 429 == answered.status, answered.body  # Connect's RESOURCE_EXHAUSTED
            web = {"content-type": "application/grpc-web+proto", "grpc-encoding": "gzip"}
            answered = ask(server, "POST", MESSAGES, web, envelope(body, 1))
            assert b"grpc-status: 8" in answered.body or "8" == answered.headers["grpc-status"]
            siege.outcomes.append("refused")


def test_lengths_that_lie(server: Besieged) -> None:
    """A message is as long as it says, at most 64 KiB, and all of it has to come."""
    with besieged(server, "lengths that lie") as siege:
        each_way(siege, LIES)


def test_protobufs_cut_and_nested(server: Besieged) -> None:
    """What is no message, or one within another without end, is refused, and costs nothing."""
    with besieged(server, "protobufs, cut and nested") as siege:
        each_way(siege, PROTOBUFS)


def test_bytes_that_are_no_text(server: Besieged) -> None:
    """RFC 3629: where a text belongs, nothing but UTF-8."""
    with besieged(server, "bytes that are no UTF-8") as siege:
        each_way(siege, {**BROKEN, **UTF8})


JSONS = {
    "30,000 lists": b"[" * 30_000,
    "5,000 objects": b'{"room_id":' * 5_000,
    "a number without end": b'{"page_size": 1' + b"0" * 30_000 + b"}",
    "1e999999": b'{"page_size": 1e999999}',
    "NaN": b'{"page_size": NaN}',
    "half a surrogate": b'{"room_id": "\\ud800"}',
    "no UTF-8": b'{"room_id": "\xff"}',
    "a list": b"[]",
    "a text": b'"lobby"',
    "cut": b'{"room_id": "lobby',
    "a name of ours in other letters": b'{"roomId": "lobby"}',
    "6,000 names": json.dumps({f"x{number}": 0 for number in range(6_000)}).encode(),
}


@pytest.mark.parametrize("ask", [over_http1, over_http2])
def test_json_cut_and_nested(server: Besieged, ask: Ask) -> None:
    """Of Connect: no depth, number or name of it is anything but refused."""
    headers = {"content-type": "application/json"}
    with besieged(server, "JSON, cut and nested") as siege:
        for what, body in [*JSONS.items()] * ROUNDS:
            answered = ask(server, "POST", MESSAGES, headers, body)
            assert 400 <= answered.status < 500, (what, answered.body)
            siege.outcomes.append(json.loads(answered.body)["code"])


ESCAPES = [
    "\x1b[2J", "\x1b]0;title\x07", "\x9b5n", "\x90q\x9c", "\x00", "\x7f", "\r", "\b\b\b", "\x0e",
    "\x1b]8;;http://x\x1b\\", "\x85", "\v",
]  # fmt: skip
"""What terminals obey."""


def test_escapes(server: Besieged) -> None:
    """Nothing that a terminal obeys is in a name or a text; who tries goes on as a member."""
    with besieged(server, "terminal escapes") as siege, Connection(server.address) as connection:
        for escape in ESCAPES:
            for name in (escape, f"Bob{escape}", f"{escape}Bob"):
                # Spaces at the ends of a name are nothing, and so is a line end there.
                response = answer(connection, CHAT, joining(siege.room, name), end=True)
                assert Code.INVALID_ARGUMENT == response.grpc_status, repr(name)
        mallory = Person(connection, siege.room, "Mallory", [pb.FEATURE_EVENTS])
        for _ in range(ROUNDS):
            for escape in ESCAPES:
                mallory.say(f"hello{escape}")
        expected = ROUNDS * len(ESCAPES)

        def refusals() -> int:
            return sum(each.HasField("refused") for each in mallory.messages)

        assert mallory.within(30, lambda: refusals() == expected)
        assert {"talker 0", "talker 1", "Mallory"} == roster(connection, siege.room)
        mallory.leave()


SPOOFED = [
    "talker 0", "TALKER 0", "talker  0", " talker 0 ", "talker\u00a00", "talker O", "tаlker 0",
    "ｔａｌｋｅｒ ０", "t\u200balker 0", "\u202etalker 0", "talker 𝟎",
    "chat server", "Chat Server", "chаt server", "ＣＨＡＴ　ＳＥＲＶＥＲ", "chat server\u200d",
]  # fmt: skip
"""Names that pass for a member's or the server's."""


def test_names_that_pass_for_others(server: Besieged) -> None:
    """RFC 8266 and Unicode TR39: a name that a person takes for another's is taken."""
    with besieged(server, "spoofed names") as siege, Connection(server.address) as connection:
        for _ in range(ROUNDS):
            for name in SPOOFED:
                response = answer(connection, CHAT, joining(siege.room, name), end=True)
                siege.outcomes.append(Code(response.grpc_status).name)
                assert response.grpc_status in (Code.INVALID_ARGUMENT, Code.ALREADY_EXISTS), name
        assert {"talker 0", "talker 1"} == roster(connection, siege.room)
