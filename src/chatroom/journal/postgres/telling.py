"""Telling: nodes hear of each other's appends by NOTIFY, soon, or not at all.

What is told is sent beside the transactions that store, and many at once: a NOTIFY takes a lock of
the whole database when its transaction commits, and one in each append would have all nodes wait
for each other. A NOTIFY can be lost with a connection: whoever hears looks by itself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable

from .connecting import TROUBLE, Connection

log = logging.getLogger(__name__)

CHANNEL = "chatroom"
MOST_KEYS = 500
"""In one NOTIFY, whose payload has up to 8,000 bytes."""
MOST_TOLD = 1_000
"""That wait to be told while the database is away: what comes then is left out."""
_PAUSE_SECONDS = 1.0
"""After a connection was lost."""


class Telling:
    """The connection by which a node tells and hears."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self.node = 0
        """Our number: what we tell ourselves is not heard."""
        self._appended: Callable[[Collection[int]], None] | None = None
        self._told: Callable[[str], None] | None = None
        self._keys: dict[int, None] = {}
        self._waiting: list[str] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Tell and hear until `end`, if somebody hears."""
        if self._appended is not None:
            self._task = asyncio.create_task(self._run(), name="nodes' words")

    def hear(
        self, appended: Callable[[Collection[int]], None], told: Callable[[str], None]
    ) -> None:
        """See `SharedJournal.hear`."""
        self._appended, self._told = appended, told

    def appended(self, keys: Iterable[int]) -> None:
        """Have others hear that rooms were appended to."""
        if self._task is not None:
            self._keys.update(dict.fromkeys(keys))
            self._wake.set()

    def tell(self, told: str) -> None:
        """See `SharedJournal.tell`."""
        if self._task is not None and len(self._waiting) < MOST_TOLD:
            self._waiting.append(told)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(*TROUBLE):
                connection = await self._connect()
                try:
                    await connection.add_listener(CHANNEL, self._heard)
                    await self._tell_all(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _tell_all(self, connection: Connection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            keys, self._keys = list(self._keys), {}
            told, self._waiting = self._waiting, []
            for first in range(0, len(keys), MOST_KEYS):
                part = ",".join(map(str, keys[first : first + MOST_KEYS]))
                await self._notify(connection, f"{self.node} a {part}")
            for each in told:
                await self._notify(connection, f"{self.node} t {each}")

    async def _notify(self, connection: Connection, payload: str) -> None:
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            node, kind, rest = str(payload).split(" ", 2)
            if int(node) == self.node:
                return
            if kind == "a" and self._appended is not None:
                self._appended([int(key) for key in rest.split(",")])
            elif kind == "t" and self._told is not None:
                self._told(rest)
        except ValueError:  # it is of something else, or of a version that we do not know
            log.debug("what another node has told is not understood: %.100s", payload)

    async def end(self) -> None:
        """Tell and hear no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
