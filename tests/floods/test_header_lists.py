"""Header blocks that are small and mean much, that are too large, or that mean nothing."""

from __future__ import annotations

import pytest

from chatroom.wire.grpc import CHAT, Code
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    END_HEADERS,
    END_STREAM,
    ErrorCode,
    Kind,
    Setting,
    frame,
    settings,
)
from tests.faults.scale import scaled
from tests.faults.server_process import ServerProcess
from tests.interop.raw_grpc import UNKNOWN

from .hostile import AUTHORITY, block, headers, integer, literal
from .siege import Siege, besieged

NEWEST = b"\xbe"
"""The newest field of the dynamic table (RFC 7541, 2.3.3: index 62)."""
STREAMS = range(1, 2 * scaled(100, 5_000), 2)
ROUNDS = range(1, 2 * scaled(2_000, 50_000), 2)


def request(stream: int, fields: bytes) -> bytes:
    """A whole request with a header block of any length."""
    return frames.headers(stream, fields, end=True)


BASE = block(CHAT)
BIG_FIELD = literal(b"x-bomb", b"b" * 4000, indexed=True)
"""It fills the dynamic table of 4,096 bytes."""
BOMBS = {
    "a field of 4 KB, 12,000 times": (BIG_FIELD + NEWEST * 12_000, NEWEST * 16_000),
    "fields without name and value (CVE-2019-9516)": (literal(b"", b"") * 5_000,) * 2,
    "fields of a letter": (literal(b"x", b"") * 4_000,) * 2,
    "a thousand crumbs of a cookie": (literal(b"cookie", b"a=b") * 1_000,) * 2,
    "the static table's fields": (b"\x9f" * 16_000,) * 2,
}
"""What comes first, and what each later request repeats."""


@pytest.mark.parametrize("what", BOMBS)
def test_bomb(server: ServerProcess, what: str) -> None:
    """CVE-2016-6581: 16 KiB that mean 60 MiB are not unfolded; the list has a bound."""
    first, later = BOMBS[what]
    with besieged(server, f"HPACK: {what}") as siege:
        attacker = siege.attacker()
        attacker.send(request(1, BASE + first))
        attacker.flood(request(stream, BASE + later) for stream in STREAMS[1:])
        siege.ended_or_absorbed(attacker, ErrorCode.COMPRESSION_ERROR, ErrorCode.PROTOCOL_ERROR)


def test_table_churn(server: ServerProcess) -> None:
    """Each request fills the dynamic table anew, throwing out what was there."""
    with besieged(server, "HPACK: a table that is filled by each request") as siege:
        attacker = siege.attacker()
        attacker.flood(
            request(stream, BASE + literal(b"x-%d" % stream, b"c" * 3900, indexed=True))
            for stream in ROUNDS
        )
        siege.ended_or_absorbed(attacker)


def test_table_sizes_up_and_down(server: ServerProcess) -> None:
    """RFC 7541, 4.2: the client changes the size of the table twice in each block."""
    with besieged(server, "HPACK: sizes of the table up and down") as siege:
        attacker = siege.attacker()
        resize = b"\x20" + integer(4096, 5, 0x20)
        attacker.flood(request(stream, resize + BASE) for stream in ROUNDS)
        siege.ended_or_absorbed(attacker)


def test_the_peers_table_of_4_gib(server: ServerProcess) -> None:
    """RFC 7541, 4.2: a peer that allows a large table is not given one."""
    with besieged(server, "HPACK: a table of 4 GiB is allowed") as siege:
        attacker = siege.attacker(settings((Setting.HEADER_TABLE_SIZE, 2**32 - 1)))
        attacker.flood(headers(stream, f"/{stream}", end=True) for stream in ROUNDS)
        siege.ended_or_absorbed(attacker)


NONSENSE = {
    "index 0": b"\x80",
    "an index beyond the tables": integer(4000, 7, 0x80),
    "an integer without end": b"\xff" + b"\x80" * 60,
    "an integer of 2^64": b"\xff" + b"\xff" * 9 + b"\x01",
    "a string longer than the block": b"\x00" + integer(5000, 7) + b"short",
    "the end of strings in Huffman's code": b"\x00\x84\xff\xff\xff\xff\x00",
    "a table larger than was allowed": integer(2**20, 5, 0x20),
    "a size of the table amid fields": BASE + b"\x20",
    "16,000 sizes of the table": b"\x20" * 16_000 + integer(2**20, 5, 0x20),
    "a field that is cut": b"\x40\x05ab",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense(server: ServerProcess, what: str) -> None:
    """RFC 9113, 4.3: what cannot be decoded ends the connection with COMPRESSION_ERROR."""
    with besieged(server, f"HPACK: {what}") as siege:
        attacker = siege.attacker()
        attacker.send(frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, NONSENSE[what]))
        siege.ended(attacker, ErrorCode.COMPRESSION_ERROR)


LARGE = {
    "a value of 20 KiB": literal(b"x-large", b"v" * 20_000),
    "65 fields": literal(b"x-many", b"") * 70,
    "fields of 20 KiB": literal(b"x-many", b"v" * 1000) * 20,
    "a name of 20 KiB": literal(b"x" * 20_000, b""),
    "a path of 20 KiB": literal(b":path", b"/" * 20_000),
}


def still_in_step(siege: Siege, more: bytes) -> None:
    """Send a list above the limit that adds to the table; use the table in the next one."""
    attacker = siege.attacker()
    kind = literal(b"content-type", b"application/grpc", indexed=True)
    attacker.send(request(1, BASE + more + kind))
    without_kind = b"\x83\x86" + literal(b":path", UNKNOWN.encode())
    without_kind += literal(b":authority", AUTHORITY.encode()) + literal(b"te", b"trailers")
    attacker.send(request(3, without_kind + NEWEST))
    attacker.until(lambda: bool(attacker.status(3)))
    outcome = siege.outcome(attacker)
    if outcome != "absorbed":
        siege.ended_or_absorbed(attacker, ErrorCode.PROTOCOL_ERROR, ErrorCode.COMPRESSION_ERROR)
        return
    refused = attacker.status(1).get(":status") in {"431", "400"} or 1 in attacker.resets
    assert refused, attacker.status(1)
    assert str(Code.UNIMPLEMENTED) == attacker.status(3).get("grpc-status")


@pytest.mark.parametrize("what", LARGE)
def test_list_above_the_limit(server: ServerProcess, what: str) -> None:
    """RFC 9113, 10.5.1: 431, or the end; the tables of both sides never fall out of step."""
    with besieged(server, f"a header list with {what}") as siege:
        still_in_step(siege, LARGE[what])


def test_lists_above_the_limit(server: ServerProcess) -> None:
    """Lists of 20 KiB, one after the other: each is refused, and none is kept."""
    with besieged(server, "header lists of 20 KiB, one after the other") as siege:
        attacker = siege.attacker()
        attacker.flood(
            request(stream, BASE + LARGE["fields of 20 KiB"])
            for stream in range(1, 2 * scaled(1_000, 5_000), 2)
        )
        siege.ended_or_absorbed(attacker, ErrorCode.PROTOCOL_ERROR, ErrorCode.COMPRESSION_ERROR)
