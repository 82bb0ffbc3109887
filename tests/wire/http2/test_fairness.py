"""Turns on one connection, asserted on the order of bytes; and who waits for window."""

from __future__ import annotations

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import ErrorCode, Kind
from chatroom.wire.http2.output import SharedFrames

from .peer import Caller, Frame, Peer

LARGE = (4, 1 << 24)
"""A window that holds up nobody."""


def data(written: list[Frame]) -> list[tuple[int, int]]:
    return [(f.stream_id, len(f.payload)) for f in written if f.kind == Kind.DATA]


def wide(peer: Peer) -> Peer:
    peer.send(frames.window_update(0, 1 << 24))
    return peer


def test_streams_have_turns_of_16_kib() -> None:
    """RFC 9113, 5.2 and 5.3: one frame each, then the next one."""
    peer = wide(Peer().open(LARGE))
    for stream_id in (1, 3, 5):
        peer.request(stream_id).send(bytes(40_000), peer.now)
    turns = [data(peer.read()) for _ in range(8)]
    assert [
        [(1, 16_384)],  # at once: nobody else had asked
        [(1, 16_384)], [(3, 16_384)], [(5, 16_384)],
        [(1, 7_232), (3, 16_384)], [(5, 16_384)],
        [(3, 7_232), (5, 7_232)], [],
    ] == turns  # fmt: skip


def test_a_ping_is_answered_behind_one_round_at_most() -> None:
    """6.7: however much waits."""
    peer = wide(Peer().open(LARGE))
    peer.request(1).send(bytes(1 << 20), peer.now)
    for _ in range(5):
        peer.connection.advance(peer.now)
        peer.send(frames.ping(b"12345678"))
        written = peer.read()
        before = written[: [f.kind for f in written].index(Kind.PING)]
        assert sum([9 + len(f.payload) for f in before]) <= 16_393


def test_a_live_payload_goes_behind_one_round_at_most() -> None:
    """A replay on one stream; an entry for another one comes while it lasts."""
    peer = wide(Peer().open(LARGE))
    replay, live = peer.request(1), peer.request(3)
    replay.send(bytes(1 << 20), peer.now)
    peer.read()
    Caller(live, b"entry")
    assert not live.offer(b"entry")
    live.wait(peer.now, 5)
    assert [(1, 16_384)] == data(peer.read())
    assert (3, 5) == data(peer.read())[0]


def test_an_answer_without_data_waits_for_nobody() -> None:
    """A refusal on another stream of the same connection: HEADERS alone."""
    peer = wide(Peer().open(LARGE))
    replay, other = peer.request(1), peer.request(3, end=True)
    replay.send(bytes(1 << 20), peer.now)
    other.headers(b"\x8d", end=True)
    kinds = [(f.kind, f.stream_id) for f in peer.read()]
    assert [(Kind.DATA, 1), (Kind.HEADERS, 3)] == kinds


def test_who_offers_does_not_overtake_who_waits() -> None:
    """The connection's window was used up; when it opens, the first in line is first."""
    peer = Peer().open(LARGE)
    one, two, three = (peer.request(stream_id) for stream_id in (1, 3, 5))
    two.send(bytes(65_535), peer.now)
    peer.read_all()
    one.send(b"waits", peer.now)
    peer.send(frames.window_update(0, 5))
    assert not three.offer(b"later")
    assert [(1, 5)] == data(peer.read())


def test_many_streams_are_one_write() -> None:
    """100 members of one connection, one payload: told once, written once."""
    peer = Peer().open(LARGE)
    streams = [peer.request(stream_id) for stream_id in range(1, 201, 2)]
    peer.read()
    touched = peer.touched
    payload = b"an entry"
    assert all(stream.offer(payload) for stream in streams)
    assert touched + 1 == peer.touched
    written = peer.connection.data_to_send()
    assert b"".join([frames.data(n, payload) for n in range(1, 201, 2)]) == written
    assert b"" == peer.connection.data_to_send()


def test_streams_of_the_same_id_share_the_very_frame() -> None:
    """Members on connections of their own: the same object, no copy for each."""
    shared = SharedFrames()
    payload = bytes(1000)
    written = []
    for _ in range(3):
        peer = Peer(shared=shared).open()
        stream = peer.request(1)
        peer.read()
        assert stream.offer(payload)
        written.append(peer.connection.data_to_send())
    assert frames.data(1, payload) == written[0]
    assert all(frame is written[0] for frame in written)


def test_another_payload_is_another_frame() -> None:
    """Also one of equal bytes after it."""
    peer = Peer().open()
    stream = peer.request(1)
    peer.read()
    for payload in (b"one", b"two", b"one"):
        assert stream.offer(payload)
        assert frames.data(1, payload) == peer.connection.data_to_send()


