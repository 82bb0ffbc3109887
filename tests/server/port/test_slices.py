"""Many things, a few in each turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from chatroom.server.port import slices
from chatroom.server.port.slices import PIECES, spread


async def pieces(
    monkeypatch: pytest.MonkeyPatch, things: Collection[int], size: int
) -> tuple[list[list[int]], list[float]]:
    """What is spread over 0.5 s, piece by piece, and the pauses before each."""
    found: list[list[int]] = []
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def paused(seconds: float) -> None:
        pauses.append(seconds)
        found.append([])
        await sleep(0)

    monkeypatch.setattr(slices.asyncio, "sleep", paused)
    async for thing in spread(things, 0.5, size):
        found[-1].append(thing)
    return found, pauses


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, [0]), (1, [1]), (4, [4]), (10, [4, 4, 2]), (4 * PIECES + 1, [5] * 32 + [1])],
)
def test_they_come_in_pieces_over_the_whole_time(
    monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]
) -> None:
    found, pauses = asyncio.run(pieces(monkeypatch, range(count), 4))
    assert sizes == [len(piece) for piece in found]
    assert list(range(count)) == [thing for piece in found for thing in piece]
    assert pytest.approx([0.5 / len(sizes)] * len(sizes)) == pauses


def test_what_comes_meanwhile_is_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    things = [1, 2, 3]

    async def scene() -> list[int]:
        seen = []
        async for thing in spread(things, 0.0, 1):
            things.append(99)
            seen.append(thing)
        return seen

    assert [1, 2, 3] == asyncio.run(scene())
