"""Time as an argument: PING as keepalive, and what must come in time."""

from __future__ import annotations

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.connection import Phase
from chatroom.wire.http2.frames import PREFACE, ErrorCode, Kind, frame
from chatroom.wire.http2.limits import Http2Limits

from .peer import Caller, Peer


def pings(peer: Peer, *, unsent: bool = False) -> int:
    """How many PINGs the server sends at this time; the connection goes on."""
    assert [] == peer.check(unsent=unsent)
    return len([f for f in peer.read() if f.kind == Kind.PING and not f.flags])


def test_some_seconds_of_silence_are_a_ping() -> None:
    """RFC 9113, 6.7: one, after eight and a half and not before."""
    peer = Peer().open()
    peer.now += 8.25
    assert 0 == pings(peer)
    peer.now += 0.25
    assert 1 == pings(peer)
    assert 0 == pings(peer)


def test_not_all_connections_ping_at_once() -> None:
    """Up to a quarter of the silence sooner."""
    peer = Peer(spread=1.0).open()
    peer.now += 6.25
    assert 0 == pings(peer)
    peer.now += 0.25
    assert 1 == pings(peer)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("phase", [0.01, 0.25, 0.49])
def test_a_peer_that_has_vanished_is_noticed_within_15_seconds(spread: float, phase: float) -> None:
    """Whenever the ticks come, which are half a second apart. And not within 10: it may be slow."""
    peer = Peer(spread=spread).open()
    began = peer.now
    peer.now += phase
    while not (ended := peer.check()):
        peer.now += 0.5
        assert peer.now - began <= 15
    assert peer.now - began > 10
    peer.ended(ended, ErrorCode.NO_ERROR)


@pytest.mark.parametrize(
    "answer",
    [frames.ping(b"are you?", ack=True), frames.window_update(0, 2000), b"\0"],
    ids=["its answer", "another frame", "one byte"],
)
def test_any_byte_answers(answer: bytes) -> None:
    """A peer that says anything is there."""
    peer = Peer().open()
    peer.now += 10
    assert 1 == pings(peer)
    assert 0 == pings(peer)
    peer.now += 4.75
    peer.send(answer)
    peer.now += 8.25
    assert 0 == pings(peer)
    peer.now += 0.25
    assert 1 == pings(peer)


def test_no_byte_for_five_seconds_is_the_end() -> None:
    """Not an error of the peer's: GOAWAY with NO_ERROR."""
    peer = Peer().open()
    peer.now += 10
    assert 1 == pings(peer)
    assert 0 == pings(peer)
    peer.now += 4.75
    assert 0 == pings(peer)
    peer.now += 0.25
    peer.ended(peer.check(), ErrorCode.NO_ERROR)


def test_the_five_seconds_begin_when_the_kernel_has_the_ping() -> None:
    """Behind bytes that a slow reader has not taken, the PING has not gone yet."""
    peer = Peer().open()
    peer.now += 10
    assert 1 == pings(peer, unsent=True)
    peer.now += 60
    assert 0 == pings(peer, unsent=True)
    assert 0 == pings(peer)
    peer.now += 4.75
    assert 0 == pings(peer)
    peer.now += 0.25
    peer.ended(peer.check(), ErrorCode.NO_ERROR)


def test_they_are_ten_while_bytes_are_unsent() -> None:
    """A peer that takes bytes slowly may answer slowly."""
    peer = Peer().open()
    peer.now += 10
    assert 1 == pings(peer)
    assert 0 == pings(peer)
    peer.now += 9.75
    assert 0 == pings(peer, unsent=True)
    peer.now += 0.25
    peer.ended(peer.check(unsent=True), ErrorCode.NO_ERROR)


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE, PREFACE + b"\0\0\0\4"])
def test_the_preface_and_settings_come_in_time(said: bytes) -> None:
    """3.4: a byte a second buys no time."""
    peer = Peer()
    peer.read()
    for at in range(10):
        assert [] == peer.send(said[at : at + 1] if at < 9 else said[at:])
        assert [] == peer.check()
        peer.now += 0.999
    peer.now += 0.01
    peer.ended(peer.check(), ErrorCode.PROTOCOL_ERROR)


def test_a_wrong_preface_is_told_at_its_first_wrong_byte() -> None:
    """3.4: HTTP/1.1 is not waited for."""
    peer = Peer()
    peer.ended(peer.send(b"PRI * HTTP/1"), ErrorCode.PROTOCOL_ERROR)


def test_a_preface_may_come_byte_by_byte() -> None:
    """3.4."""
    peer = Peer()
    for byte in PREFACE + frames.settings():
        assert [] == peer.send(bytes((byte,)))
    assert Phase.OPEN is peer.connection.phase


