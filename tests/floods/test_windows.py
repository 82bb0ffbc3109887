"""Windows that let a byte through at a time, or that become too large."""

from __future__ import annotations

from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import (
    DEFAULT_WINDOW,
    LARGEST_WINDOW,
    ErrorCode,
    Kind,
    Setting,
    data,
    settings,
    window_update,
)
from tests.faults.scale import scaled
from tests.faults.server_process import ServerProcess
from tests.interop.raw_grpc import joining

from .hostile import headers
from .siege import besieged

STREAMS = range(1, 181, 2)


def test_window_of_one_byte_of_members(server: ServerProcess) -> None:
    """CVE-2019-9511: members who take what the room says a byte at a time."""
    with besieged(server, "windows of one byte, 90 members") as siege:
        attacker = siege.attacker(settings((Setting.INITIAL_WINDOW_SIZE, 1)))
        for stream in STREAMS:
            join = joining(siege.room, f"n{stream}")
            attacker.send(headers(stream, CHAT) + data(stream, join))
        siege.crowded(len(STREAMS))
        attacker.send(
            b"".join(window_update(stream, 1) for stream in STREAMS) * scaled(200, 10_000)
        )
        siege.ended_or_absorbed(attacker)


def test_connection_window_overflow(server: ServerProcess) -> None:
    """RFC 9113, 6.9.1: a window above 2^31-1 ends the connection."""
    with besieged(server, "window of the connection above 2^31-1") as siege:
        attacker = siege.attacker()
        attacker.send(window_update(0, LARGEST_WINDOW) * 2)
        siege.ended(attacker, ErrorCode.FLOW_CONTROL_ERROR)


def test_stream_window_overflow(server: ServerProcess) -> None:
    """RFC 9113, 6.9.1: a stream's window above 2^31-1 ends the stream at least."""
    with besieged(server, "window of a stream above 2^31-1") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + window_update(1, LARGEST_WINDOW) * 2)
        if siege.outcome(attacker) == "absorbed":
            assert ErrorCode.FLOW_CONTROL_ERROR == attacker.resets.get(1)
        else:
            assert ErrorCode.FLOW_CONTROL_ERROR == attacker.goaway


def test_window_overflow_by_settings(server: ServerProcess) -> None:
    """RFC 9113, 6.9.2: SETTINGS that take an open stream's window above 2^31-1 are an error."""
    with besieged(server, "window above 2^31-1 by SETTINGS") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + window_update(1, LARGEST_WINDOW - DEFAULT_WINDOW))
        attacker.send(settings((Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW + 1)))
        siege.ended(attacker, ErrorCode.FLOW_CONTROL_ERROR)


def test_settings_above_the_largest_window(server: ServerProcess) -> None:
    """RFC 9113, 6.5.2: an initial window above 2^31-1 is FLOW_CONTROL_ERROR."""
    with besieged(server, "INITIAL_WINDOW_SIZE of 2^31") as siege:
        attacker = siege.attacker(settings((Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW + 1)))
        siege.ended(attacker, ErrorCode.FLOW_CONTROL_ERROR)


def test_connection_window_of_no_more(server: ServerProcess) -> None:
    """RFC 9113, 6.9: a WINDOW_UPDATE of the connection by nothing is PROTOCOL_ERROR."""
    with besieged(server, "WINDOW_UPDATE by nothing") as siege:
        attacker = siege.attacker()
        attacker.send(window_update(0, 0))
        siege.ended(attacker, ErrorCode.PROTOCOL_ERROR)


def test_negative_windows(server: ServerProcess) -> None:
    """RFC 9113, 6.9.2: SETTINGS that make windows negative are legal; the members live on."""
    with besieged(server, "negative windows of 90 members") as siege:
        attacker = siege.attacker()
        attacker.send(window_update(0, 2**24))
        for stream in STREAMS:
            join = joining(siege.room, f"n{stream}")
            attacker.send(headers(stream, CHAT) + data(stream, join))
        siege.crowded(len(STREAMS))
        attacker.until(lambda: attacker.kinds[Kind.DATA] > 0)
        attacker.send(settings((Setting.INITIAL_WINDOW_SIZE, 0)))
        assert "absorbed" == siege.outcome(attacker)
