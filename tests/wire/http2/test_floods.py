"""Floods: each rate of `Http2Limits` is reached by one test, and just not by another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.connection import Phase
from chatroom.wire.http2.frames import ErrorCode, Kind, frame
from chatroom.wire.http2.limits import Http2Limits, Rate

from .peer import Peer


@dataclass(frozen=True)
class Flood:
    """Frames of one kind, the `n`th of which `frame` gives."""

    what: str
    limits: Http2Limits
    frame: Callable[[Peer, int], bytes]


def few(rate: str) -> Http2Limits:
    """Three at once, two a second; the other rates as they are."""
    return Http2Limits(**{rate: Rate(3, 2.0)})


def rapid_reset(peer: Peer, n: int) -> bytes:
    stream_id = 2 * n + 3
    return frames.headers(stream_id, peer.block()) + frames.rst_stream(stream_id, 8)


def made_you_reset(peer: Peer, n: int) -> bytes:
    stream_id = 2 * n + 3
    return frames.headers(stream_id, peer.block()) + frames.window_update(stream_id, 0)


FLOODS = {
    "CVE-2023-44487 rapid reset": Flood("resets", few("resets"), rapid_reset),
    "RST_STREAM again and again": Flood(
        "resets", few("resets"), lambda _peer, _n: frames.rst_stream(1, 8)
    ),
    "CVE-2025-8671 made you reset": Flood("faults", few("faults"), made_you_reset),
    "CVE-2019-9514 malformed requests": Flood(
        "faults", few("faults"), lambda _peer, n: frames.headers(2 * n + 3, b"\x82")
    ),
    "CVE-2019-9515 SETTINGS": Flood(
        "settings", few("settings"), lambda _peer, _n: frames.settings()
    ),
    "GOAWAY without an error": Flood(
        "settings", few("settings"), lambda _peer, _n: frames.goaway(0, 0)
    ),
    "CVE-2019-9512 PING": Flood("pings", few("pings"), lambda _peer, _n: frames.ping(b"12345678")),
    "CVE-2019-9518 empty DATA": Flood(
        "empty data", few("empty_data"), lambda _peer, _n: frames.data(1, b"")
    ),
    "CVE-2019-9518 DATA of padding": Flood(
        "empty data", few("empty_data"), lambda _peer, _n: frame(Kind.DATA, 8, 1, b"\2\0\0")
    ),
    "CVE-2019-9511 small updates of a stream": Flood(
        "small updates", few("small_updates"), lambda _peer, _n: frames.window_update(1, 1)
    ),
    "CVE-2019-9511 small updates of the connection": Flood(
        "small updates", few("small_updates"), lambda _peer, _n: frames.window_update(0, 1023)
    ),
    "CVE-2019-9513 PRIORITY": Flood(
        "idle frames", few("idle_frames"), lambda _peer, n: frame(2, 0, 2 * n + 3, bytes(5))
    ),
    "frames of no known kind": Flood(
        "idle frames", few("idle_frames"), lambda _peer, n: frame(0xB0 + n % 16, 0, 0)
    ),
}


def prepared(flood: Flood) -> Peer:
    """A connection with one stream."""
    peer = Peer(flood.limits).open()
    peer.request(1)
    return peer


def released(peer: Peer) -> None:
    """Have the calls of streams that are over end their work at once."""
    peer.connection.working = len(peer.connection.streams)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name: str) -> None:
    """Three are taken at once, the fourth is too much: ENHANCE_YOUR_CALM says of what."""
    flood = FLOODS[name]
    peer = prepared(flood)
    taken = -1
    while peer.connection.phase is not Phase.ENDED:
        taken += 1
        assert taken <= 3
        events = peer.send(flood.frame(peer, taken))
        released(peer)
    assert taken == (2 if flood.what == "settings" else 3)  # the connection began with one
    assert f"too many {flood.what}" == peer.ended(events, ErrorCode.ENHANCE_YOUR_CALM)


@pytest.mark.parametrize("name", FLOODS)
def test_just_no_flood_is_absorbed(name: str) -> None:
    """As many a second as the rate says, for a minute."""
    flood = FLOODS[name]
    peer = prepared(flood)
    for n in range(120):
        peer.now += 0.5
        peer.send(flood.frame(peer, n))
        released(peer)
        peer.read()
    assert Phase.OPEN is peer.connection.phase
    peer.request(1001)


def test_each_rate_has_its_flood() -> None:
    """A rate that is added here without a flood fails."""
    rates = [field.name for field in fields(Http2Limits) if field.type == "Rate"]
    assert sorted(rates) == sorted({flood.what.replace(" ", "_") for flood in FLOODS.values()})


def test_many_cancelled_streams_are_legal() -> None:
    """CVE-2023-44487's other side: a proxy cancels 128 streams at once, seven times."""
    peer = Peer().open()
    stream_id = 1
    for _ in range(7):
        streams = []
        for _ in range(128):
            streams.append(peer.request(stream_id))
            stream_id += 2
        for stream in streams:
            peer.send(frames.rst_stream(stream.stream_id, 8))
            peer.connection.release(stream)
    assert Phase.OPEN is peer.connection.phase


@pytest.mark.parametrize(
    "asked",
    [frames.ping(b"12345678"), frames.settings(), frames.headers(1, b"\x82")],
    ids=["PING", "SETTINGS", "a malformed request"],
)
def test_answers_are_counted(asked: bytes) -> None:
    """CVE-2019-9512, -9515: what waits to be written is known, so that its owner stops reading
    (`Http2Limits.read_hold`)."""
    peer = Peer().open()
    peer.connection.output.pause()
    assert 0 == peer.connection.output.bytes
    peer.send(asked)
    waiting = peer.connection.output.bytes
    assert b"" == peer.connection.data_to_send()
    assert waiting == peer.connection.output.bytes
    peer.connection.output.resume()
    assert waiting == len(peer.connection.data_to_send())
    assert waiting > 0
    assert 0 == peer.connection.output.bytes


def test_response_headers_are_counted() -> None:
    """CVE-2019-9517: requests whose answers nobody takes."""
    peer = Peer().open()
    stream = peer.request(1, end=True)
    peer.read()
    stream.headers(b"\x88", end=True)
    assert 10 == peer.connection.output.bytes


def test_no_stream_adds_data_to_what_is_not_taken() -> None:
    """CVE-2019-9517: windows wide open, and a socket that takes nothing: one round at most."""
    peer = Peer().open((4, 1 << 24))
    peer.send(frames.window_update(0, 1 << 24))
    streams = [peer.request(stream_id) for stream_id in range(1, 201, 2)]
    for stream in streams:
        stream.send(bytes(100_000), peer.now)
        peer.connection.advance(peer.now)
    assert peer.connection.output.bytes < 2 * 16_393
    peer.connection.output.pause()
    peer.connection.advance(peer.now)
    assert peer.connection.output.bytes < 2 * 16_393


def test_a_bucket_fills_again() -> None:
    """So many a second, and never more than the burst."""
    peer = Peer(few("pings")).open()
    peer.now += 1000
    for seconds, pings in ((0, 3), (0.5, 1), (1.0, 2), (1000, 3)):
        peer.now += seconds
        assert [] == peer.send(frames.ping(b"12345678") * pings)
    peer.ended(peer.send(frames.ping(b"12345678")), ErrorCode.ENHANCE_YOUR_CALM)
