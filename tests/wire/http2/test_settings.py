"""SETTINGS, both ways (RFC 9113, 6.5)."""

from __future__ import annotations

import pytest

from chatroom.wire.http2.events import ConnectionEnded, DataReceived
from chatroom.wire.http2.frames import PREFACE, ErrorCode, Kind, Setting
from chatroom.wire.http2.limits import Http2Limits

from .peer import OK, REQUEST, Peer, encoded, resets


def test_what_we_say_first() -> None:
    """Ours are the first frame, and the connection's window follows (3.4, 6.9.2)."""
    assert Peer().written() == bytes.fromhex(
        "000012 04 00 00000000"
        "0003 000000a0"  # MAX_CONCURRENT_STREAMS 160
        "0004 00004000"  # INITIAL_WINDOW_SIZE 16 KiB
        "0006 00004000"  # MAX_HEADER_LIST_SIZE 16 KiB
        "000004 08 00 00000000 003f0001"  # 4 MiB in all
    )


def test_settings_are_acknowledged() -> None:
    """6.5.3; the preface and SETTINGS may come byte by byte."""
    peer = Peer()
    peer.read()
    for octet in PREFACE + bytes.fromhex("000000 04 00 00000000"):
        assert [] == peer.send(bytes((octet,)))
    assert bytes.fromhex("000000 04 01 00000000") == peer.written()


