"""Every byte of a capture is accounted for, at its time, whatever happened to its packets."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.chatwire.capture.conversations import Conversations
from chatroom.chatwire.capture.segments import Segment
from chatroom.chatwire.decode import Decoder, Frame, Kind, records
from chatroom.chatwire.passage import (
    Chunk,
    Ended,
    Missing,
    Opened,
    Passage,
    Side,
    Unused,
    Unwanted,
)
from chatroom.chatwire.show.summary import Summary
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK
from tests.faults.scale import scaled

CLIENT = ("10.0.0.1", 40000)
SERVER = ("10.0.0.2", 8080)
FIRST = {Side.CLIENT: 0xFFFF_FF80, Side.SERVER: 5000}
"""The client's numbers wrap around soon."""
MILLISECOND = 10**6
PING_BYTES = 17


def ping(side: Side, number: int) -> bytes:
    """Eight bytes that look like nothing else."""
    return hashlib.sha256(f"{side} {number}".encode()).digest()[:8]


def said(side: Side, pings: int) -> bytes:
    """A connection in which each side sends nothing but numbered PINGs."""
    begin = PREFACE + frames.settings() if side is Side.CLIENT else frames.settings() + SETTINGS_ACK
    return begin + b"".join(frames.ping(ping(side, number)) for number in range(pings))


@dataclass
class Sent:
    """What both sides sent, and the packets of it; offsets count from each side's first byte."""

    content: dict[Side, bytes]
    packets: list[Segment] = field(default_factory=list)
    reached: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))

    def packet(self, side: Side, payload: bytes = b"", **more: object) -> None:
        own, other = self.reached[side], self.reached[side.other]
        ends = (CLIENT, SERVER) if side is Side.CLIENT else (SERVER, CLIENT)
        self.packets.append(
            Segment(
                **{  # type: ignore[arg-type]
                    "time": 0,
                    "source": ends[0],
                    "destination": ends[1],
                    "sequence": (FIRST[side] + own) % 2**32,
                    "acknowledged": (FIRST[side.other] + other) % 2**32,
                    "payload": payload,
                    **more,
                }
            )
        )
        self.reached[side] += len(payload)


def sent(chance: random.Random, *, fin: bool) -> Sent:
    """A conversation in packets of all sizes, each acknowledging what was before it."""
    sent = Sent({side: said(side, chance.randrange(1, 12)) for side in Side})
    sent.packet(Side.CLIENT, syn=True, acknowledged=None)
    sent.packet(Side.SERVER, syn=True)
    sent.packet(Side.CLIENT)
    while any(sent.reached[side] < len(sent.content[side]) for side in Side):
        side = chance.choice(list(Side))
        start = sent.reached[side]
        size = chance.choice((1, 9, PING_BYTES, 40, 100))
        sent.packet(side, sent.content[side][start : start + size])
    if fin:
        sent.packet(Side.CLIENT, fin=True)
        sent.packet(Side.SERVER, fin=True)
    return sent


def mistreated(chance: random.Random, packets: list[Segment], *, altered: bool) -> list[Segment]:
    """Some dropped, doubled, moved, cut; all at times of their own. `altered`: some of the
    doubles have other bytes."""
    rate = chance.choice((0.0, 0.05, 0.2))
    captured: list[tuple[float, Segment]] = []
    for place, packet in enumerate(packets):
        kept = packet
        if chance.random() < rate:
            continue
        if chance.random() < rate and kept.payload:
            cut = chance.randrange(1, len(kept.payload) + 1)
            kept = replace(kept, payload=kept.payload[:-cut], cut=cut)
        moved = chance.randrange(1, 9) if chance.random() < rate else 0
        captured.append((place + moved, kept))
        if chance.random() < rate:
            again = packet
            if altered and chance.random() < 0.5:
                again = replace(packet, payload=bytes(byte ^ 0xFF for byte in packet.payload))
            captured.append((place + chance.randrange(20), again))
    if chance.random() < 0.3:
        captured = captured[chance.randrange(len(captured) + 1) :]  # joined midway
    if chance.random() < 0.3:
        only = chance.choice((CLIENT, SERVER))
        captured = [(place, one) for place, one in captured if one.source == only]
    captured.sort(key=lambda each: each[0])
    gaps = [chance.choice((1, 1, 1, 40, 3000)) * MILLISECOND for _ in captured]
    times = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    return [replace(one, time=time) for (_, one), time in zip(captured, times, strict=True)]


def side_of(segment: Segment) -> Side:
    return Side.CLIENT if segment.source == CLIENT else Side.SERVER


def offset_of(segment: Segment) -> int:
    """Of its first byte from the first byte of its side."""
    distance = (segment.sequence - FIRST[side_of(segment)]) % 2**32
    return distance - 2**32 if distance > 2**31 else distance


