"""How streams and connections end: what counts as open, closed streams, GOAWAY."""

from __future__ import annotations

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.connection import Phase
from chatroom.wire.http2.events import ConnectionEnded, StreamReset
from chatroom.wire.http2.frames import LARGEST_STREAM_ID, PREFACE, ErrorCode, Kind, frame
from chatroom.wire.http2.limits import Http2Limits, Rate

from .peer import Frame, Peer


def goaways(written: list[Frame]) -> list[tuple[int, int]]:
    """The last stream and the code of each GOAWAY."""
    return [
        (int.from_bytes(f.payload[:4], "big"), int.from_bytes(f.payload[4:8], "big"))
        for f in written
        if f.kind == Kind.GOAWAY
    ]


# ---- What counts as open -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["reset by the peer", "reset by us", "made to be reset", "ended"])
def test_a_call_at_work_keeps_its_place(how: str) -> None:
    """CVE-2023-44487, CVE-2025-8671: not the stream's state counts, but its work."""
    peer = Peer(Http2Limits(streams=1)).open()
    stream = peer.request(1)
    if how == "reset by the peer":
        (event,) = peer.send(frames.rst_stream(1, 8))
        assert isinstance(event, StreamReset)
        assert (8, True) == (event.code, event.by_peer)
    elif how == "reset by us":
        peer.connection.reset(stream, ErrorCode.CANCEL)
    elif how == "made to be reset":
        peer.was_reset(peer.send(frames.window_update(1, 0)), 1, ErrorCode.PROTOCOL_ERROR)
    else:
        stream.headers(b"\x88", end=True)
    assert {} == peer.connection.streams
    peer.read()
    assert [] == peer.send(frames.headers(3, peer.block()))
    assert [(3, ErrorCode.REFUSED_STREAM)] == peer.resets()
    peer.connection.release(stream)
    peer.connection.release(stream)
    assert 0 == peer.connection.working
    peer.request(5)


def test_160_are_open_at_once_and_no_more() -> None:
    """5.1.2."""
    peer = Peer().open()
    for stream_id in range(1, 321, 2):
        peer.request(stream_id)
    assert [] == peer.send(frames.headers(321, peer.block()))
    assert [(321, ErrorCode.REFUSED_STREAM)] == peer.resets()


# ---- Closed streams ------------------------------------------------------------------------


def test_what_comes_for_a_stream_that_we_reset_is_ignored() -> None:
    """5.1: it was on its way; each kind, and no word of ours about it."""
    peer = Peer().open()
    peer.connection.reset(peer.request(1), ErrorCode.CANCEL)
    assert [(1, ErrorCode.CANCEL)] == peer.resets()
    late = (
        frames.data(1, b"late"),
        frames.window_update(1, 5),
        frames.headers(1, peer.block(fields=(("x", "1"),)), end=True),
        frames.rst_stream(1, 8),
    )
    assert [] == peer.send(*late)
    assert [] == peer.read()


@pytest.mark.parametrize("how", ["ended", "reset by the peer"])
def test_data_after_the_end_is_an_error_of_the_stream(how: str) -> None:
    """5.1: STREAM_CLOSED, said once."""
    peer = Peer().open()
    stream = peer.request(1, end=how == "ended")
    if how == "ended":
        stream.headers(b"\x88", end=True)
        peer.read()
    else:
        peer.send(frames.rst_stream(1, 8))
    assert [] == peer.send(frames.data(1, b"late"), frames.data(1, b"later"))
    assert [(1, ErrorCode.STREAM_CLOSED)] == peer.resets()


@pytest.mark.parametrize("late", [frames.data(1, b"x"), frames.headers(1, b"\0\1x\1y", end=True)])
def test_what_follows_the_end_of_a_request_resets_it(late: bytes) -> None:
    """5.1, half-closed (remote): STREAM_CLOSED, while its response is still to come."""
    peer = Peer().open()
    peer.request(1, end=True)
    peer.was_reset(peer.send(late), 1, ErrorCode.STREAM_CLOSED)


def test_what_the_peer_resets_it_may_not_go_on_with_although_we_were_first() -> None:
    """5.1: only what was on its way when it was told is ignored."""
    peer = Peer().open()
    stream = peer.request(1)
    peer.connection.reset(stream, ErrorCode.CANCEL)
    assert [] == peer.send(frames.data(1, b"on its way"))
    assert [] == peer.send(frames.rst_stream(1, 8))
    (event,) = peer.send(frames.headers(1, peer.block()))
    assert isinstance(event, ConnectionEnded)
    assert ErrorCode.STREAM_CLOSED == event.code


def test_headers_after_the_end_are_an_error_of_the_connection() -> None:
    """5.1, closed: STREAM_CLOSED."""
    peer = Peer().open()
    peer.request(1, end=True).headers(b"\x88", end=True)
    peer.ended(peer.send(frames.headers(1, peer.block())), ErrorCode.STREAM_CLOSED)


