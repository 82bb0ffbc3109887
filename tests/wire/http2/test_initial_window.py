"""The initial windows of both sides: before ours is acknowledged, and when theirs changes."""

from __future__ import annotations

from chatroom.wire.http2 import frames
from chatroom.wire.http2.events import DataReceived
from chatroom.wire.http2.frames import ErrorCode, Kind, Setting
from chatroom.wire.http2.limits import Http2Limits, Rate

from .peer import Peer, updates


def test_before_ours_are_acknowledged_a_stream_may_send_65535_bytes() -> None:
    """6.5.3 and 6.9.2: the initial window is 65,535 until the peer knows better."""
    peer = Peer().open(settled=False)
    stream = peer.request(1)
    for size in (16_384, 16_384, 16_384, 16_383):
        (event,) = peer.send(frames.data(1, bytes(size)))
        assert isinstance(event, DataReceived)
    assert 0 == stream.receive.left
    peer.was_reset(peer.send(frames.data(1, b"!")), 1, ErrorCode.FLOW_CONTROL_ERROR)


def test_the_acknowledgement_makes_windows_negative() -> None:
    """6.9.2: what was sent before counts; nothing more may come until it was read."""
    peer = Peer().open(settled=False)
    stream = peer.request(1)
    peer.send(frames.data(1, bytes(16_384)), frames.data(1, bytes(16_384)))
    peer.send(frames.SETTINGS_ACK)
    assert -16_384 == stream.receive.left
    stream.acknowledge(32_768)
    assert [(1, 32_768)] == updates(peer.read())[-1:]
    assert 16_384 == stream.receive.left


def test_what_was_read_before_the_acknowledgement_is_given_back_with_it() -> None:
    """6.9.2: 20,000 bytes are less than half of 65,535, so they were not given back; with 16,384
    the peer's window is below 0. Nothing is unread that could still open it."""
    peer = Peer().open(settled=False)
    stream = peer.request(1)
    peer.send(frames.data(1, bytes(10_000)), frames.data(1, bytes(10_000)))
    stream.acknowledge(20_000)
    assert [] == [update for update in updates(peer.read()) if update[0] == 1]
    peer.send(frames.SETTINGS_ACK)
    assert [(1, 20_000)] == updates(peer.read())
    assert 16_384 == stream.receive.left


def test_more_streams_than_we_announce_are_legal_until_then() -> None:
    """5.1.2 and 8.7: REFUSED_STREAM, and no bucket counts it: the peer may not know better."""
    peer = Peer(Http2Limits(streams=1, faults=Rate(2, 0.0))).open(settled=False)
    peer.request(1)
    for stream_id in range(3, 23, 2):
        assert [] == peer.send(frames.headers(stream_id, peer.block()))
        assert [(stream_id, ErrorCode.REFUSED_STREAM)] == peer.resets()


def test_from_then_on_they_are_faults() -> None:
    """5.1.2: a peer that has acknowledged MAX_CONCURRENT_STREAMS knows it."""
    peer = Peer(Http2Limits(streams=1, faults=Rate(2, 0.0))).open()
    peer.request(1)
    for stream_id in (3, 5):
        assert [] == peer.send(frames.headers(stream_id, peer.block()))
        assert [(stream_id, ErrorCode.REFUSED_STREAM)] == peer.resets()
    peer.ended(peer.send(frames.headers(7, peer.block())), ErrorCode.ENHANCE_YOUR_CALM)


def test_a_new_initial_window_moves_all_streams() -> None:
    """6.9.2: by the difference; it may go below 0, and the connection's window stays."""
    peer = Peer().open()
    one, two = peer.request(1), peer.request(3)
    one.send(bytes(1000), peer.now)
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 100)))
    assert (-900, 100) == (one.window, two.window)
    assert 65_535 - 1000 == peer.connection.output.window
    assert 100 == peer.request(5).window


def test_a_larger_initial_window_pumps_who_waits() -> None:
    """6.9.2: an increase opens windows as WINDOW_UPDATE does."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 0))
    one, two = peer.request(1), peer.request(3)
    one.send(b"first", peer.now)
    two.send(b"second", peer.now)
    assert [] == [f for f in peer.read() if f.kind == Kind.DATA]
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 6)))
    sent = [(f.stream_id, f.payload) for f in peer.read() if f.kind == Kind.DATA]
    assert [(1, b"first"), (3, b"second")] == sent


def test_a_negative_window_opens_above_nothing() -> None:
    """6.9.2: a stream below 0 sends again once updates have brought it above."""
    peer = Peer().open()
    stream = peer.request(1)
    stream.send(bytes(1000), peer.now)
    peer.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, 900)))
    peer.read()
    stream.send(b"late", peer.now)
    peer.send(frames.window_update(1, 103))
    assert [] == [f for f in peer.read() if f.kind == Kind.DATA]
    peer.send(frames.window_update(1, 1))
    assert [b"late"] == [f.payload for f in peer.read() if f.kind == Kind.DATA]


def test_values_are_taken_in_their_order() -> None:
    """6.5.3: the last one of a frame holds."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 1), (Setting.INITIAL_WINDOW_SIZE, 7))
    assert 7 == peer.request(1).window


def test_response_headers_need_no_window() -> None:
    """6.9: only DATA is subject to flow control."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 0))
    stream = peer.request(1, end=True)
    stream.headers(b"\x88")
    stream.end(b"\x88")
    assert 2 == len([f for f in peer.read() if f.kind == Kind.HEADERS])
