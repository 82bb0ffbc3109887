"""Leases: which nodes live, by the database's clock.

A node has a row in which it says until when it is to be taken for alive; each of its appends
renews that, and where there are none a task does. A node is dead when another has deleted its
row, which may be done once its lease has passed. Until then the node may renew it: where the
database was away for a minute, nobody is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time

from chatroom.journal.port import JournalError, JournalFenced

from .appending import LEASE_SECONDS
from .connecting import Connection, Connections, Patience
from .turns import BURIED

_REGISTER = """
INSERT INTO chatroom.node (name, address, expires)
  VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 second') RETURNING id
"""
_RENEW = """
UPDATE chatroom.node SET expires = clock_timestamp() + $2::float8 * interval '1 second'
  WHERE id = $1 RETURNING id
"""
_LEAVE = "DELETE FROM chatroom.node WHERE id = $1"
_BURY = "DELETE FROM chatroom.node WHERE id = $1 AND expires <= clock_timestamp()"
_IS_THERE = "SELECT EXISTS (SELECT FROM chatroom.node WHERE id = $1)"
_LIVING = "SELECT count(*) FROM chatroom.node WHERE id <> $1 AND expires > clock_timestamp()"


class Lease:
    """That of this node."""

    def __init__(self, connections: Connections, patience: Patience) -> None:
        self._connections = connections
        self._patience = patience
        self.address = ""
        """Where this node listens, for people."""
        self.node = 0
        self._renewed = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self.fenced = asyncio.Event()
        """Set once others take this node for dead."""

    @property
    def runs(self) -> bool:
        """Whether it runs for certain, by this machine's clock: the database may be away."""
        return not self.fenced.is_set() and time.monotonic() < self._renewed + LEASE_SECONDS

    async def begin(self, connection: Connection) -> int:
        """Register this node, and renew its lease from now on; its number."""
        await self.begin_anew(connection)
        self._renewing = asyncio.create_task(self._renew(), name="lease")
        return self.node

    async def begin_anew(self, connection: Connection) -> int:
        """Register this node, in place of one that was buried; its number."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        sent = time.monotonic()
        self.node = await connection.fetchval(_REGISTER, name, self.address, float(LEASE_SECONDS))
        self.renewed(sent)
        self.fenced.clear()
        return self.node

    async def alone(self, connection: Connection) -> bool:
        """Whether no other node lives."""
        return not await connection.fetchval(_LIVING, self.node)

    async def bury(self, number: int) -> bool:
        """Take a node for dead whose lease has passed; False: it lives. Raises JournalError."""

        async def bury(connection: Connection) -> bool:
            await connection.execute(_BURY, number)
            return not await connection.fetchval(_IS_THERE, number)

        return await self._connections.do(bury)

    def renewed(self, sent: float) -> None:
        """Note that it was renewed by what was sent at a time (`time.monotonic`)."""
        self._renewed = max(self._renewed, sent)

    async def revive(self, connection: Connection) -> None:
        """Renew it although it may have passed; raises JournalFenced if it was buried."""
        sent = time.monotonic()
        if await connection.fetchval(_RENEW, self.node, float(LEASE_SECONDS)) is None:
            self.fenced.set()
            raise JournalFenced(BURIED)
        self.renewed(sent)

    async def _renew(self) -> None:
        while True:
            every = self._patience.renew
            await asyncio.sleep(max(self._renewed + every - time.monotonic(), every / 4))
            if time.monotonic() < self._renewed + every:
                continue  # an append has
            if self.fenced.is_set():
                continue  # until it begins anew
            with contextlib.suppress(JournalError):  # whoever appends hears of it
                await self._connections.do(self.revive)

    async def end(self) -> None:
        """Stop renewing it."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
            self._renewing = None

    async def leave(self) -> None:
        """Take this node off the list; it lives no more. Raises JournalError."""
        if self.node:
            await self._connections.do(lambda c: c.execute(_LEAVE, self.node))
