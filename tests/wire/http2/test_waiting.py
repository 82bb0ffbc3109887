"""Who waits to send: nobody is forgotten, asked for ever, or ended for what the peer can help."""

from __future__ import annotations

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import ErrorCode, Kind, Setting
from chatroom.wire.http2.limits import Http2Limits, Rate
from chatroom.wire.http2.streams import Stream

from .peer import OK, REQUEST, Caller, Peer, encoded, resets

WIDE = (Setting.INITIAL_WINDOW_SIZE, 1 << 20)


def held(peer: Peer) -> Stream:
    """A stream whose response has begun."""
    stream = peer.request(end=True)
    Caller(stream)
    stream.headers(OK)
    peer.read_all()
    return stream


def test_a_slow_reader_that_gives_the_connections_window_back_lives() -> None:
    """6.9.1: whenever we look the window is closed, and yet it was open in between."""
    peer = Peer().open(WIDE)
    stream = held(peer)
    stream.send(bytes(200_000), peer.now)
    peer.read_all()
    for _ in range(30):
        peer.client.window_update(0, 2000)
        peer.tell()
        peer.read_all()
        assert peer.connection.output.window == 0
        assert peer.check(1.0) == []


def test_closed_streams_leave_their_place_in_the_queue() -> None:
    """CVE-2023-44487: streams reset while the connection's window is closed are not kept."""
    peer = Peer().open(WIDE)
    held(peer).send(bytes(65_535), peer.now)
    peer.read_all()
    for _ in range(500):
        stream = peer.request(end=True)
        stream.headers(OK)
        stream.send(b"x", peer.now)
        assert list(peer.connection.output.turns) == [stream]
        peer.client.reset(stream.stream_id)
        peer.tell()
        peer.connection.release(stream)
    assert list(peer.connection.output.turns) == []
    assert peer.connection.output.clear


def test_a_call_that_does_not_use_its_turn_does_not_loop() -> None:
    """It has room, wants more, and waits: it is asked again when the peer gives more."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 2000))
    stream = held(peer)

    class Stubborn(Caller):
        def writable(self) -> None:
            super().writable()
            assert not stream.offer(bytes(4000))
            stream.wait(peer.now, 4000)

    call = Stubborn(stream)
    stream.wait(peer.now, 4000)
    assert [] == peer.read_all()
    assert call.asked == 1
    peer.client.window_update(1, 1)
    peer.tell()
    peer.read_all()
    assert call.asked == 2


def test_windows_that_open_while_the_transport_is_paused() -> None:
    """They are used when it resumes, and each stream has one place in the queue."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 100))
    first, second = held(peer), held(peer)
    for stream in (first, second):
        stream.send(bytes(150), peer.now)
    peer.read_all()
    peer.connection.output.pause()
    for stream in (first, second):
        peer.client.window_update(stream.stream_id, 200)
    peer.client.settings((Setting.INITIAL_WINDOW_SIZE, 0))
    peer.client.settings((Setting.INITIAL_WINDOW_SIZE, 300))
    peer.tell()
    assert [] == peer.read_all()
    assert list(peer.connection.output.turns) == [first, second]
    touched = peer.touched
    peer.connection.output.resume()
    assert peer.touched == touched + 1
    written = [(frame.kind, frame.stream_id) for frame in peer.read_all() if frame.stream_id]
    assert [(Kind.DATA, 1), (Kind.DATA, 3)] == written
    assert peer.connection.output.clear


def test_who_is_not_read_is_late_with_nothing() -> None:
    """While answers wait we read no more (CVE-2019-9512): the peer's time stands still."""
    peer = Peer().open()
    peer.send(bytes.fromhex("000010 01 04 00000001"))
    peer.connection.timing.hold(peer.now)
    for _ in range(100):
        assert peer.check(1.0, unsent=True) == []
    peer.connection.timing.go_on(peer.now)
    assert peer.check(9.9) == []
    reason = peer.ended(peer.check(0.2), ErrorCode.ENHANCE_YOUR_CALM)
    assert "a header block did not come in time" == reason


def test_trailers_for_a_stream_whose_end_is_forgotten() -> None:
    """5.1: we may have reset it long ago; they end nothing but what is over."""
    peer = Peer(Http2Limits(closed_streams=10)).open()
    reset = peer.request()
    peer.connection.reset(reset, ErrorCode.CANCEL)
    peer.connection.release(reset)
    for _ in range(20):
        stream = peer.request(end=True)
        stream.headers(OK, end=True)
        peer.connection.release(stream)
    peer.read_all()
    peer.client.headers(1, [(b"x-late", b"1")])
    peer.tell()
    assert resets(peer.read_all()) == [(1, ErrorCode.STREAM_CLOSED)]
    assert peer.alive()


def test_who_has_cancelled_and_is_refused_is_at_no_fault() -> None:
    """CVE-2023-44487: its cancelled calls are still at work here; the resets have a rate."""
    limits = Http2Limits(streams=2, resets=Rate(20, 1.0), faults=Rate(5, 1.0))
    peer = Peer(limits).open()
    for _ in range(2):
        peer.client.reset(peer.request().stream_id)
        peer.tell()
    for _ in range(15):
        peer.client.request(encoded(*REQUEST))
    peer.tell()
    assert not peer.connection.over
    for _ in range(10):
        peer.client.request(encoded(*REQUEST))
    assert "too many resets" == peer.ended(peer.tell(), ErrorCode.ENHANCE_YOUR_CALM)


def test_requests_after_the_second_goaway_have_a_rate() -> None:
    """6.8: they are not served, and still cost us HPACK."""
    peer = Peer().open()
    peer.connection.leave(peer.now)
    peer.read_all()
    peer.send(frames.ping(b"leaving\0", ack=True))
    peer.read_all()
    for _ in range(1100):
        peer.client.request(encoded(*REQUEST), end=True)
    (event,) = peer.tell()
    peer.ended([event], ErrorCode.ENHANCE_YOUR_CALM)