def test_an_id_that_was_passed_over_is_closed() -> None:
    """5.1.1: PROTOCOL_ERROR for a request with a lower id than the last one."""
    peer = Peer().open()
    peer.request(5)
    peer.ended(peer.send(frames.headers(3, peer.block())), ErrorCode.PROTOCOL_ERROR)


def test_closed_ids_are_remembered_in_a_bounded_number() -> None:
    """5.1: the end of the last 256; the first ones are as if passed over."""
    peer = Peer().open()
    for stream_id in range(1, 601, 2):
        stream = peer.request(stream_id)
        peer.connection.reset(stream, ErrorCode.CANCEL)
        peer.connection.release(stream)
    assert 256 == len(peer.connection._closed)
    peer.read()
    assert [] == peer.send(frames.data(599, b"late"), frames.data(89, b"late"))
    assert [] == peer.read()
    assert [] == peer.send(frames.data(87, b"late"))
    assert [(87, ErrorCode.STREAM_CLOSED)] == peer.resets()


@pytest.mark.parametrize("trailers", [b"\x88", None], ids=["trailers", "empty DATA"])
def test_an_end_before_the_body_was_read_tells_the_peer_to_stop(trailers: bytes | None) -> None:
    """8.1: END_STREAM, and some time later RST_STREAM with NO_ERROR; what comes is ignored."""
    peer = answered_early(trailers)
    assert [] == peer.send(frames.data(1, b"more"))
    for now, expected in ((0.0, []), (0.9, []), (1.0, [(1, ErrorCode.NO_ERROR)]), (9.0, [])):
        assert [] == peer.connection.check(now, unsent=False)
        assert expected == peer.resets()
    assert [] == peer.send(frames.data(1, b"rest", end=True))
    assert [] == peer.read()


def answered_early(trailers: bytes | None = b"\x88") -> Peer:
    """A peer whose request is still open, and the response to it is over."""
    peer = Peer().open()
    stream = peer.request(1)
    stream.headers(b"\x88")
    peer.read()
    stream.end(trailers)
    [last] = peer.read()
    assert (1, 1) == (last.flags & 1, last.stream_id)
    return peer


@pytest.mark.parametrize(
    "end",
    [frames.data(1, b"rest", end=True), frames.headers(1, b"\x88", end=True)]
    + [frames.rst_stream(1, code) for code in (0, 8)],
    ids=["DATA", "trailers", "NO_ERROR", "CANCEL"],
)
def test_a_peer_that_ends_its_request_by_itself_is_told_nothing(end: bytes) -> None:
    """gRPC's clients do, when the status comes first. It is no cancelled call either."""
    peer = answered_early()
    peer.connection.check(0.0, unsent=False)
    assert [] == peer.send(end)
    peer.connection.check(5.0, unsent=False)
    assert [] == peer.resets()
    assert {} == peer.connection.output.early


def test_answers_before_the_end_of_their_requests_are_bounded() -> None:
    """Of more than there may be streams the oldest is ended at once."""
    peer = Peer().open()
    bound = peer.connection.limits.streams
    for number in range(bound + 1):
        stream = peer.request(2 * number + 1)
        stream.headers(b"\x88", end=True)
        peer.connection.release(stream)
    assert [(1, ErrorCode.NO_ERROR)] == peer.resets()
    assert bound == len(peer.connection.output.early)


def test_an_end_after_the_body_is_the_end() -> None:
    """8.1: nothing to stop."""
    peer = Peer().open()
    peer.request(1, end=True).headers(b"\x88", end=True)
    assert [Kind.HEADERS] == [f.kind for f in peer.read()]


def test_nothing_is_sent_on_a_stream_that_is_over() -> None:
    """5.1: whoever still holds it may call what he likes."""
    peer = Peer().open()
    stream = peer.request(1)
    peer.send(frames.data(1, bytes(16_384)), frames.rst_stream(1, 8))
    peer.read()
    stream.headers(b"\x88")
    assert not stream.offer(b"x")
    stream.send(b"x", peer.now)
    stream.append(b"x", peer.now)
    stream.acknowledge(16_384)
    stream.wait(peer.now)
    stream.end(b"\x88")
    peer.connection.reset(stream, ErrorCode.CANCEL)
    assert [] == peer.read()


# ---- GOAWAY --------------------------------------------------------------------------------


def leaving() -> Peer:
    """A connection with stream 1 that has said the first GOAWAY."""
    peer = Peer().open()
    peer.request(1)
    peer.read()
    peer.connection.leave(peer.now)
    written = peer.read()
    assert [(LARGEST_STREAM_ID, 0)] == goaways(written)
    assert [b"leaving\0"] == [f.payload for f in written if f.kind == Kind.PING]
    return peer


def test_requests_between_the_two_goaways_are_served() -> None:
    """6.8: the first names the largest id; the second follows a round trip later."""
    peer = leaving()
    two = peer.request(3)
    assert [] == peer.send(frames.ping(b"leaving\0", ack=True))
    assert [(3, 0)] == goaways(peer.read())
    two.headers(b"\x88")
    assert [Kind.HEADERS] == [f.kind for f in peer.read()]


