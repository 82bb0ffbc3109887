"""Frames that cost the sender nothing and ask the server for an answer, or for work."""

from __future__ import annotations

import struct

import pytest

from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import (
    SETTINGS_ACK,
    ErrorCode,
    Kind,
    Setting,
    data,
    frame,
    ping,
    rst_stream,
    settings,
    window_update,
)
from tests.faults.scale import scaled
from tests.faults.server_process import MIB, ServerProcess
from tests.interop.raw_grpc import joining

from .hostile import UNKNOWN_FRAME, headers
from .siege import besieged

FRAMES = scaled(30_000, 600_000)
PRIORITIES = b"".join(
    frame(Kind.PRIORITY, 0, stream, struct.pack(">IB", stream % 190 + 10, stream % 256))
    for stream in range(201, 401, 2)
)
"""A tree of dependencies that is turned about, of streams that no one has opened."""

ASKING = {
    "SETTINGS (CVE-2019-9515)": settings(),
    "SETTINGS of 2,730 unknown values": frame(Kind.SETTINGS, 0, 0, b"\xab\xcd\0\0\0\1" * 2730),
    "SETTINGS of table sizes": settings((Setting.HEADER_TABLE_SIZE, 0))
    + settings((Setting.HEADER_TABLE_SIZE, 2**32 - 1)),
    "PING (CVE-2019-9512)": ping(b"12345678"),
}
"""What must be answered, each time."""

IDLE = {
    "PRIORITY (CVE-2019-9513)": PRIORITIES,
    "WINDOW_UPDATE of the connection by 1 byte": window_update(0, 1),
    "SETTINGS that acknowledge nothing": SETTINGS_ACK,
    "PING that answers nothing": ping(b"12345678", ack=True),
    "frames of an unknown type": frame(UNKNOWN_FRAME, 0xFF, 0, b"?" * 20),
    "frames of an unknown type, full": frame(UNKNOWN_FRAME, 0xFF, 0, b"?" * 16_384),
    "GOAWAY": frame(Kind.GOAWAY, 0, 0, bytes(8)),
    "RST_STREAM of a closed stream": rst_stream(1, ErrorCode.CANCEL),
    "WINDOW_UPDATE of a closed stream": window_update(1, 1),
}
"""What asks for no answer."""


def repeated(piece: bytes) -> bytes:
    """So many frames of at most about 20 MiB together."""
    return piece * min(FRAMES, scaled(20, 200) * MIB // len(piece))


@pytest.mark.parametrize("what", ASKING)
def test_flood_of_questions(server: ServerProcess, what: str) -> None:
    """Frames that are answered, by a peer that reads the answers."""
    with besieged(server, f"{what}, answers read") as siege:
        attacker = siege.attacker()
        attacker.send(repeated(ASKING[what]))
        siege.ended_or_absorbed(attacker)


@pytest.mark.parametrize("what", ASKING)
def test_flood_of_questions_whose_answers_nobody_reads(server: ServerProcess, what: str) -> None:
    """Answers count in what may wait to be written; at the bound the server stops reading."""
    with besieged(server, f"{what}, answers unread") as siege:
        for _ in range(2):
            attacker = siege.attacker(reading=False, receive_bytes=4096)
            attacker.send(repeated(ASKING[what]))
        for attacker in siege.attackers:
            siege.ended_or_absorbed(attacker)


@pytest.mark.parametrize("what", IDLE)
def test_flood_of_idle_frames(server: ServerProcess, what: str) -> None:
    """Frames that want no answer cost no memory."""
    with besieged(server, what) as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + rst_stream(1, ErrorCode.CANCEL))
        attacker.send(repeated(IDLE[what]))
        # After a GOAWAY of its own the client may be sent one in return.
        siege.ended_or_absorbed(attacker, ErrorCode.NO_ERROR)


def test_windows_of_all_streams_up_and_down(server: ServerProcess) -> None:
    """RFC 9113, 6.9.2: each SETTINGS moves the window of each of 90 streams."""
    with besieged(server, "INITIAL_WINDOW_SIZE up and down with 90 streams") as siege:
        attacker = siege.attacker()
        for stream in range(1, 181, 2):
            attacker.send(headers(stream, CHAT) + data(stream, joining(siege.room, f"n{stream}")))
        siege.crowded(90)
        up_and_down = settings((Setting.INITIAL_WINDOW_SIZE, 0)) + settings(
            (Setting.INITIAL_WINDOW_SIZE, 65_535)
        )
        attacker.send(up_and_down * scaled(5_000, 200_000))
        siege.ended_or_absorbed(attacker)


def test_priorities_of_open_streams(server: ServerProcess) -> None:
    """PRIORITY beside open streams, each made to depend on another: nothing follows from it."""
    with besieged(server, "PRIORITY of open streams") as siege:
        attacker = siege.attacker()
        for stream in range(1, 201, 2):
            attacker.send(headers(stream, CHAT))
        churn = b"".join(
            frame(Kind.PRIORITY, 0, stream, struct.pack(">IB", (stream + 2 * step) % 200 | 1, 9))
            for step in range(1, 50)
            for stream in range(1, 201, 2)
            if (stream + 2 * step) % 200 | 1 != stream
        )
        attacker.send(churn * scaled(10, 500))
        siege.ended_or_absorbed(attacker)
