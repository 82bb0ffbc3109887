"""Scripts that speak under one name at the same time take turns: a name is in a room once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from chatroom.chatter.failures import NameInUse
from chatroom.client import NameTaken
from chatroom.client.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chatroom.client import Chat, Room

NAME_SECONDS = 20.0
"""How long a name in use is waited for: longer than the 15 s for which a server keeps the
place of a member whose connection was lost, as of a script that was killed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Bounds of the pauses, in seconds. Saying one thing takes some hundredths of a second."""


@asynccontextmanager
async def in_turn(
    chat: Chat, room_id: str, name: str, *, patience: float = NAME_SECONDS
) -> AsyncIterator[Room]:
    """Be in the room under the name, without its history, once nobody else is.

    Raises ChatError; NameInUse when the name was in use for `patience` seconds.
    """
    async with AsyncExitStack() as entered:
        room = await _enter(chat, room_id, name, patience)
        entered.push_async_exit(room)
        yield room


async def _enter(chat: Chat, room_id: str, name: str, patience: float) -> Room:
    clock = asyncio.get_running_loop().time
    begun = clock()
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        left = begun + patience - clock()
        try:
            return await chat.join(room_id, name, history=0).__aenter__()
        except NameTaken as taken:
            if left <= 0:
                raise NameInUse(f"waited {patience:g} s for the name: {taken}") from taken
        await asyncio.sleep(min(backoff.delay(), left))