def passages_of(segments: Iterable[Segment]) -> list[Passage]:
    conversations = Conversations([SERVER[1]])
    made = [each for segment in segments for each in conversations.segment(segment)]
    return [*made, *conversations.rest()]


def decoded(passages: Iterable[Passage]) -> list[Frame]:
    decoder = Decoder()
    made = [frame for passage in passages for frame in decoder.take(passage)]
    return [*made, *decoder.finish()]


def captures(seed: int, *, altered: bool) -> list[Segment]:
    chance = random.Random(seed)
    packets = sent(chance, fin=chance.random() < 0.5).packets
    return mistreated(chance, packets, altered=altered)


@dataclass
class First:
    """The bytes of a side as they came first: which, and when, by offset."""

    byte: dict[int, int] = field(default_factory=dict)
    time: dict[int, int] = field(default_factory=dict)

    def add(self, segment: Segment) -> None:
        for place, byte in enumerate(segment.payload, offset_of(segment)):
            if place not in self.byte:
                self.byte[place], self.time[place] = byte, segment.time


def of_side(passages: list[Passage], side: Side) -> list[Chunk | Missing | Unused | Ended]:
    return [one for one in passages if not isinstance(one, Opened) and one.sender is side]


@settings(max_examples=scaled(300, 20_000, brief=100), deadline=None)
@given(st.integers(0, 1 << 40))
def test_every_byte_is_a_chunk_s_or_told_not_to_be(seed: int) -> None:
    """In its place, as it came first, at the time when it and all before it were there."""
    segments = captures(seed, altered=True)
    passages = passages_of(segments)
    for side in Side:
        own = [each for each in segments if side_of(each) is side]
        first = First()
        for each in own:
            first.add(each)
        told = of_side(passages, side)
        late = sum(one.count for one in told if isinstance(one, Unused) and late_one(one))
        if not any(isinstance(one, Chunk | Missing) for one in told):
            assert len(first.byte) == late
            continue
        place = beginning(side, segments, passages)
        covered: dict[int, tuple[int, int]] = {}
        for one in told:
            if isinstance(one, Chunk):
                for byte in one.content:
                    covered[place] = byte, one.time
                    place += 1
            elif isinstance(one, Missing):
                assert one.count is not None
                place += one.count
        # What is shown is what came first, and the rest is said to have come too late.
        assert {at: first.byte[at] for at in covered} == {at: b for at, (b, _) in covered.items()}
        assert len(first.byte) - len(covered) == late
        shown = [one for one in told if isinstance(one, Chunk | Missing)]
        assert not any(
            isinstance(one, Missing) and isinstance(following, Missing)
            for one, following in pairwise(shown)
        )
        now = 0
        for at in sorted(covered):
            now = max(now, first.time[at])
            assert now == covered[at][1]


def late_one(one: Unused) -> bool:
    return one.why in (Unwanted.TOO_LATE, Unwanted.AFTER_THE_END)


def beginning(side: Side, segments: list[Segment], passages: list[Passage]) -> int:
    """The offset of a side's first byte that can be known.

    Where its first packet begins, or what the other side has acknowledged before that.
    """
    opened = next(one for one in passages if isinstance(one, Opened))
    for each in segments:
        if each.time >= opened.time:
            if side_of(each) is side:
                return offset_of(each)
            if not opened.midway and each.acknowledged is not None:
                return (each.acknowledged - FIRST[side]) % 2**32
    raise AssertionError("no packet says anything of it")


@settings(max_examples=scaled(300, 20_000, brief=100), deadline=None)
@given(st.integers(0, 1 << 40))
def test_every_byte_is_in_a_frame_or_said_to_be_undecoded(seed: int) -> None:
    """Frames, what is undecoded and what is missing are together what passed; PINGs in time."""
    passages = passages_of(captures(seed, altered=False))
    made = decoded(passages)
    for side in Side:
        told = of_side(passages, side)
        chunks = [one for one in told if isinstance(one, Chunk)]
        known = sum(len(one.content) for one in chunks)
        missing = sum(one.count or 0 for one in told if isinstance(one, Missing))
        accounted = sum(accounted_by(frame) for frame in made if frame.sender is side)
        assert known <= accounted
        # After a hole a boundary may be found where none is: then there are frames of other kinds.
        if {frame.kind for frame in made if frame.type is not None} <= {Kind.SETTINGS, Kind.PING}:
            unfinished = 8  # the last PING may be cut by a hole and the end
            assert accounted <= known + missing + unfinished
        times = dict(ping_times(side, chunks))
        for frame in made:
            if frame.sender is side and isinstance(frame.detail, records.Ping):
                assert times.get(frame.detail.opaque, frame.time) == frame.time


