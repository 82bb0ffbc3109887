"""Many things, a few in each turn of the loop."""

from __future__ import annotations

import asyncio

from chatroom.server.port.slices import in_slices


def test_others_have_their_turn_after_so_many() -> None:
    """Ten in slices of four: three turns, in order; what comes meanwhile is for the next time."""

    async def scene() -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        beside = asyncio.create_task(others())
        things = list(range(10))
        seen: list[tuple[int, int]] = []
        await asyncio.sleep(0)
        async for thing in in_slices(things, 4):
            seen.append((thing, turns))
            things.append(99)
        beside.cancel()
        assert list(range(10)) == [thing for thing, _ in seen]
        assert [0] * 4 + [1] * 4 + [2] * 2 == [turn - seen[0][1] for _, turn in seen]

    asyncio.run(scene())
