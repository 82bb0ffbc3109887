"""Whatever bytes come, under whatever plan: nothing raises, and what ends does end."""

from __future__ import annotations

import random

import pytest
from hpack import Encoder

from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.faults.connection import Deliver, Faults, Finish
from chatroom.chatwire.faults.meaning import Meanings
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE
from tests.faults.scale import scaled

from .sides import REQUEST

SEEDS = scaled(200, 2000, brief=60)
PLAN = Plan.of(
    "drop message 2", "double message 3", "reorder message 4", "delay message 5: 1s",
    "hold message 6: key a", 'drop text "a" chance 20%', "withhold up: 1s",
    "answer call 3: INTERNAL", "trailers: missing", "inject down message 7: ping",
    "inject up message 7: settings INITIAL_WINDOW_SIZE=9", "drop field 1.2=x chance 50%",
    "inject down call 4: rst_stream CANCEL",
)  # fmt: skip
KINDS = (0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200)


def frame(chance: random.Random, encoder: Encoder) -> bytes:
    """A frame: sometimes right, mostly nearly, sometimes of any bytes."""
    stream = chance.choice((0, 1, 1, 2, 3, 5, 7, chance.getrandbits(31)))
    what = chance.random()
    if what < 0.25:
        return frames.headers(stream, encoder.encode(REQUEST), end=chance.random() < 0.3)
    if what < 0.5:
        message = envelope(chance.randbytes(chance.choice((0, 1, 30, 20_000))))
        return b"".join(
            frames.data(stream, message[at : at + 16384], end=chance.random() < 0.1)
            for at in range(0, len(message), 16384)
        )
    payload = chance.randbytes(chance.choice((0, 1, 4, 5, 6, 8, 12, 100)))
    raw = frames.frame(chance.choice(KINDS), chance.getrandbits(8), stream, payload)
    return raw if what < 0.98 else chance.randbytes(chance.randrange(60))


@pytest.mark.shortened
@pytest.mark.parametrize("part", range(4))
def test_no_bytes_make_it_raise(part: int) -> None:
    """Frames of both sides, cut anywhere, with time and keys between; then the end of both."""
    for seed in range(part, SEEDS, 4):
        chance = random.Random(seed)
        faults = Faults(PLAN, 1, Meanings(own_schema()), 0.0)
        encoders = {side: Encoder() for side in Side}
        now = 0.0
        if chance.random() < 0.95:
            faults.receive(Side.CLIENT, PREFACE, now)
        for _ in range(60):
            side = chance.choice(list(Side))
            octets = b"".join(frame(chance, encoders[side]) for _ in range(chance.randrange(4)))
            cut = chance.randrange(len(octets) + 1)
            for piece in (octets[:cut], octets[cut:]):
                if piece:
                    passed = faults.passes(side, piece)
                    if piece[passed:]:
                        faults.receive(side, piece[passed:], now)
            now += chance.random()
            faults.tick(now)
            if chance.random() < 0.1:
                faults.release("a", now)
            faults.take()
        for side in Side:
            faults.end(side, now)
        for _ in range(1000):
            if (due := faults.timer) > now + 1000:
                break
            now = max(now, due)
            faults.tick(now)
        else:
            raise AssertionError(f"seed {seed}: its timers never come to an end")


def test_what_is_no_http2_passes_as_it_is() -> None:
    """Also where the server speaks first, and where little comes."""
    for first, octets in (
        (Side.SERVER, b"220 hello\r\n"),
        (Side.CLIENT, b"\x16\x03\x01\x00"),
        (Side.SERVER, b"\0"),
    ):
        faults = Faults(PLAN, 1, Meanings(own_schema()), 0.0)
        faults.receive(first, octets, 0.0)
        faults.end(first, 0.0)
        faults.end(first.other, 0.0)
        actions = faults.take()
        passed = b"".join(one.content for one in actions if isinstance(one, Deliver))
        assert octets == passed
        assert {Finish(side) for side in Side} <= {
            one for one in actions if isinstance(one, Finish)
        }
