"""Windows (RFC 9113, 5.2 and 6.9): given back at half, never lost, never overflown."""

from __future__ import annotations

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.events import DataReceived
from chatroom.wire.http2.frames import PADDED, ErrorCode, Kind, frame
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.windows import ReceiveWindow

from .peer import Peer, updates

SMALL = Http2Limits(connection_window=65_536)
HALF = 32_768
"""Of the connection's window in `SMALL`: what must have come before it is given back."""


def test_a_stream_is_given_back_what_was_read_at_half() -> None:
    """6.9.1: 8 KiB of 16; not byte by byte, and not before it was read."""
    peer = Peer().open()
    stream = peer.request(1)
    peer.send(frames.data(1, bytes(16_384)))
    assert [] == updates(peer.read())
    stream.acknowledge(8_191)
    assert [] == updates(peer.read())
    stream.acknowledge(1)
    assert [(1, 8_192)] == updates(peer.read())


def test_not_reading_is_not_giving_back() -> None:
    """5.2.2: who has not read holds its peer, and nobody else on the connection."""
    peer = Peer(SMALL).open()
    peer.request(1)
    peer.request(3)
    peer.send(frames.data(1, bytes(16_384)), frames.data(3, bytes(16_384)))
    assert [(0, HALF)] == updates(peer.read())
    peer.was_reset(peer.send(frames.data(1, b"!")), 1, ErrorCode.FLOW_CONTROL_ERROR)
    assert Kind.PING in [f.kind for f in (peer.send(frames.ping(b"12345678")), peer.read())[1]]


def test_padding_returns_both_windows() -> None:
    """6.9.1: padding and its length count; nobody reads them, so the core gives them back."""
    peer = Peer(SMALL).open()
    stream = peer.request(1)
    padded = frame(Kind.DATA, PADDED, 1, b"\xff" + b"body" + bytes(255))
    for _ in range(32):
        (event,) = peer.send(padded)
        assert isinstance(event, DataReceived)
        assert b"body" == event.data
        stream.acknowledge(4)
    assert [(1, 8_316)] == updates(peer.read())


@pytest.mark.parametrize("how", ["ended", "reset by us", "reset by the peer", "overrun", "unlike"])
def test_data_that_nobody_takes_returns_the_connection_window(how: str) -> None:
    """6.9: also DATA in error counts; 5.1: and of streams that are over."""
    peer = Peer(SMALL).open()
    stream = peer.request(1, *([("content-length", "5")] if how == "unlike" else []))
    if how == "ended":
        peer.send(frames.data(1, b"", end=True))
    elif how == "reset by us":
        peer.connection.reset(stream, ErrorCode.CANCEL)
    elif how == "reset by the peer":
        peer.send(frames.rst_stream(1, 8))
    elif how == "overrun":
        peer.send(frames.data(1, bytes(16_384)))
    sent = 16_384 if how == "overrun" else 0
    while sent < HALF:
        assert [] == updates(peer.read())
        peer.send(frames.data(1, bytes(16_384)))
        sent += 16_384
    assert [(0, HALF)] == updates(peer.read())
    assert Kind.GOAWAY not in [f.kind for f in peer.read()]


def test_a_window_that_is_passed_on_can_be_overrun() -> None:
    """6.9.1: by less than half of it at once it cannot."""
    window = ReceiveWindow(65_535)
    assert (0, 32_768) == (window.pass_on(32_767), window.pass_on(1))
    assert (65_535, 65_535) == (window.left, window.pass_on(65_535))
    assert -1 == window.pass_on(65_536)


def test_an_update_that_overflows_the_connection_ends_it() -> None:
    """6.9.1: 2^31-1 is the most; one less than too much is taken."""
    peer = Peer().open()
    most = (1 << 31) - 1 - 65_535
    assert [] == peer.send(frames.window_update(0, most))
    peer.ended(peer.send(frames.window_update(0, 1)), ErrorCode.FLOW_CONTROL_ERROR)


