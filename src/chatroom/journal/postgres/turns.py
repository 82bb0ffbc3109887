"""Turns: what a node writes, one thing after another, and what becomes of a lost answer.

Each turn has a number, and its statement writes that into the node's own row if and only if it
writes anything. So after a lost connection the row tells whether the turn was stored. Where it
was not, the row gets a higher number at once: a statement that is still on its way finds that,
and does nothing. Then, and not before, the turn may be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from chatroom.journal.port import (
    JournalConflict,
    JournalError,
    JournalFenced,
    JournalInDoubt,
)
from chatroom.journal.uncancelled import uncancelled

from .connecting import TROUBLE, Connection, Patience, ends, failed, is_lost, sentence

T = TypeVar("T")

_PAUSES = (0.02, 0.1, 0.3, 1.0)
"""Seconds between attempts to ask; the last one from there on."""

_TURN = "SELECT turn FROM chatroom.node WHERE id = $1 FOR UPDATE"
"""It waits for a statement that has written its number and not committed."""
_RAISE = "UPDATE chatroom.node SET turn = $2 WHERE id = $1"

BURIED = "the other servers of this database take this one for dead"


class Turns:
    """The connection that writes, and who may use it when."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], patience: Patience) -> None:
        self._connect = connect
        self._patience = patience
        self.node = 0
        """Our row; 0: the journal is not open."""
        self._connection: Connection | None = None
        self._number = 0
        self._one_at_a_time = asyncio.Lock()
        self._doubt: tuple[int, frozenset[int]] | None = None
        """The turn of which its caller does not know what became, and its rooms."""
        self._closed = False

    async def take(
        self,
        work: Callable[[Connection, int], Awaitable[T]],
        stored: Callable[[], Awaitable[T]],
        *,
        keys: Iterable[int] = (),
    ) -> T:
        """Do one thing, which gets the number of its turn; what it returns.

        If its answer was lost and it was done all the same, what `stored` returns. `keys` are its
        rooms. A caller that is cancelled waits all the same. Raises JournalError.
        """
        async with self._one_at_a_time:
            return await uncancelled(self._take(work, stored, frozenset(keys)))

    async def _take(
        self,
        work: Callable[[Connection, int], Awaitable[T]],
        stored: Callable[[], Awaitable[T]],
        keys: frozenset[int],
    ) -> T:
        await self._out_of_doubt()
        error = None
        for _ in range(2):
            connection = await self._writer()
            self._number += 1
            try:
                async with asyncio.timeout(self._patience.answer):
                    return await work(connection, self._number)
            except TROUBLE as trouble:
                error = trouble
            if ends(error):
                self._let_go()
            if not is_lost(error):
                break
            try:
                is_stored = await self._outcome_within(self._number, self._patience.doubt)
            except TROUBLE as unknown:
                self._doubt = self._number, keys
                raise JournalInDoubt(
                    f"it is not known whether it was stored: {sentence(unknown)}"
                ) from error
            if is_stored:
                return await stored()
        assert error is not None
        raise failed(error) from error

    def begin(self, node: int, connection: Connection) -> None:
        """Write as a node from now on, over a connection that is there already."""
        self.node = node
        self._connection = connection

    async def look(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Read something when what was begun is over, and before what is begun later.

        Raises JournalError.
        """
        async with self._one_at_a_time:
            connection = await self._writer()
            try:
                async with asyncio.timeout(self._patience.answer):
                    return await work(connection)
            except BaseException as error:
                self._let_go()
                if isinstance(error, TROUBLE):
                    raise failed(error) from error
                raise

    async def _out_of_doubt(self) -> None:
        """Find out what became of the turn that is in doubt; raises JournalError."""
        if self._doubt is None:
            return
        number, keys = self._doubt
        try:
            stored = await self.outcome(number)
        except TROUBLE as error:
            self._let_go()
            raise failed(error) from error
        self._doubt = None
        if stored and keys:
            raise JournalConflict("what was in doubt was stored", keys)

    async def _outcome_within(self, number: int, seconds: float) -> bool:
        """See `outcome`; raises one of TROUBLE when that cannot be told in so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        for attempt in range(1_000):
            try:
                async with asyncio.timeout_at(end):
                    return await self.outcome(number)
            except TROUBLE:
                self._let_go()
                pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
                if loop.time() + pause >= end:
                    raise
                await asyncio.sleep(pause)
        raise TimeoutError

    async def outcome(self, number: int) -> bool:
        """Whether the turn of a number is stored. If not, it cannot be any more from here on.

        Raises one of TROUBLE, and JournalFenced.
        """
        connection = await self._connected()
        async with connection.transaction():
            turn = await connection.fetchval(_TURN, self.node)
            if turn is None:
                raise JournalFenced(BURIED)
            if turn < number:
                await connection.execute(_RAISE, self.node, number + 1)
        self._number = max(self._number, number + 1)
        return bool(turn == number)

    async def _writer(self) -> Connection:
        """The connection; raises JournalError where nothing has been sent yet."""
        if self._closed:
            raise JournalError("the journal is closed")
        if not self.node:
            raise JournalError("the journal is not open")
        try:
            return await self._connected()
        except (*TROUBLE, ValueError) as error:
            raise failed(error) from error

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Finish the turn that was begun, and let go of the connection."""
        self._closed = True
        async with self._one_at_a_time:
            self._let_go()