@pytest.mark.parametrize("torn", ["in HEADERS", "between CONTINUATIONs"])
def test_a_header_block_comes_in_time(torn: str) -> None:
    """A block by a byte a second (Slowloris) holds the connection for ten seconds at most."""
    peer = Peer().open()
    block = peer.block()
    if torn == "in HEADERS":
        peer.send(frames.headers(1, block)[:12])
    else:
        peer.send(frame(Kind.HEADERS, 0, 1, block[:3]))
    for byte in block[3:12]:
        peer.now += 1
        peer.send(bytes((byte,)) if torn == "in HEADERS" else frame(9, 0, 1, b"")[:0])
        assert [] == peer.check()
        assert 0 == len([f for f in peer.read() if f.kind == Kind.GOAWAY])
    peer.now += 1
    peer.ended(peer.check(), ErrorCode.ENHANCE_YOUR_CALM)


def test_a_frame_comes_in_time() -> None:
    """Sixty seconds for any other frame, though its bytes keep coming."""
    peer = Peer().open()
    peer.request(1)
    peer.send(frames.data(1, bytes(1000))[:100])
    for _ in range(7):
        peer.now += 8.5
        peer.send(b"\0")
        assert [] == peer.check()
    peer.now += 0.5
    peer.ended(peer.check(), ErrorCode.ENHANCE_YOUR_CALM)


def test_who_always_stands_within_a_frame_is_not_late() -> None:
    """Each read may end within a frame, for hours: every frame has its own time."""
    peer = Peer().open()
    stream = peer.request(1)
    body = frames.data(1, bytes(100))
    peer.send(body[:50])
    for _ in range(30):
        peer.now += 5
        peer.send(body[50:], body[:50])
        stream.acknowledge(100)
        assert [] == peer.check()


def test_who_always_stands_within_a_header_block_is_not_late() -> None:
    """Nor is a client whose reads end within a request each time."""
    peer = Peer().open()
    rest = b""
    for stream_id in range(1, 61, 2):
        request = frames.headers(stream_id, peer.block(), end=True)
        peer.send(rest, request[:10])
        rest = request[10:]
        peer.now += 5
        assert [] == peer.check()


def test_a_stream_whose_window_stays_closed_is_reset() -> None:
    """After ten seconds, and it alone; the others go on."""
    peer = Peer().open((4, 0))
    one, two = peer.request(1), peer.request(3)
    one.send(b"first", peer.now)
    peer.now += 1
    two.send(b"second", peer.now)
    peer.now += 8.75
    peer.send(frames.ping(b"12345678"))
    assert [] == peer.check()
    peer.now += 0.25
    peer.was_reset(peer.check(), 1, ErrorCode.CANCEL)
    peer.send(frames.window_update(3, 10))
    assert [b"second"] == [f.payload for f in peer.read() if f.kind == Kind.DATA]


def test_a_stream_that_has_nothing_to_send_may_have_a_closed_window() -> None:
    """Its last byte has used the window up: nobody waits for anything."""
    peer = Peer().open((4, 2048))
    stream = peer.request(1)
    call = Caller(stream)
    stream.send(bytes(2048), peer.now)
    peer.read()
    peer.now += 60
    peer.send(frames.ping(b"12345678"))
    assert [] == peer.check()
    assert 1 == call.asked
    assert stream is peer.connection.streams[1]


def test_a_closed_connection_window_resets_who_waits() -> None:
    """6.9.1: ten seconds after it closed; who has nothing to send stays."""
    peer = Peer().open((4, 1 << 20))
    one, two, three = (peer.request(stream_id) for stream_id in (1, 3, 5))
    Caller(three)
    three.send(bytes(10), peer.now)
    one.send(bytes(70_000), peer.now)
    peer.read_all()
    assert 0 == peer.connection.output.window
    two.send(b"second", peer.now)
    for seconds in (0, 9.75):
        peer.now += seconds
        peer.send(frames.ping(b"12345678"))
        assert [] == peer.check()
    peer.now += 0.25
    assert {1, 3} == {event.stream.stream_id for event in peer.check()}
    assert {(1, 8), (3, 8)} == set(peer.resets())
    assert [5] == list(peer.connection.streams)


def test_limits_are_what_times_come_from() -> None:
    """Nothing is patched: a test that wants a tenth says so."""
    peer = Peer(Http2Limits(ping_silence=1.0, ping_answer=0.5)).open()
    peer.now += 1.0
    assert 1 == pings(peer)
