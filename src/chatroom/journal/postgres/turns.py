"""Turns: what a node writes, one thing after another, and what becomes of a lost answer.

Each turn has a number, and its statement writes that into the node's own row if and only if it
writes anything. So after a lost connection the row tells whether the turn was stored. Where it
was not, the row gets a higher number at once: a statement that is still on its way finds that,
and does nothing. Then, and not before, the turn may be tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
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
        self.patience = patience
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

    @contextlib.asynccontextmanager
    async def hold(self, keys: Iterable[int]) -> AsyncIterator[Hold]:
        """The turn as a transaction of its own, which ends with `Hold.commit` or is undone.

        Raises JournalError.
        """
        async with self._one_at_a_time:
            await uncancelled(self._out_of_doubt())
            connection = await uncancelled(self._writer())
            self._number += 1
            hold = Hold(self, connection, self._number, frozenset(keys))
            try:
                yield hold
            finally:
                if not hold.over:
                    await uncancelled(hold.undo())

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
                async with asyncio.timeout(self.patience.answer):
                    return await work(connection, self._number)
            except TROUBLE as trouble:
                error = trouble
            if ends(error):
                self.let_go()
            if not is_lost(error):
                break
            if await self.was_stored(self._number, keys, error):
                return await stored()
        assert error is not None
        raise failed(error) from error

    async def was_stored(self, number: int, keys: frozenset[int], error: BaseException) -> bool:
        """What became of a turn whose answer was lost by an error; raises JournalInDoubt."""
        try:
            return await self._outcome_within(number, self.patience.doubt)
        except TROUBLE as unknown:
            self._doubt = number, keys
            raise JournalInDoubt(
                f"it is not known whether it was stored: {sentence(unknown)}"
            ) from error

    async def begin_anew(self, register: Callable[[], Awaitable[int]]) -> None:
        """Be another node, whose number `register` gives: between two turns.

        A turn that had begun as one node and was stored as the other would leave that with a
        number above those of its own turns, which would all be refused. What was in doubt is
        for whoever reads the rooms again. Raises JournalError.
        """

        async def begin() -> None:
            self.node, self._number, self._doubt = await register(), 0, None

        async with self._one_at_a_time:
            await uncancelled(begin())

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
                async with asyncio.timeout(self.patience.answer):
                    return await work(connection)
            except BaseException as error:
                self.let_go()
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
            self.let_go()
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
                self.let_go()
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

    def let_go(self) -> None:
        """Use this connection no more."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Finish the turn that was begun, and let go of the connection."""
        self._closed = True
        async with self._one_at_a_time:
            self.let_go()


class Hold:
    """A turn that holds its rooms while its caller thinks."""

    def __init__(
        self, turns: Turns, connection: Connection, number: int, keys: frozenset[int]
    ) -> None:
        self._turns = turns
        self._connection = connection
        self._number = number
        self._keys = keys
        self.over = False

    async def do(self, work: Callable[[Connection, int], Awaitable[T]]) -> T:
        """Do something in it, with its number; raises JournalError, and then it is over."""
        try:
            return await uncancelled(self._do(work))
        except TROUBLE as error:
            self._lose()
            raise failed(error) from error

    async def _do(self, work: Callable[[Connection, int], Awaitable[T]]) -> T:
        async with asyncio.timeout(self._turns.patience.answer):
            return await work(self._connection, self._number)

    async def commit(self) -> None:
        """Store what was done; raises JournalError."""
        await uncancelled(self._commit())

    async def _commit(self) -> None:
        try:
            await self._do(_committed)
        except TROUBLE as error:
            self._lose()
            if not await self._turns.was_stored(self._number, self._keys, error):
                raise failed(error) from error
        self.over = True

    async def undo(self) -> None:
        """Store nothing of it."""
        try:
            await self._do(_undone)
        except TROUBLE:
            self._lose()
        self.over = True

    def _lose(self) -> None:
        self._turns.let_go()
        self.over = True


async def _committed(connection: Connection, _number: int) -> None:
    await connection.execute("COMMIT")


async def _undone(connection: Connection, _number: int) -> None:
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
