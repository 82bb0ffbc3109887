"""What is written to a capture is read back from it."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatwire.capture import CaptureWriter, read_capture
from chatroom.chatwire.capture.blocks import read_packets
from chatroom.chatwire.capture.segments import segment_of
from chatroom.chatwire.passage import Chunk, Ended, Missing, Opened, Passage, Side

START = 1_790_000_000_123_456_789
HOSTS = ["127.0.0.1", "10.0.0.7", "::1", "fe80::1%lo", "2001:db8::2"]


def write(path: Path, passages: Iterable[Passage]) -> list[str]:
    """Write a capture; what the writer said about it."""
    said: list[str] = []
    with CaptureWriter(path, said.append) as writer:
        for passage in passages:
            writer.write(passage)
    return said


LARGE = pytest.mark.filterwarnings("ignore:Generating overly large repr")
"""Chunks are larger than a packet; that is no mistake of the test's."""


@st.composite
def traffic(draw: st.DrawFn) -> list[Passage]:
    """What a tap sees: connections that overlap, each opened first, its sides ended once."""
    passages: list[Passage] = []
    time = START
    open_sides: dict[int, set[Side]] = {}
    count = draw(st.integers(1, 4))
    host = st.sampled_from(HOSTS)
    # Few ports, so that connections clash.
    port = st.sampled_from([1, 80, 8080, 8081, 40000, 65535])
    for _ in range(draw(st.integers(1, 25))):
        time += draw(st.integers(0, 10**9))
        if len(open_sides) < count and (not open_sides or draw(st.booleans())):
            number = len(open_sides) + 1
            open_sides[number] = set(Side)
            passages.append(
                Opened(
                    connection=number,
                    time=time,
                    client=(draw(host), draw(port)),
                    server=(draw(host), draw(port)),
                )
            )
            continue
        number = draw(st.sampled_from(sorted(open_sides)))
        if not open_sides[number]:
            continue
        sender = draw(st.sampled_from(sorted(open_sides[number])))
        kind = draw(
            st.sampled_from(["chunk", "chunk", "chunk", "large", "missing", "end", "reset"])
        )
        if kind == "chunk":
            content = draw(st.binary(min_size=1, max_size=40))
            passages.append(Chunk(connection=number, time=time, sender=sender, content=content))
        elif kind == "large":
            content = bytes(range(251)) * draw(st.integers(261, 800))
            passages.append(Chunk(connection=number, time=time, sender=sender, content=content))
        elif kind == "missing":
            lost = draw(st.integers(2, 100_000))
            passages.append(Missing(connection=number, time=time, sender=sender, count=lost))
        else:
            open_sides[number].discard(sender)
            reset = kind == "reset"
            passages.append(Ended(connection=number, time=time, sender=sender, reset=reset))
    return passages


def with_every_end(passages: list[Passage]) -> list[Passage]:
    """After a reset of one side the other is over as well, at the latest with the capture."""
    ends = [each for each in passages if isinstance(each, Ended)]
    ended = {(each.connection, each.sender) for each in ends}
    last = passages[-1].time
    return passages + [
        Ended(connection=each.connection, time=last, sender=each.sender.other, reset=True)
        for each in ends
        if each.reset and (each.connection, each.sender.other) not in ended
    ]


def by_side(passages: Iterable[Passage]) -> dict[tuple[int, Side], list[object]]:
    """What each side of each connection did: chunks of one moment joined, holes joined."""
    sides: dict[tuple[int, Side], list[object]] = {}
    for passage in passages:
        if isinstance(passage, Chunk):
            done: object = ("chunk", passage.time, passage.content)
        elif isinstance(passage, Missing):
            done = ("missing", 0, passage.count)
        elif isinstance(passage, Ended):
            done = ("reset" if passage.reset else "end", passage.time, None)
        else:
            continue
        sides.setdefault((passage.connection, passage.sender), []).append(done)
    return {key: list(_joined(each)) for key, each in sides.items()}


def _joined(done: list[object]) -> Iterable[object]:
    for (kind, time), group in groupby(done, key=lambda each: each[:2]):  # type: ignore[index]
        parts = [each[2] for each in group]  # type: ignore[index]
        if kind == "chunk":
            yield kind, time, b"".join(parts)
        elif kind == "missing":
            yield kind, sum(parts)
        else:
            yield kind, time