def test_unknown_settings_and_frames_are_ignored() -> None:
    """5.5 and 6.5.2."""
    peer = Peer().open()
    said = bytes.fromhex(
        "000006 04 00 00000000 0f0f 01020304000003 fa ff 00000000 aabbcc000001 fa 00 00000063 00"
    )
    assert [] == peer.send(said)
    assert bytes.fromhex("000000 04 01 00000000") == peer.written()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("000000 04 00 00000001", ErrorCode.PROTOCOL_ERROR),
        ("000001 04 01 00000000 00", ErrorCode.FRAME_SIZE_ERROR),
        ("000005 04 00 00000000 0000000000", ErrorCode.FRAME_SIZE_ERROR),
        ("000006 04 00 00000000 0002 00000002", ErrorCode.PROTOCOL_ERROR),
        ("000006 04 00 00000000 0004 80000000", ErrorCode.FLOW_CONTROL_ERROR),
        ("000006 04 00 00000000 0005 00003fff", ErrorCode.PROTOCOL_ERROR),
        ("000006 04 00 00000000 0005 01000000", ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_settings_that_are_none(frame: str, code: ErrorCode) -> None:
    """6.5 and 6.5.2: each ends the connection with the code it has there."""
    peer = Peer().open()
    peer.ended(peer.send(bytes.fromhex(frame)), code)


def test_a_frame_before_settings() -> None:
    """3.4: the first frame is SETTINGS, and no acknowledgement."""
    for frame in ("000008 06 00 00000000 0000000000000000", "000000 04 01 00000000"):
        peer = Peer()
        peer.ended(peer.send(PREFACE + bytes.fromhex(frame)), ErrorCode.PROTOCOL_ERROR)


def test_before_ours_are_acknowledged_the_defaults_hold() -> None:
    """6.5.3: 65,535 bytes a stream are legal until then, and more streams than we announce."""
    peer = Peer(Http2Limits(streams=2)).open(settled=False)
    for _ in range(2):
        stream = peer.request()
        for _ in range(3):
            peer.client.data(stream.stream_id, bytes(16_384))
        peer.client.data(stream.stream_id, bytes(16_383))
        came = [event.data for event in peer.tell() if isinstance(event, DataReceived)]
        assert 65_535 == len(b"".join(came))
    for _ in range(300):  # no bucket: it cannot know better
        peer.client.request(encoded(*REQUEST), end=True)
    assert peer.tell() == []
    assert resets(peer.read_all()) == [(5 + 2 * n, ErrorCode.REFUSED_STREAM) for n in range(300)]
    peer.client.acknowledge_settings()
    peer.tell()
    assert [stream.receive.left for stream in peer.connection.streams.values()] == [
        -49_151,
        -49_151,
    ]


def test_an_empty_end_on_a_window_below_zero() -> None:
    """6.9.1: a frame of no bytes may be sent whatever the window is."""
    peer = Peer().open(settled=False)
    stream = peer.request()
    peer.client.data(stream.stream_id, bytes(16_384))
    peer.client.data(stream.stream_id, bytes(16_384))
    peer.client.acknowledge_settings()
    peer.client.data(stream.stream_id, b"", end=True)
    peer.tell()
    assert resets(peer.read_all()) == []


def test_a_smaller_initial_window_moves_all_streams() -> None:
    """6.9.2: windows may come to be below 0, and then what waits, waits."""
    peer = Peer().open((Setting.INITIAL_WINDOW_SIZE, 2000))
    streams = [peer.request(), peer.request()]
    for stream in streams:
        stream.headers(OK)
        stream.send(bytes(1500), peer.now)
    assert [stream.window for stream in streams] == [500, 500]
    peer.read_all()
    peer.client.settings((Setting.INITIAL_WINDOW_SIZE, 100))
    peer.tell()
    assert [(Kind.SETTINGS, 0)] == [(f.kind, f.stream_id) for f in peer.read_all()]
    assert [stream.window for stream in streams] == [-1400, -1400]
    for stream in streams:
        stream.send(b"x" * 10, peer.now)
    assert b"" == peer.written()
    peer.client.settings((Setting.INITIAL_WINDOW_SIZE, 1510))
    peer.tell()
    assert [frame.payload for frame in peer.read_all() if frame.kind == Kind.DATA] == [
        b"x" * 10
    ] * 2
    assert [stream.window for stream in streams] == [0, 0]


def test_an_initial_window_that_overflows_one() -> None:
    """6.9.2: above 2^31-1 ends the connection."""
    peer = Peer().open()
    peer.request()
    peer.client.window_update(1, (1 << 31) - 1 - 65_535)
    peer.client.settings((Setting.INITIAL_WINDOW_SIZE, 65_536))
    peer.ended(peer.tell(), ErrorCode.FLOW_CONTROL_ERROR)


def test_many_windows_in_one_frame_move_the_streams_once() -> None:
    """CVE-2019-9515: 2,700 changes of 160 streams in one frame would cost 0.1 s.

    Only the last counts: the first would overflow the window, were it applied.
    """
    peer = Peer().open()
    stream = peer.request()
    peer.client.window_update(1, 1000)
    peer.client.settings(
        (Setting.INITIAL_WINDOW_SIZE, (1 << 31) - 1), (Setting.INITIAL_WINDOW_SIZE, 5)
    )
    peer.tell()
    assert 1005 == stream.window
    assert peer.alive()


def test_settings_time_out() -> None:
    """6.5.3: ours are acknowledged within 10 s, or SETTINGS_TIMEOUT."""
    peer = Peer().open(settled=False)
    assert [] == peer.check(9.9)
    peer.client.ping(bytes(8))
    assert [] == peer.tell()
    peer.ended(peer.check(0.1), ErrorCode.SETTINGS_TIMEOUT)


def test_a_settings_flood() -> None:
    """CVE-2019-9515; so many acknowledgements are none of ours either."""
    for frame in ("000000 04 00 00000000", "000000 04 01 00000000"):
        peer = Peer().open()
        assert [] == peer.send(bytes.fromhex(frame) * 48)
        peer.ended(peer.send(bytes.fromhex(frame) * 10), ErrorCode.ENHANCE_YOUR_CALM)


def test_nothing_after_the_end_begins_a_call() -> None:
    """6.8: what follows a client's GOAWAY with an error, in the same read, is not served."""
    peer = Peer().open()
    peer.client.goaway(ErrorCode.INTERNAL_ERROR, b"oh")
    peer.client.request(encoded(*REQUEST))
    (event,) = peer.tell()
    assert isinstance(event, ConnectionEnded)
    assert (True, 2, "oh") == (event.by_peer, event.code, event.reason)
