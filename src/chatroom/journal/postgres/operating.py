"""What an operator asks of a database: which nodes there are; and new epochs for all rooms.

None of it needs a server, makes tables, or takes part as a node.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chatroom.journal.port import JournalError, JournalUnusable

from . import schema
from .connecting import TROUBLE, Connection, Patience, shown
from .opening import connected, renew_epochs, why_unusable

_INSIDE = """
SELECT m.node, count(*) AS count FROM chatroom.member m JOIN chatroom.room r ON r.key = m.room
  WHERE m.ended = 0 AND m.gone IS NULL AND r.closed IS NULL GROUP BY m.node
"""
_NODES = f"""
SELECT n.id AS number, n.name, n.address,
  extract(epoch FROM n.expires - clock_timestamp())::float8 AS lease,
  extract(epoch FROM clock_timestamp() - n.started)::float8 AS age,
  coalesce(m.count, 0) AS members
  FROM chatroom.node n LEFT JOIN ({_INSIDE}) AS m ON m.node = n.id ORDER BY n.id
"""
_WITHOUT = f"""
SELECT coalesce(sum(count), 0)::int8 FROM ({_INSIDE}) AS m
  WHERE NOT EXISTS (SELECT FROM chatroom.node n WHERE n.id = m.node)
"""
_LIVING = "SELECT name FROM chatroom.node WHERE expires > clock_timestamp() ORDER BY id"
_WAIT = "SET LOCAL lock_timeout = '10s'; LOCK TABLE chatroom.node IN SHARE ROW EXCLUSIVE MODE"
"""Nobody becomes a node, and no node renews its lease, until the transaction ends."""


class NodesLive(JournalError):
    """Servers run that know the epochs of before."""

    def __init__(self, where: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            f"{where} is in use by {', '.join(names)}; stop all servers, and if one was killed "
            "wait ten seconds"
        )


@dataclass(slots=True, frozen=True)
class NodeSeen:
    """A node, as the database has it."""

    number: int
    name: str
    """Host and process."""
    address: str
    """Where it listens; "": it has not said so."""
    lease: float
    """Seconds for which its lease runs; below 0: it has passed, and any other node may take this
    one for dead."""
    age: float
    """Seconds since it came."""
    members: int
    """Of open rooms, that are inside and are or were last at this node."""

    @property
    def alive(self) -> bool:
        """Whether its lease runs."""
        return self.lease > 0


@dataclass(slots=True, frozen=True)
class Seen:
    """What there is of nodes at one moment."""

    nodes: Sequence[NodeSeen]
    without: int
    """Members that are inside, whose node is gone: others take them over, or the next start."""


async def nodes(url: str) -> Seen:
    """All nodes, in order of number; raises JournalUnusable."""
    async with _used(url) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(_NODES)
            without = await connection.fetchval(_WITHOUT)
        return Seen([NodeSeen(**dict(row.items())) for row in rows], without)


async def new_epochs(url: str) -> int:
    """Give all open rooms new epochs, and say how many there are.

    What a client knows of a room then counts for nothing: its next resume is a fresh join.
    No node lives then that had the epochs of before. Raises JournalUnusable, and NodesLive while
    one does.
    """
    async with _used(url) as connection, connection.transaction():
        await connection.execute(_WAIT)
        living = [row["name"] for row in await connection.fetch(_LIVING)]
        if living:
            raise NodesLive(shown(url), living)
        # One that was stopped, and wakes, must not go on with what it knew.
        await connection.execute("DELETE FROM chatroom.node")
        return await renew_epochs(connection)


@asynccontextmanager
async def _used(url: str) -> AsyncIterator[Connection]:
    """A connection to a database that servers have used; raises JournalUnusable."""
    where = shown(url)
    connection = await connected(url, Patience())
    try:
        if not await schema.version(connection, where):
            raise JournalUnusable(f"{where} has no rooms: no server has used it yet")
        yield connection
    except TROUBLE as error:
        raise JournalUnusable(why_unusable(where, error)) from error
    finally:
        connection.terminate()