@LARGE
@given(traffic())
def test_a_capture_gives_back_what_was_written(passages: list[Passage]) -> None:
    """Every side's bytes, holes and ends come back, with their times, each side's in order."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "round.pcapng"
        assert [] == write(path, passages)
        said: list[str] = []
        read = list(read_capture(path, say=said.append))
    assert [] == said
    assert by_side(with_every_end(passages)) == by_side(read)
    for side in Side:
        for number in {each.connection for each in read}:
            times = [
                each.time
                for each in read
                if each.connection == number and getattr(each, "sender", None) is side
            ]
            assert sorted(times) == times

    def opened(of: list[Passage]) -> list[tuple[int, int, bool]]:
        return [
            (each.connection, each.time, each.midway) for each in of if isinstance(each, Opened)
        ]

    assert opened(passages) == opened(read)


@LARGE
@given(traffic())
def test_order_between_the_sides_and_connections_is_kept(passages: list[Passage]) -> None:
    """But for holes, which come when it is certain that they stay."""

    def order(of: list[Passage]) -> list[object]:
        return [
            key
            for key, _ in groupby(
                (type(each), each.connection, each.time, getattr(each, "sender", None))
                for each in of
                if not isinstance(each, Missing)
            )
        ]

    with TemporaryDirectory() as directory:
        path = Path(directory) / "round.pcapng"
        write(path, passages)
        expected, read = order(passages), order(list(read_capture(path)))
        assert expected == read[: len(expected)]
        assert {Ended} >= {each[0] for each in read[len(expected) :]}  # type: ignore[index]


def test_clashing_addresses_are_kept_apart(tmp_path: Path) -> None:
    """Connections from one address to servers that differ in their port only stay apart."""
    passages: list[Passage] = []
    for number in (1, 2, 3):
        passages += [
            Opened(
                connection=number,
                time=START + number,
                client=("127.0.0.1", 40000),
                server=("127.0.0.1", 50000 + number),
            ),
            Chunk(
                connection=number,
                time=START + number,
                sender=Side.CLIENT,
                content=b"from %d" % number,
            ),
        ]
    path = tmp_path / "clash.pcapng"
    write(path, passages)
    read = list(read_capture(path))
    assert by_side(passages) == by_side(read)
    expected = [each for each in passages if isinstance(each, Opened)]
    assert expected == [each for each in read if isinstance(each, Opened)]
    packets = list(read_packets(BytesIO(path.read_bytes())))
    assert 3 == len({
        frozenset((segment.source, segment.destination))
        for segment in map(segment_of, packets)
    })  # fmt: skip


def test_a_connection_begun_midway_is_read_as_such(tmp_path: Path) -> None:
    """Without SYN; its sides are told apart by the server's written port."""
    opened = Opened(connection=1, time=START, client=("::1", 40000), server=("::1", 7), midway=True)
    said = Chunk(connection=1, time=START + 1, sender=Side.SERVER, content=b"news")
    answer = Chunk(connection=1, time=START + 2, sender=Side.CLIENT, content=b"thanks")
    end = Ended(connection=1, time=START + 3, sender=Side.CLIENT)
    path = tmp_path / "midway.pcapng"
    write(path, [opened, said, answer, end])
    first, *rest = read_capture(path)
    expected = Opened(
        connection=1, time=START + 1, client=("::1", 40000), server=("::1", 7), midway=True
    )
    assert expected == first
    assert [said, answer, end] == rest


def test_a_hole_of_unknown_size_is_a_hole(tmp_path: Path) -> None:
    """Of at least one byte, at its place; nothing after it is lost."""
    passages = [
        Opened(connection=1, time=START, client=("::1", 40000), server=("::1", 7)),
        Chunk(connection=1, time=START, sender=Side.CLIENT, content=b"before"),
        Missing(connection=1, time=START, sender=Side.CLIENT, count=None),
        Chunk(connection=1, time=START, sender=Side.CLIENT, content=b"after"),
    ]
    path = tmp_path / "hole.pcapng"
    write(path, passages)
    assert [
        ("chunk", START, b"before"),
        ("missing", 1),
        ("chunk", START, b"after"),
    ] == by_side(read_capture(path))[1, Side.CLIENT]
