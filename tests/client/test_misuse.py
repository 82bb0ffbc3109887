"""What is used before its block is entered: nothing happens, or a sentence says what to do."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.client import NotInRoom, connect


def test_room_is_used_inside_its_block() -> None:
    """Nothing comes and nothing can be said; leaving, typing and waiting need not wait."""

    async def scene() -> None:
        async with asyncio.timeout(30), connect("localhost") as chat:
            room = chat.join("1", "Bob")
            with pytest.raises(RuntimeError, match="enter the room first"):
                await anext(room)
            with pytest.raises(NotInRoom, match="you are not in the room"):
                await room.post("hello")
            await room.typing()
            await room.wait_live()
            await room.leave()
            assert ("Bob", None, None, 0) == (
                room.name, room.joined, room.members, room.unacknowledged,
            )  # fmt: skip

    asyncio.run(scene())
