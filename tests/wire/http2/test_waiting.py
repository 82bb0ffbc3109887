"""Who waits to send: nobody is forgotten, asked for ever, or ended for what the peer can help."""

from __future__ import annotations

from chatroom.wire.http2.events import RequestReceived
from chatroom.wire.http2.frames import ErrorCode, Setting
from chatroom.wire.http2.limits import Http2Limits, Rate
from chatroom.wire.http2.streams import Stream

from .ends import OK, REQUEST, Call, Ends, kinds, resets

WIDE = (Setting.INITIAL_WINDOW_SIZE, 1 << 20)


def held(ends: Ends) -> Stream:
    """A stream whose response has begun."""
    stream = ends.open(end=True)
    stream.headers(OK)
    ends.hear()
    return stream


def test_a_slow_reader_that_gives_the_connections_window_back_lives() -> None:
    """6.9.1: whenever we look the window is closed, and yet it was open in between."""
    ends = Ends(None, WIDE, gives_back=False)
    stream = held(ends)
    stream.send(bytes(200_000), ends.now)
    ends.hear()
    for _ in range(30):
        ends.client.window_update(0, 2000)
        ends.tell()
        ends.hear()
        assert ends.server.output.window == 0
        assert ends.check(1.0) == []


def test_closed_streams_leave_their_place_in_the_queue() -> None:
    """CVE-2023-44487: streams reset while the connection's window is closed are not kept."""
    ends = Ends(None, WIDE, gives_back=False)
    held(ends).send(bytes(65_535), ends.now)
    ends.hear()
    for _ in range(500):
        stream = ends.open(end=True)
        stream.headers(OK)
        stream.send(b"x", ends.now)
        assert list(ends.server.output.turns) == [stream]
        ends.client.reset(stream.stream_id)
        ends.tell()
        ends.server.release(stream)
    assert list(ends.server.output.turns) == []
    assert ends.server.output.clear


def test_a_call_that_does_not_use_its_turn_does_not_loop() -> None:
    """It has room, wants more, and waits: it is asked again when the peer gives more."""
    ends = Ends(None, (Setting.INITIAL_WINDOW_SIZE, 2000), gives_back=False)
    stream = held(ends)

    class Stubborn(Call):
        def writable(self) -> None:
            super().writable()
            assert not stream.offer(bytes(4000))
            stream.wait(ends.now, 4000)

    call = stream.call = Stubborn()
    stream.wait(ends.now, 4000)
    assert ends.flush() == b""
    assert call.writable_calls == 1
    ends.client.window_update(1, 1)
    ends.tell()
    ends.flush()
    assert call.writable_calls == 2


def test_windows_that_open_while_the_transport_is_paused() -> None:
    """They are used when it resumes, and each stream has one place in the queue."""
    ends = Ends(None, (Setting.INITIAL_WINDOW_SIZE, 100), gives_back=False)
    first, second = held(ends), held(ends)
    for stream in (first, second):
        stream.send(bytes(150), ends.now)
    ends.hear()
    ends.server.output.pause()
    for stream in (first, second):
        ends.client.window_update(stream.stream_id, 200)
    ends.client.settings((Setting.INITIAL_WINDOW_SIZE, 0))
    ends.client.settings((Setting.INITIAL_WINDOW_SIZE, 300))
    ends.tell()
    assert ends.flush() == b""
    assert list(ends.server.output.turns) == [first, second]
    flushes = ends.flushes
    ends.server.output.resume()
    assert ends.flushes == flushes + 1
    assert [name for name in kinds(ends.hear()) if name[1]] == [("DATA", 1), ("DATA", 3)]
    assert ends.server.output.clear


def test_who_is_not_read_is_late_with_nothing() -> None:
    """While answers wait we read no more (CVE-2019-9512): the peer's time stands still."""
    ends = Ends()
    ends.say(bytes.fromhex("000010 01 04 00000001"))
    ends.server.timing.hold(ends.now)
    for _ in range(100):
        assert ends.check(1.0, unsent=True) == []
    ends.server.timing.go_on(ends.now)
    assert ends.check(9.9) == []
    ends.check(0.2)
    assert ends.end().reason == "a header block did not come in time"


def test_trailers_for_a_stream_whose_end_is_forgotten() -> None:
    """5.1: we may have reset it long ago; they end nothing but what is over."""
    ends = Ends(Http2Limits(closed_streams=10))
    reset = ends.open()
    ends.server.reset(reset, ErrorCode.CANCEL)
    ends.server.release(reset)
    for _ in range(20):
        stream = ends.open(end=True)
        stream.headers(OK, end=True)
        ends.server.release(stream)
    ends.hear()
    ends.client.headers(1, [(b"x-late", b"1")])
    ends.tell()
    assert resets(ends.hear()) == [(1, ErrorCode.STREAM_CLOSED)]
    assert ends.alive()


def test_who_has_cancelled_and_is_refused_is_at_no_fault() -> None:
    """CVE-2023-44487: its cancelled calls are still at work here; the resets have a rate."""
    limits = Http2Limits(streams=2, resets=Rate(20, 1.0), faults=Rate(5, 1.0))
    ends = Ends(limits)
    for _ in range(2):
        ends.client.reset(ends.open().stream_id)
    for _ in range(15):
        ends.client.request(REQUEST)
    ends.tell()
    assert not ends.server.over
    for _ in range(10):
        ends.client.request(REQUEST)
    ends.tell()
    assert ends.end().reason == "too many resets"


def test_requests_after_the_second_goaway_have_a_rate() -> None:
    """6.8: they are not served, and still cost us HPACK."""
    ends = Ends()
    ends.server.leave(ends.now)
    ends.exchange()
    for _ in range(1100):
        ends.client.request(REQUEST, end=True)
    ends.tell()
    assert ends.end().code == ErrorCode.ENHANCE_YOUR_CALM
    assert not any(isinstance(event, RequestReceived) for event in ends.events)
