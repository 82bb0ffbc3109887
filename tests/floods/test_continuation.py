"""Header blocks that never end, or that are cut by something else."""

from __future__ import annotations

import pytest

from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import END_HEADERS, END_STREAM, ErrorCode, Kind, frame, ping
from tests.faults.scale import scaled
from tests.faults.server_process import MIB, ServerProcess

from .hostile import UNKNOWN_FRAME, block, headers, literal
from .siege import besieged

FRAMES = scaled(20_000, 500_000)
FIELD = literal(b"x-more", b"v" * 100)
NEVER_ENDING = {
    "of fields": FIELD * 10,
    "of whole frames": (FIELD * 152)[:16_384],
    "of one byte": b"\x82",
    "of nothing": b"",
}
"""Payloads of CONTINUATION. The bytes are fields as far as they go; a server that decodes
while they come may find the cut between two frames, and nothing wrong."""


@pytest.mark.parametrize("what", NEVER_ENDING)
def test_continuation_without_end(server: ServerProcess, what: str) -> None:
    """CVE-2024-27316, and of empty frames CVE-2019-9516: the block ends the connection.

    It must not wait for a time-out: an end that comes after the flood comes too late.
    """
    with besieged(server, f"CONTINUATION without end, {what}") as siege:
        attacker = siege.attacker()
        attacker.send(frame(Kind.HEADERS, END_STREAM, 1, block(CHAT)))
        more = frame(Kind.CONTINUATION, 0, 1, NEVER_ENDING[what])
        attacker.send(more * min(FRAMES, scaled(20, 200) * MIB // len(more)))
        attacker.send(frame(Kind.CONTINUATION, END_HEADERS, 1))
        siege.ended(
            attacker,
            ErrorCode.ENHANCE_YOUR_CALM,
            ErrorCode.COMPRESSION_ERROR,
            ErrorCode.PROTOCOL_ERROR,
        )


def test_unfinished_blocks_on_many_connections(server: ServerProcess) -> None:
    """Blocks of 12 KiB that wait for their end cost about what they hold."""
    with besieged(server, "unfinished header blocks on 200 connections") as siege:
        for _ in range(scaled(200, 1000)):
            attacker = siege.attacker()
            attacker.send(frame(Kind.HEADERS, END_STREAM, 1, block(CHAT)))
            attacker.send(frame(Kind.CONTINUATION, 0, 1, FIELD * 110))
        for attacker in siege.attackers:
            attacker.take_what_is_there()
        siege.outcomes = ["ended" if attacker.ended else "waits" for attacker in siege.attackers]


@pytest.mark.parametrize(
    "other",
    [
        ping(bytes(8)),
        headers(3, CHAT),
        frame(Kind.CONTINUATION, END_HEADERS, 3),
        frame(UNKNOWN_FRAME, 0, 1, b"?"),
    ],
    ids=["PING", "HEADERS", "CONTINUATION of another stream", "an unknown frame"],
)
def test_a_block_that_is_cut_by_something_else(server: ServerProcess, other: bytes) -> None:
    """RFC 9113, 6.10: anything else within a header block is PROTOCOL_ERROR."""
    with besieged(server, "a header block with another frame inside") as siege:
        attacker = siege.attacker()
        attacker.send(frame(Kind.HEADERS, END_STREAM, 1, block(CHAT)))
        attacker.send(other)
        siege.ended(attacker, ErrorCode.PROTOCOL_ERROR)


def test_continuation_of_nothing(server: ServerProcess) -> None:
    """RFC 9113, 6.10: CONTINUATION where no block is open is PROTOCOL_ERROR."""
    with besieged(server, "CONTINUATION of nothing") as siege:
        attacker = siege.attacker()
        attacker.send(frame(Kind.CONTINUATION, END_HEADERS, 1, FIELD))
        siege.ended(attacker, ErrorCode.PROTOCOL_ERROR)