def test_a_paused_transport_takes_nothing() -> None:
    """What waits stays; when it resumes, the connection is flushed."""
    peer = Peer().open()
    stream = peer.request(1)
    peer.connection.output.pause()
    assert not stream.offer(b"entry")
    stream.send(b"entry", peer.now)
    assert [] == peer.read()
    touched = peer.touched
    peer.connection.output.resume()
    assert touched < peer.touched
    assert [(1, 5)] == data(peer.read())


# ---- Dribble (CVE-2019-9511, -9517) ------------------------------------------------------


def test_a_stream_with_a_small_window_waits() -> None:
    """Below 1 KiB and below the rest: no DATA frame of few bytes."""
    peer = Peer().open((4, 4096))
    stream = peer.request(1)
    stream.send(bytes(8192), peer.now)
    assert [(1, 4096)] == data(peer.read())
    peer.send(frames.window_update(1, 1023))
    assert [] == data(peer.read())
    peer.send(frames.window_update(1, 1))
    assert [(1, 1024)] == data(peer.read())


def test_the_last_bytes_of_a_payload_go() -> None:
    """A window below 1 KiB that is enough is no dribble."""
    peer = Peer().open((4, 4096))
    peer.request(1).send(bytes(4196), peer.now)
    assert [(1, 4096)] == data(peer.read())
    peer.send(frames.window_update(1, 99))
    assert [] == data(peer.read())
    peer.send(frames.window_update(1, 1))
    assert [(1, 100)] == data(peer.read())


@pytest.mark.parametrize("how", ["offered", "sent"])
def test_a_small_payload_goes_whole(how: str) -> None:
    """Into a window of its own size."""
    peer = Peer().open((4, 64))
    stream = peer.request(1)
    if how == "offered":
        assert stream.offer(bytes(64))
    else:
        stream.send(bytes(64), peer.now)
    assert [(1, 64)] == data(peer.read())


def test_a_small_window_is_used_after_a_tenth_of_the_stall() -> None:
    """A client with a window of 600 bytes that gives it back when it is used up goes on."""
    peer = Peer().open((4, 4096))
    stream = peer.request(1)
    stream.send(bytes(8192), peer.now)
    peer.read()
    peer.send(frames.window_update(1, 600))
    peer.now += 0.9
    assert [] == peer.check()
    assert [] == data(peer.read())
    peer.now += 0.1
    assert [] == peer.check()
    assert [(1, 600)] == data(peer.read())


def test_one_who_gives_single_bytes_is_no_faster_than_that() -> None:
    """CVE-2019-9511: one small frame a second, whatever the number of updates."""
    peer = Peer().open((4, 4096))
    peer.request(1).send(bytes(8192), peer.now)
    peer.read()
    sent = []
    for _ in range(20):
        for _ in range(5):
            peer.send(frames.window_update(1, 1))
        assert [] == peer.check()
        sent += data(peer.read())
        peer.now += 0.25
    assert len(sent) <= 5
    assert sum([size for _, size in sent]) <= 100


def test_who_initially_gives_little_is_served_by_halves() -> None:
    """6.9.2: with an initial window of 100 bytes, 50 are not few."""
    peer = Peer().open((4, 100))
    peer.request(1).send(bytes(150), peer.now)
    assert [(1, 100)] == data(peer.read())
    peer.send(frames.window_update(1, 49))
    assert [] == data(peer.read())
    peer.send(frames.window_update(1, 1))
    assert [(1, 50)] == data(peer.read())


def test_the_end_follows_what_is_pending() -> None:
    """8.1: trailers stand behind all DATA, whenever they were said."""
    peer = Peer().open((4, 4))
    stream = peer.request(1, end=True)
    stream.send(b"12345678", peer.now)
    stream.end(b"\x88")
    assert [(1, 4)] == data(peer.read())
    peer.send(frames.window_update(1, 4))
    assert [Kind.DATA, Kind.HEADERS] == [f.kind for f in peer.read()]
    assert {} == peer.connection.streams
    peer.connection.reset(stream, ErrorCode.CANCEL)
    assert [] == peer.read()


def test_what_is_written_at_once_overtakes_nothing() -> None:
    """`Output.direct` is used only while no frame waits for the end of the turn."""
    peer = wide(Peer().open(LARGE))
    stream = peer.request(1)
    peer.read()
    written: list[bytes] = []
    peer.connection.output.direct = written.append
    assert stream.offer(b"one")
    assert [frames.data(1, b"one")] == written
    peer.send(frames.ping(b"12345678"))
    assert stream.offer(b"two")
    assert [Kind.PING, Kind.DATA] == [f.kind for f in peer.read()]
    assert stream.offer(b"three")
    assert [frames.data(1, b"one"), frames.data(1, b"three")] == written
