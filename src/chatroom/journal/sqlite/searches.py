"""Searches, and when rooms are indexed for them: off the path of a message, with pauses.

After nothing was stored for a while, all rooms that have grown, until something is. And a room in
which somebody has searched where much was not indexed, at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from chatroom.core.entry import Entry
from chatroom.core.query import Query
from chatroom.journal.port import Found, JournalError, Spoken

from .indexing import STEP_SECONDS, Indexing
from .reader import Reader
from .searching import Searching
from .writer import Writer

IDLE_SECONDS = 5.0
"""More than `STORE_SECONDS`, in which what is said now and then is stored."""
_PAUSE_SECONDS = 4 * STEP_SECONDS
"""So a fifth of a core is used, and an append waits for one step at most."""


MANY_UNINDEXED = 10_000
"""Entries that a search has read; what is newest may well be so many if they are short."""


class Searches:
    """All searches of a journal, and the task that indexes: there is one at most."""

    def __init__(
        self,
        read: Callable[[Callable[[Reader], bool]], Awaitable[bool]],
        write: Callable[[Callable[[Writer], bool]], Awaitable[bool]],
        spoken: Spoken,
        *,
        idle: float = IDLE_SECONDS,
    ) -> None:
        """`read` and `write` do a step in the thread for it, and raise JournalError.

        `idle`: seconds without anything stored.
        """
        self._read = read
        self._write = write
        self._spoken = spoken
        self._reading = asyncio.Lock()
        """Held for each piece of a search: so other reads wait for one piece at most."""
        self._idle = idle
        self._grown: set[int] = set()
        """Keys of rooms in which something was stored since they were indexed."""
        self._wanted: set[int] = set()
        """Of those in which somebody has searched."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def search(
        self, key: int, query: Query, here: Sequence[Entry], before: int, count: int
    ) -> Found:
        """See `Journal.search`; `here`: the newest entries, which the tables may not have yet."""
        search = Searching(key, query, self._spoken, here, before, count)
        more = True
        while more:
            async with self._reading:
                more = await self._read(search.step)
        if search.unindexed >= MANY_UNINDEXED:
            self.want(key)
        return search.found

    def stored(self, keys: Iterable[int]) -> None:
        """Something was stored in these rooms; they are indexed when it is quiet."""
        self._grown.update(keys)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle, self._begin_when_quiet)

    def want(self, key: int) -> None:
        """Index a room now."""
        self._wanted.add(key)
        self._begin()

    def _begin_when_quiet(self) -> None:
        self._timer = None
        self._begin()

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="index")

    async def index(self, keys: Iterable[int]) -> None:
        """Index rooms as far as they fill segments, without pauses."""
        indexing = Indexing(keys, self._spoken)
        while await self._write(indexing.step):
            pass

    async def _run(self) -> None:
        keys: set[int] = set()
        try:
            while self._wanted or (self._grown and self._quiet):
                now = bool(self._wanted)
                keys = self._wanted or self._grown
                if now:
                    self._wanted = set()
                else:
                    self._grown = set()
                indexing = Indexing(keys, self._spoken)
                while await self._write(indexing.step):
                    await asyncio.sleep(_PAUSE_SECONDS)
                    if not (now or self._quiet):
                        self._grown |= keys
                        break
        except JournalError:  # a full disk; what is not indexed is read by whoever searches
            self._grown |= keys
        finally:
            self._task = None

    @property
    def _quiet(self) -> bool:
        """Whether nothing was stored for a while."""
        return self._timer is None

    async def close(self) -> None:
        """Stop; a step that was begun ends."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
