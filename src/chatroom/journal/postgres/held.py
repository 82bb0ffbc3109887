"""Rooms that are held: nobody else appends to them until what was thought of is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from chatroom.core.news import News
from chatroom.journal.port import Append
from chatroom.journal.sharing import Asked

from .connecting import Connection
from .news import LOCK, news
from .turns import Hold

BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '2s'"
"""A node that is stopped while it holds rooms holds others up for so long."""


class HeldRooms:
    """See `sharing.Held`."""

    def __init__(
        self, hold: Hold, store: Callable[[Sequence[Append], Connection, int], Awaitable[None]]
    ) -> None:
        self._hold = hold
        self._store = store
        self.news: Sequence[News] = ()

    async def begin(self, asked: Sequence[Asked]) -> None:
        """Wait until they are ours, and read what has come until then."""

        async def wait(connection: Connection, _number: int) -> Sequence[News]:
            await connection.execute(BEGIN)
            await connection.execute(LOCK, [each.key for each in asked])
            return await news(connection, asked)

        self.news = await self._hold.do(wait)

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Held.append`."""

        async def store(connection: Connection, number: int) -> None:
            await self._store(appends, connection, number)

        await self._hold.do(store)
        await self._hold.commit()
