"""DATA that says nothing or little, and DATA that nobody has asked for."""

from __future__ import annotations

import pytest

from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import MAX_FRAME_BYTES, PADDED, ErrorCode, Kind, data, frame
from tests.faults.scale import scaled
from tests.faults.server_process import MIB, ServerProcess
from tests.interop.raw_grpc import joining, said

from .hostile import UNKNOWN_FRAME, frame_header, headers
from .siege import besieged

FRAMES = scaled(50_000, 5_000_000)
NOTHING = {"empty": data(1, b""), "of padding alone": frame(Kind.DATA, PADDED, 1, b"\0")}


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("inside", [True, False], ids=["of a member", "before the join"])
def test_data_that_says_nothing(server: ServerProcess, what: str, inside: bool) -> None:
    """CVE-2019-9518: DATA without a byte and without an end."""
    with besieged(server, f"DATA {what}, {inside=}") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT))
        if inside:
            attacker.send(data(1, joining(siege.room, "Mallory")))
        attacker.send(NOTHING[what] * FRAMES)
        siege.ended_or_absorbed(attacker)


def test_messages_of_one_byte_frames(server: ServerProcess) -> None:
    """A member's messages, each byte in a DATA frame of its own, within the windows."""
    with besieged(server, "messages in DATA of one byte") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + data(1, joining(siege.room, "Mallory")))
        octets = said("") * 8000
        attacker.flood(data(1, octets[at : at + 1]) for at in range(50_000))
        siege.ended_or_absorbed(attacker)


@pytest.mark.parametrize(
    "kind", [Kind.DATA, Kind.HEADERS, UNKNOWN_FRAME], ids=["DATA", "HEADERS", "unknown"]
)
def test_a_frame_above_the_limit(server: ServerProcess, kind: int) -> None:
    """RFC 9113, 4.2: a frame that says it has 16 MiB is refused, whatever comes of it."""
    with besieged(server, f"a frame of 16 MiB, type {kind}") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + frame_header(2**24 - 1, kind, 0, 1))
        attacker.send(bytes(8 * MIB))
        siege.ended(attacker, ErrorCode.FRAME_SIZE_ERROR)


def test_data_beyond_the_window(server: ServerProcess) -> None:
    """RFC 9113, 6.9.1: who sends more than the window is not listened to, nor remembered.

    The messages are empty, of which a member may send few: the server gives back no window
    for the rest.
    """
    with besieged(server, "DATA beyond the window") as siege:
        attacker = siege.attacker()
        attacker.send(headers(1, CHAT) + data(1, joining(siege.room, "Mallory")))
        full = data(1, envelope(b"") * (MAX_FRAME_BYTES // len(envelope(b""))))
        attacker.send(full * scaled(64, 256) * (MIB // MAX_FRAME_BYTES))
        outcome = siege.outcome(attacker)
        if outcome == "absorbed":
            assert ErrorCode.FLOW_CONTROL_ERROR == attacker.resets.get(1)
        else:
            # What goes on after a stream's reset is a flood like any other.
            ends = {
                f"GOAWAY {code}"
                for code in (ErrorCode.FLOW_CONTROL_ERROR, ErrorCode.ENHANCE_YOUR_CALM)
            }
            assert outcome in {*ends, "closed"}
