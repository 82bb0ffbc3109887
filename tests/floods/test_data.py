"""DATA that says nothing or little, and DATA that nobody has asked for."""

from __future__ import annotations

import pytest

from bench.http2_frames import DATA, FRAME_LIMIT, HEADERS, PADDED, frame
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from tests.faults.scale import scaled
from tests.faults.server_process import MIB, ServerProcess
from tests.interop.raw_grpc import joining, said

from .hostile import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    UNKNOWN_FRAME,
    frame_header,
    headers,
)
from .siege import besieged

FRAMES = scaled(50_000, 5_000_000)
NOTHING = {"empty": frame(DATA, 0, 1), "of padding alone": frame(DATA, PADDED, 1, b"\0")}


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("inside", [True, False], ids=["of a member", "before the join"])
def test_data_that_says_nothing(server: ServerProcess, what: str, inside: bool) -> None:
    """CVE-2019-9518: DATA without a byte and without an end."""
    with besieged(server, f"DATA {what}, {inside=}") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT))
        if inside:
            attacker.send(frame(DATA, 0, 1, joining(siege.room, "Mallory")))
        attacker.send(NOTHING[what] * FRAMES)
        siege.ended_or_absorbed(attacker)


def test_messages_of_one_byte_frames(server: ServerProcess) -> None:
    """A member's messages, each byte in a DATA frame of its own, within the windows."""
    with besieged(server, "messages in DATA of one byte") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + frame(DATA, 0, 1, joining(siege.room, "Mallory")))
        octets = said("") * 8000
        attacker.flood(frame(DATA, 0, 1, octets[at : at + 1]) for at in range(50_000))
        siege.ended_or_absorbed(attacker)


@pytest.mark.parametrize("kind", [DATA, HEADERS, UNKNOWN_FRAME], ids=["DATA", "HEADERS", "unknown"])
def test_a_frame_above_the_limit(server: ServerProcess, kind: int) -> None:
    """RFC 9113, 4.2: a frame that says it has 16 MiB is refused, whatever comes of it."""
    with besieged(server, f"a frame of 16 MiB, type {kind}") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + frame_header(2**24 - 1, kind, 0, 1))
        attacker.send(bytes(8 * MIB))
        siege.ended(attacker, FRAME_SIZE_ERROR)


def test_data_beyond_the_window(server: ServerProcess) -> None:
    """RFC 9113, 6.9.1: who sends more than the window is not listened to, nor remembered.

    The messages are empty, of which a member may send few: the server gives back no window
    for the rest.
    """
    with besieged(server, "DATA beyond the window") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + frame(DATA, 0, 1, joining(siege.room, "Mallory")))
        full = frame(DATA, 0, 1, envelope(b"") * (FRAME_LIMIT // len(envelope(b""))))
        attacker.send(full * scaled(64, 256) * (MIB // FRAME_LIMIT))
        outcome = siege.outcome(attacker)
        if outcome == "absorbed":
            assert FLOW_CONTROL_ERROR == attacker.resets.get(1)
        else:
            # What goes on after a stream's reset is a flood like any other.
            ends = {f"GOAWAY {code}" for code in (FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM)}
            assert outcome in {*ends, "closed"}
