"""Streams that are begun and reset at once: by the client, or by what it makes the server do."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, SUBSCRIBE
from chatroom.wire.http2.frames import (
    LARGEST_WINDOW,
    ErrorCode,
    Kind,
    data,
    frame,
    rst_stream,
    window_update,
)
from tests.faults.scale import scaled
from tests.faults.server_process import ServerProcess
from tests.interop.raw_grpc import MEMBERS

from .hostile import headers, literal
from .siege import besieged

STREAMS = scaled(10_000, 200_000)
"""The largest stream id is 2^31-1; a connection is used up after 2^30."""


def streams(count: int = STREAMS) -> range:
    """The ids of so many streams of a client."""
    return range(1, 2 * count, 2)


def subscribed(stream: int, room: str) -> bytes:
    """A whole request that goes on for as long as its stream: the server has a member more."""
    join = pb.JoinChat(room_id=room, name=f"n{stream}").SerializeToString()
    return headers(stream, SUBSCRIBE) + data(stream, envelope(join), end=True)


def listed(stream: int, room: str) -> bytes:
    """A whole request that reads a room's members."""
    request = pb.ListMembersRequest(room_id=room).SerializeToString()
    return headers(stream, MEMBERS) + data(stream, envelope(request), end=True)


def begun(stream: int, _: str) -> bytes:
    """A call without a message so far."""
    return headers(stream, CHAT)


@pytest.mark.parametrize("request_", [begun, listed, subscribed])
def test_rapid_reset(server: ServerProcess, request_: Callable[[int, str], bytes]) -> None:
    """CVE-2023-44487: calls that are cancelled in the same breath never pile up at work."""
    with besieged(server, f"rapid reset of calls {request_.__name__}") as siege:
        attacker = siege.attacker()
        attacker.flood(
            request_(stream, siege.room) + rst_stream(stream, ErrorCode.CANCEL)
            for stream in streams()
        )
        siege.ended_or_absorbed(attacker)


def test_rapid_reset_on_many_connections(server: ServerProcess) -> None:
    """The same, each connection staying just below what one may do."""
    with besieged(server, "rapid reset on many connections") as siege:
        for _ in range(scaled(20, 200)):
            attacker = siege.attacker()
            attacker.flood(
                subscribed(stream, siege.room) + rst_stream(stream, ErrorCode.CANCEL)
                for stream in streams(90)
            )
            siege.ended_or_absorbed(attacker)


def zero_increment(stream: int) -> bytes:
    return window_update(stream, 0)


def window_overflow(stream: int) -> bytes:
    return window_update(stream, LARGEST_WINDOW)


def data_after_end(stream: int) -> bytes:
    return data(stream, b"\0")


def headers_after_end(stream: int) -> bytes:
    return headers(stream, CHAT, end=True)


def priority_of_four_bytes(stream: int) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, bytes(4))


def priority_on_itself(stream: int) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, struct.pack(">IB", stream, 15))


MISDEEDS = [
    zero_increment,
    window_overflow,
    data_after_end,
    headers_after_end,
    priority_of_four_bytes,
    priority_on_itself,
]


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_made_you_reset(server: ServerProcess, misdeed: Callable[[int], bytes]) -> None:
    """CVE-2025-8671: streams that the server itself must reset count as rapid resets do.

    An error of a stream may be treated as one of the connection (RFC 9113, 5.4.2).
    """
    with besieged(server, f"made you reset by {misdeed.__name__}") as siege:
        attacker = siege.attacker()
        attacker.flood(subscribed(stream, siege.room) + misdeed(stream) for stream in streams())
        outcome = siege.outcome(attacker)
        assert outcome == "closed" or outcome == "absorbed" or outcome.startswith("GOAWAY")


MALFORMED = {
    "an upper-case name": literal(b"X-Name", b"a"),
    "connection: close": literal(b"connection", b"close"),
    "a second path": literal(b":path", b"/"),
}
"""RFC 9113, 8.2 and 8.3: requests that are answered with RST_STREAM."""


def refused(more: bytes) -> Iterator[bytes]:
    return (headers(stream, CHAT, end=True, more=more) for stream in streams())


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("reading", [True, False], ids=["read", "unread"])
def test_flood_of_refused_requests(server: ServerProcess, what: str, reading: bool) -> None:
    """CVE-2019-9514: RST_STREAM for each bad request does not pile up where nobody reads."""
    with besieged(server, f"requests refused for {what}, answers {reading=}") as siege:
        attacker = siege.attacker(reading=reading, receive_bytes=0 if reading else 4096)
        attacker.flood(refused(MALFORMED[what]))
        siege.ended_or_absorbed(attacker)