def accounted_by(frame: Frame) -> int:
    detail = frame.detail
    if isinstance(detail, records.Ended | records.Stopped):
        return detail.undecoded
    if frame.kind is Kind.PREFACE:
        return len(PREFACE)
    return 9 + frame.length if frame.type is not None else 0


def ping_times(side: Side, chunks: list[Chunk]) -> Iterable[tuple[bytes, int]]:
    """When the last byte of each PING came that is all there."""
    content = b"".join(one.content for one in chunks)
    times = [one.time for one in chunks for _ in one.content]
    for number in range(12):
        whole = frames.ping(ping(side, number))
        if (at := content.find(whole)) >= 0:
            yield ping(side, number), times[at + len(whole) - 1]


def midway(*packets: Segment) -> list[Frame]:
    return decoded(passages_of(packets))


def from_server(offset: int, payload: bytes, time: int, **more: object) -> Segment:
    given = Segment(
        time=time, source=SERVER, destination=CLIENT, sequence=(5000 + offset) % 2**32,
        acknowledged=None, payload=payload,
    )  # fmt: skip
    return replace(given, **more)  # type: ignore[arg-type]


def test_what_was_joined_midway_is_told_without_an_end() -> None:
    """Of 1,345 bytes in which no frame is found, all are said to be undecoded."""
    noise = bytes([1, 2, 3, 4, 5]) * 269
    made = midway(from_server(0, noise[:700], 5), from_server(700, noise[700:], 9))
    assert [Kind.OPENED, Kind.BYTES, Kind.STOPPED] == [frame.kind for frame in made]
    assert records.Stopped(undecoded=1345) == made[-1].detail
    assert 9 == made[-1].time
    summary = Summary()
    for frame in made:
        summary.take(frame)
    assert "from the server: 0 messages, 1345 bytes, 0 frames" in summary.as_text()


def test_one_direction_with_a_hole_is_shown_in_time_and_at_its_times() -> None:
    """The hole is given up a second later, whichever connection has the packet that tells so."""
    conversations = Conversations()
    beginning = said(Side.SERVER, 8)
    held = len(beginning) - 3 * PING_BYTES
    second = 10**9
    list(conversations.segment(from_server(0, beginning[:held], 1)))
    behind = from_server(held + PING_BYTES, beginning[held + PING_BYTES :], 2)
    assert [] == list(conversations.segment(behind))
    elsewhere = from_server(0, b"x", 2 + second, destination=("10.0.0.3", 1))
    hole, chunk, *_ = conversations.segment(elsewhere)
    assert Missing(connection=1, time=2, sender=Side.SERVER, count=PING_BYTES) == hole
    assert isinstance(chunk, Chunk)
    assert (2, beginning[held + PING_BYTES :]) == (chunk.time, chunk.content)


@pytest.mark.parametrize("whole", [True, False], ids=["content too", "headers alone"])
def test_holes_side_by_side_are_one(whole: bool) -> None:
    """Packets cut by the capture one after another, and lost ones between."""
    cut = [from_server(10 * number, b"", number, cut=10) for number in (0, 1, 2, 4, 5)]
    after = [from_server(60, b"x", 9, acknowledged=None)] if whole else []
    told = [one for one in passages_of([*cut, *after]) if isinstance(one, Missing)]
    assert [60] == [one.count for one in told]


def test_of_two_versions_the_first_counts_and_the_other_is_told() -> None:
    """Behind a hole, and of what was shown already; a byte that only keeps alive is neither."""
    packets = [
        from_server(0, b"abcdef", 1),
        from_server(10, b"KLM", 2),
        from_server(9, b"jkl", 3),
        from_server(3, b"DEFGHI", 4),
        from_server(12, b"\0", 5),
    ]
    told = of_side(passages_of(packets), Side.SERVER)
    assert b"abcdefGHIjKLM" == b"".join(one.content for one in told if isinstance(one, Chunk))
    assert [(3, 2, "different"), (4, 3, "different")] == [
        (one.time, one.count, one.why) for one in told if isinstance(one, Unused)
    ]


def test_bytes_that_come_after_their_hole_was_told() -> None:
    """Are said to be too late, once; so are those after the end."""
    packets = [
        from_server(5, b"fgh", 1),
        from_server(0, b"abcde", 2),
        from_server(0, b"abcde", 3),
        from_server(8, b"", 4, fin=True),
        from_server(9, b"more", 5),
    ]
    told = of_side(passages_of(packets), Side.SERVER)
    assert [(5, "too late"), (4, "after the end")] == [
        (one.count, one.why) for one in told if isinstance(one, Unused)
    ]