def test_an_update_that_overflows_a_stream_resets_it() -> None:
    """6.9.1: of the stream alone."""
    peer = Peer().open()
    peer.request(1)
    peer.request(3)
    assert [] == peer.send(frames.window_update(1, (1 << 31) - 1 - 65_535))
    peer.was_reset(peer.send(frames.window_update(1, 1)), 1, ErrorCode.FLOW_CONTROL_ERROR)
    assert [3] == list(peer.connection.streams)


def test_an_update_of_nothing() -> None:
    """6.9: an error of the stream, or of the connection; the reserved bit is no number."""
    peer = Peer().open()
    peer.request(1)
    wrong = frame(Kind.WINDOW_UPDATE, 0, 1, b"\x80\0\0\0")
    peer.was_reset(peer.send(wrong), 1, ErrorCode.PROTOCOL_ERROR)
    peer.ended(peer.send(frames.window_update(0, 0)), ErrorCode.PROTOCOL_ERROR)


def test_an_update_of_a_stream_that_is_over_is_ignored() -> None:
    """5.1: it may have crossed the end on its way; of an idle one it is an error."""
    peer = Peer().open()
    stream = peer.request(1, end=True)
    stream.headers(b"\x88", end=True)
    assert [] == peer.send(frames.window_update(1, 0), frames.window_update(1, 1000))
    peer.ended(peer.send(frames.window_update(3, 1)), ErrorCode.PROTOCOL_ERROR)


def test_127_streams_that_are_not_read_hold_up_no_other() -> None:
    """5.2: the connection's window bounds nothing that the streams' windows do not."""
    peer = Peer().open()
    for stream_id in range(1, 255, 2):
        peer.request(stream_id)
        peer.send(frames.data(stream_id, bytes(16_384)))
        peer.read()
    peer.request(255)
    (event,) = peer.send(frames.data(255, b"hello", end=True))
    assert isinstance(event, DataReceived)
    assert b"hello" == event.data


@pytest.mark.parametrize("cut", [1, 5, 9, 14, 23, 30])
def test_frames_of_a_stream_that_follow_one_another_are_one_piece(cut: int) -> None:
    """6.1: where they end says nothing. A frame that has not come whole is the next piece."""
    peer = Peer().open()
    stream = peer.request(1)
    octets = frames.data(1, b"one") + frames.data(1, b"two") + frames.data(1, b"three")
    events = peer.send(octets[:cut]) + peer.send(octets[cut:])
    pieces = [event.data for event in events if isinstance(event, DataReceived)]
    assert b"onetwothree" == b"".join(pieces)
    assert len(pieces) <= 2
    assert stream.receive.left == stream.receive.size - 11


def test_what_is_not_plain_data_of_the_same_stream_ends_a_piece() -> None:
    """The end, padding, an empty frame, another stream, another kind: each in its order."""
    peer = Peer().open()
    peer.request(1)
    peer.request(3)
    events = peer.send(
        frames.data(1, b"a"), frames.data(1, b"b"),
        frames.data(3, b"c"), frames.data(3, b"d"),
        frames.data(1, b"e"), frame(Kind.DATA, PADDED, 1, b"\1f\0"), frames.data(1, b"g"),
        frames.ping(b"12345678"),
        frames.data(1, b"h"), frames.data(1, b""), frames.data(1, b"i"),
        frames.data(1, b"j", end=True),
    )  # fmt: skip
    heard = [
        (event.stream.stream_id, event.data, event.end)
        for event in events
        if isinstance(event, DataReceived)
    ]
    assert [
        (1, b"ab", False), (3, b"cd", False), (1, b"e", False), (1, b"f", False),
        (1, b"g", False), (1, b"h", False), (1, b"i", False), (1, b"j", True),
    ] == heard  # fmt: skip


def test_a_window_is_overrun_by_frames_together() -> None:
    """6.9.1: each would have been allowed alone."""
    peer = Peer().open()
    peer.request(1)
    events = peer.send(*[frames.data(1, bytes(16_000))] * 2)
    peer.was_reset(events, 1, ErrorCode.FLOW_CONTROL_ERROR)