def test_later_requests_are_neither_answered_nor_kept() -> None:
    """6.8: decoded and credited all the same."""
    peer = leaving()
    peer.send(frames.ping(b"leaving\0", ack=True))
    assert [(1, 0)] == goaways(peer.read())
    mark = ("x-mark", "in the table")
    late = frames.headers(3, peer.block(mark)) + frames.data(3, b"late") + frames.rst_stream(3, 8)
    assert [] == peer.send(late, frames.headers(5, peer.block(mark), end=True))
    assert [] == peer.read()
    assert (1, [1]) == (peer.connection.working, list(peer.connection.streams))


def test_the_second_follows_by_itself_after_a_second() -> None:
    """6.8: for a peer that does not answer the PING; it is said once."""
    peer = leaving()
    peer.now += 0.875
    peer.check()
    assert [] == goaways(peer.read())
    peer.now += 0.125
    peer.check()
    assert [(1, 0)] == goaways(peer.read())
    peer.send(frames.ping(b"leaving\0", ack=True))
    peer.now += 1
    peer.check()
    assert [] == goaways(peer.read())


def test_a_connection_has_left_when_no_call_is_at_work() -> None:
    """Both GOAWAYs, no stream, and no work that a cancelled call has left behind."""
    peer = leaving()
    stream = peer.connection.streams[1]
    assert not peer.connection.left
    peer.send(frames.ping(b"leaving\0", ack=True))
    assert not peer.connection.left
    peer.send(frames.rst_stream(1, 8))
    assert not peer.connection.left
    peer.connection.release(stream)
    assert peer.connection.left


def test_no_stream_is_no_reason_to_leave_before_the_second() -> None:
    """6.8: a request may be on its way."""
    peer = Peer().open()
    peer.connection.leave(peer.now)
    assert not peer.connection.left
    peer.send(frames.ping(b"leaving\0", ack=True))
    assert peer.connection.left


def test_an_error_names_no_later_stream_than_goaway_did() -> None:
    """6.8: the last stream's id never grows."""
    peer = leaving()
    peer.send(frames.ping(b"leaving\0", ack=True))
    peer.read()
    peer.send(frames.headers(3, peer.block()))
    peer.send(frames.ping(b"short")[:9] + b"12345678", frames.window_update(0, 0))
    assert [(1, ErrorCode.FRAME_SIZE_ERROR)] == goaways(peer.read())


@pytest.mark.parametrize("begun", [b"", PREFACE], ids=["preface", "SETTINGS"])
def test_one_may_leave_before_the_peer_has_begun(begun: bytes) -> None:
    """6.8 and 3.4: GOAWAY follows the peer's SETTINGS; its first request is still served."""
    peer = Peer()
    peer.send(begun)
    peer.connection.leave(peer.now)
    assert [] == goaways(peer.read())
    peer.send((PREFACE + frames.settings() + frames.SETTINGS_ACK)[len(begun) :])
    assert [(LARGEST_STREAM_ID, 0)] == goaways(peer.read())
    assert Phase.LEAVING is peer.connection.phase
    peer.request(1)


def test_the_peers_goaway_is_no_end() -> None:
    """6.8: without an error it asks for no more than new streams; ours are the peer's."""
    peer = Peer().open()
    stream = peer.request(1)
    assert [] == peer.send(frames.goaway(0, ErrorCode.NO_ERROR))
    assert stream.offer(b"entry")


def test_the_peers_goaway_with_an_error_is_the_end() -> None:
    """6.8: its reason is told, at most 128 bytes of it, and nothing behind it is read."""
    peer = Peer().open()
    peer.request(1)
    goaway = frames.goaway(0, ErrorCode.INTERNAL_ERROR, b"oh\xff" + bytes(1000))
    (event,) = peer.send(goaway, frames.data(1, b"behind it"), frames.rst_stream(1, 8))
    assert isinstance(event, ConnectionEnded)
    assert (ErrorCode.INTERNAL_ERROR, True) == (event.code, event.by_peer)
    assert ("oh\xff", 128) == (event.reason[:3], len(event.reason))
    assert [] == peer.send(frames.ping(b"12345678"))
    assert [] == peer.check()


def test_a_flood_of_faults_says_both() -> None:
    """5.4: the streams' resets that were said stay said; the one too many is the end."""
    peer = Peer(Http2Limits(faults=Rate(1, 0.0))).open()
    events = peer.send(frame(Kind.HEADERS, 4, 1, b"\x82"), frame(Kind.HEADERS, 4, 3, b"\x82"))
    written = peer.read()
    assert [(3, ErrorCode.ENHANCE_YOUR_CALM)] == goaways(written)
    assert [1] == [f.stream_id for f in written if f.kind == Kind.RST_STREAM]
    assert isinstance(events[-1], ConnectionEnded)
