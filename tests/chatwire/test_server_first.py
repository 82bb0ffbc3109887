"""Connections on which the server speaks before the client."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.chatwire.capture import CaptureWriter
from chatroom.chatwire.decode import Kind, records
from chatroom.chatwire.decode.records import Frame
from chatroom.chatwire.passage import Missing, Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE

from .tshark import frames as listed
from .wire import REQUEST, Talk, kinds, notes

SETTINGS = frames.settings((4, 1_000_000), (5, 100_000))
ACK = frames.SETTINGS_ACK


def conversation() -> Talk:
    """The server announces larger windows and frames; the client knows, and uses both."""
    talk = Talk()
    talk.server(SETTINGS)
    talk.client(
        PREFACE,
        frames.settings(),
        ACK,
        frames.window_update(0, 5),
        talk.headers(Side.CLIENT, 1, REQUEST),
        frames.data(1, bytes(65_000)),
    )
    talk.server(ACK)
    return talk


def test_what_the_server_says_first_is_decoded_first() -> None:
    """Before the preface, when it passed."""
    talk = Talk()
    (settings,) = talk.server(SETTINGS)
    expected = (("INITIAL_WINDOW_SIZE", 1_000_000), ("MAX_FRAME_SIZE", 100_000))
    assert records.Settings(values=expected, acknowledges=False) == settings.detail
    assert [Kind.PREFACE, Kind.SETTINGS] == kinds(talk.client(PREFACE, frames.settings()))


def test_what_it_announced_is_in_force_once_acknowledged() -> None:
    """The client's first read may hold the acknowledgement and what it allows."""
    talk = conversation()
    (sent,) = (frame for frame in talk.made if frame.kind is Kind.DATA)
    assert isinstance(sent.detail, records.Data)
    assert records.Window(stream=935_000, connection=535) == sent.detail.window
    assert "" == notes(talk.made)


def test_any_cut_gives_the_same_frames() -> None:
    """Byte by byte, on both sides."""
    whole, cut = conversation(), Talk()
    for passage in whole.passages[1:]:
        for byte in passage.content:  # type: ignore[union-attr]
            cut.say(passage.sender, bytes([byte]))  # type: ignore[union-attr]

    def told(made: list[Frame]) -> list[tuple[object, ...]]:
        return [(frame.sender, frame.kind, frame.detail, frame.notes) for frame in made]

    assert told(whole.made) == told(cut.made)


def test_settings_that_come_within_the_preface_are_decoded_at_once() -> None:
    """Half of the preface is no reason to wait."""
    talk = Talk()
    assert [] == talk.client(PREFACE[:10])
    assert [Kind.SETTINGS] == kinds(talk.server(SETTINGS))
    assert [Kind.PREFACE] == kinds(talk.client(PREFACE[10:]))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no connection preface"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "--tls has the tap speak it"),
    ],
)
def test_a_client_without_a_preface_is_counted(said: bytes, why: str) -> None:
    """And why; what the server says is decoded all the same."""
    talk = Talk()
    talk.server(SETTINGS)
    made = [*talk.client(said[:3]), *talk.client(said[3:]), *talk.client(b"more")]
    assert [Kind.BYTES] == kinds(made)
    assert why in notes(made)
    assert [Kind.SETTINGS] == kinds(talk.server(ACK))
    (ended,) = talk.end(Side.CLIENT)
    assert records.Ended(reset=False, undecoded=len(said) + 4) == ended.detail


def test_a_preface_that_stops_is_said() -> None:
    """The client ends inside of it."""
    talk = Talk()
    talk.server(SETTINGS)
    talk.client(PREFACE[:5])
    made = talk.end(Side.CLIENT)
    assert [Kind.BYTES, Kind.ENDED] == kinds(made)
    assert records.Ended(reset=False, undecoded=5) == made[1].detail


def test_a_hole_instead_of_the_preface() -> None:
    """What follows is decoded from the next frame boundary on."""
    talk = Talk()
    talk.server(SETTINGS)
    talk.pass_on(Missing(connection=1, time=talk.now, sender=Side.CLIENT, count=24))
    made = talk.client(frames.settings(), ACK, frames.window_update(0, 5), ACK)
    assert [Kind.SETTINGS, Kind.SETTINGS, Kind.WINDOW_UPDATE, Kind.SETTINGS] == kinds(made)


def test_tshark_lists_the_same_frames_in_the_same_order(tmp_path: Path) -> None:
    """Told that the port speaks HTTP/2, which it cannot know before the preface."""
    talk = conversation()
    path = tmp_path / "first.pcapng"
    with CaptureWriter(path, print) as writer:
        for passage in talk.passages:
            writer.write(passage)
    expected = [
        (frame.sender is Side.SERVER, frame.kind.value, frame.stream, frame.length)
        for frame in talk.made
        if frame.type is not None
    ]
    seen = [
        (one.sender_port == 8080, one.kind, one.stream, one.length)
        for one in listed(path, home=tmp_path)
    ]
    assert expected == seen
