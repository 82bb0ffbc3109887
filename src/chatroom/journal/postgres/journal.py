"""The port over PostgreSQL: which connection does what."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry
from chatroom.core.facts import RoomFacts
from chatroom.core.news import News
from chatroom.core.notes import Note
from chatroom.core.query import Query
from chatroom.core.record import MemberRecord
from chatroom.journal.port import (
    Append,
    Found,
    JournalConflict,
    JournalError,
    NewRoom,
    NonceUsed,
    Spoken,
    StoredRoom,
    Trimmed,
    unread,
)
from chatroom.journal.sharing import Asked, Node

from . import audit_log, news, opening, reading, rows, statements, upkeep, withdrawing
from .appending import FIND_NONCES, bind
from .connecting import TROUBLE, Connection, Connections, Patience, connect, failed, shown
from .held import HeldRooms
from .leases import Lease
from .searching import Searches
from .telling import Telling
from .turns import Turns

READERS = 4
"""Connections for what is read and cleared away."""
_TRIES = 3
"""Of an append that finds that its lease has passed, or nonces that are gone when it asks."""


class PostgresJournal:
    """Logs in a PostgreSQL database, which other nodes may use too."""

    turns = Turns
    """What takes turns."""

    def __init__(
        self,
        url: str,
        *,
        spoken: Spoken = unread,
        patience: Patience | None = None,
    ) -> None:
        """`url` may have a password: it is never shown. `spoken` reads what searches look at."""
        self.name = shown(url)
        self._url = url
        self._patience = patience or Patience()
        self._connections = Connections(self._connect, READERS, self._patience)
        self._turns = self.turns(self._connect, self._patience)
        self._lease = Lease(self._connections, self._patience)
        self._searches = Searches(self._connections, spoken)
        self._telling = Telling(self._connect)
        self._closed = False

    async def _connect(self) -> Connection:
        return await connect(self._url, self._patience)

    @property
    def lease(self) -> Lease:
        """Whether this node lives, as the others see it."""
        return self._lease

    @property
    def index_bytes(self) -> int:
        """See `Journal.index_bytes`."""
        return self._searches.bytes

    # ---- The port -------------------------------------------------------------

    async def open(self) -> list[StoredRoom]:
        """See `Journal.open`."""
        async with opening.usable(self._url, self._patience) as connection:
            node = await self._lease.begin(connection)
            alone = await self._lease.alone(connection)
            for key in await upkeep.closed(connection, alone=alone):
                while await upkeep.purge_step(connection, key):
                    pass
            stored = await rows.rooms(connection)
            await self._searches.measure(connection)
        self._turns.begin(node, connection)
        self._searches.begin()
        self._telling.node = self.node
        self._telling.begin()
        return stored

    async def create_room(self, room: NewRoom) -> StoredRoom:
        """See `Journal.create_room`. JournalConflict: another node has just made one of the id."""
        facts = (
            room.room_id, room.epoch, room.created, room.title, room.private, room.capacity,
            room.history, room.creator,
        )  # fmt: skip

        async def create(connection: Connection, turn: int) -> int:
            key: int | None = await self._mine(connection, turn, statements.CREATE_ROOM, *facts)
            if key is None:
                raise JournalConflict(f"there is a room {room.room_id} already")
            return key

        async def created() -> int:
            found = await self._connections.do(
                lambda c: c.fetchval(statements.FIND_ROOM, room.room_id)
            )
            return int(found)

        key = await self._turns.take(create, created)
        return StoredRoom(RoomFacts(key, *facts))

    async def append(self, appends: Sequence[Append]) -> None:
        """See `Journal.append`."""
        if not appends:
            return
        replaces = any(append.replaced for append in appends)
        store = self._append_and_replace if replaces else self._append
        await self._turns.take(
            partial(store, appends), _nothing, keys=[append.key for append in appends]
        )
        self._told([append.key for append in appends])

    async def _append_and_replace(
        self, appends: Sequence[Append], connection: Connection, turn: int
    ) -> None:
        async with connection.transaction():
            grown = await withdrawing.replace(connection, appends)
            await self._append(appends, connection, turn, grown)

    async def _append(
        self,
        appends: Sequence[Append],
        connection: Connection,
        turn: int,
        grown: dict[int, int] | None = None,
    ) -> None:
        bound = bind(appends, grown)
        values = bound.values(self._lease.node, turn)
        for _ in range(_TRIES):
            sent = time.monotonic()
            told = await connection.fetchrow(bound.sql, *values)
            assert told is not None
            if told["stored"]:
                self._lease.renewed(sent)
                return
            if told["differs"]:
                raise JournalConflict(
                    f"rooms are not as expected: {_some(told['differs'])}", told["differs"]
                )
            if not told["used"]:
                await self._lease.revive(connection)
            elif used := await _used(connection, appends):
                raise NonceUsed(used)
        raise JournalError("the lease of this server cannot be renewed")

    async def _mine(self, connection: Connection, turn: int, sql: str, *values: object) -> Any:
        """Store something else than an append; what its statement returns, None if nothing."""
        for _ in range(_TRIES):
            sent = time.monotonic()
            told = await connection.fetchrow(sql, self._lease.node, turn, *values)
            assert told is not None
            if told["mine"]:
                self._lease.renewed(sent)
                return told["done"]
            await self._lease.revive(connection)
        raise JournalError("the lease of this server cannot be renewed")

    async def server_notes(self) -> Sequence[Note]:
        """See `Journal.server_notes`."""
        return await self._connections.do(rows.server_notes)

    async def withdrawn(self) -> bool:
        """See `Journal.withdrawn`."""
        return await self._connections.do(withdrawing.withdrawn)

    async def scrub(self) -> bool:
        """See `Journal.scrub`, and `withdrawing` for what stays."""
        try:
            connection = await self._connect()
            try:
                return await withdrawing.scrub(connection)
            finally:
                connection.terminate()
        except (*TROUBLE, ValueError) as error:
            raise failed(error) from error

    async def record(self, records: Sequence[AuditRecord]) -> None:
        """See `Journal.record`."""
        columns = audit_log.columns(records)

        async def store(connection: Connection, turn: int) -> None:
            await self._mine(connection, turn, audit_log.RECORD, *columns)

        await self._turns.take(store, _nothing)

    async def records(
        self, *, after: int, count: int, since: int = 0, room_id: str = ""
    ) -> list[AuditRecord]:
        """See `Journal.records`."""
        return await self._connections.do(
            lambda c: audit_log.records(c, after, count, since, room_id)
        )

    async def forget_records(self, before: int) -> None:
        """See `Journal.forget_records`."""
        while await self._connections.do(lambda c: upkeep.forget_records_step(c, before)):
            pass

    async def probe(self) -> None:
        """See `Journal.probe`."""

        async def store(connection: Connection, turn: int) -> None:
            await self._mine(connection, turn, statements.PROBE)

        await self._turns.take(store, _nothing)

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read`."""
        return await self._connections.do(lambda c: reading.read(c, key, after, entries, size))

    async def read_before(self, key: int, *, before: int, entries: int, size: int) -> list[Entry]:
        """See `Journal.read_before`."""
        return await self._connections.do(
            lambda c: reading.read_before(c, key, before, entries, size)
        )

    async def said_before(self, key: int, *, before: int, count: int) -> int:
        """See `Journal.said_before`."""
        return await self._connections.do(lambda c: reading.said_before(c, key, before, count))

    async def search(self, key: int, query: Query, *, before: int, count: int) -> Found:
        """See `Journal.search`."""
        return await self._searches.search(key, query, before, count)

    async def index(self) -> None:
        """Index what can be, now; a running server does it by and by."""
        await self._searches.index()

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        """See `Journal.session`."""
        row = await self._connections.do(lambda c: c.fetchrow(statements.SESSION, digest))
        return None if row is None else (row["room"], rows.member(row))

    async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
        """See `Journal.trim`."""
        # Before appends that come later, which it must not count.
        trim = await self._turns.look(lambda c: upkeep.Trim.begin(c, key, entries, size))
        try:
            while await self._connections.do(trim.step):
                pass
            if trim.freed:
                await self._searches.trimmed(key, trim.oldest)
        except JournalError:
            if not trim.freed:
                raise  # else what was done has to be known; the rest fails the next time
        return trim.done

    async def sweep(self, now: int) -> None:
        """See `Journal.sweep`."""
        while await self._connections.do(lambda c: upkeep.sweep_step(c, now)):
            pass
        for key in await self._connections.do(partial(upkeep.closed, alone=False)):
            await self.purge(key)
        await self._connections.do(self._searches.measure)

    async def purge(self, key: int) -> None:
        """See `Journal.purge`."""
        while await self._connections.do(lambda c: upkeep.purge_step(c, key)):
            pass
        await self._connections.do(self._searches.measure)

    # ---- The port of those that share it -----------------------------------------

    @property
    def node(self) -> int:
        """See `SharedJournal.node`."""
        return self._lease.node

    def listens(self, address: str) -> None:
        """See `SharedJournal.listens`."""
        self._lease.address = address

    async def versions(self) -> Mapping[int, int]:
        """See `SharedJournal.versions`."""
        return await self._connections.do(news.versions)

    async def room(self, key: int) -> StoredRoom | None:
        """See `SharedJournal.room`."""
        found = await self._connections.do(lambda c: rows.rooms(c, key))
        return found[0] if found else None

    async def news(self, asked: Sequence[Asked]) -> Sequence[News]:
        """See `SharedJournal.news`."""
        return await self._connections.do(lambda c: news.news(c, asked))

    @contextlib.asynccontextmanager
    async def held(self, asked: Sequence[Asked]) -> AsyncIterator[HeldRooms]:
        """See `SharedJournal.held`."""
        keys = [each.key for each in asked]
        async with self._turns.hold(keys) as hold:
            held = HeldRooms(hold, self._append_held)
            await held.begin(asked)
            yield held
        self._told(keys)

    async def _append_held(
        self, appends: Sequence[Append], connection: Connection, turn: int
    ) -> None:
        grown = None
        if any(append.replaced for append in appends):
            grown = await withdrawing.replace(connection, appends)
        await self._append(appends, connection, turn, grown)

    def _told(self, keys: Sequence[int]) -> None:
        self._searches.grown(keys)
        self._telling.appended(keys)

    async def nodes(self) -> Sequence[Node]:
        """See `SharedJournal.nodes`."""
        return await self._connections.do(news.nodes)

    async def declare_dead(self, number: int) -> bool:
        """See `SharedJournal.declare_dead`."""
        return await self._lease.bury(number)

    async def rejoin(self) -> None:
        """See `SharedJournal.rejoin`."""
        await self._turns.begin_anew(lambda: self._connections.do(self._lease.begin_anew))
        self._telling.node = self.node

    def tell(self, told: str) -> None:
        """See `SharedJournal.tell`."""
        self._telling.tell(told)

    def hear(
        self, appended: Callable[[Collection[int]], None], told: Callable[[str], None]
    ) -> None:
        """See `SharedJournal.hear`."""
        self._telling.hear(appended, told)

    async def close(self) -> None:
        """See `Journal.close`."""
        if self._closed:
            return
        self._closed = True
        await self._searches.end()
        await self._telling.end()
        await self._turns.close()
        await self._lease.end()
        with contextlib.suppress(JournalError):  # then its lease passes
            await self._lease.leave()
        self._connections.close()


async def _nothing() -> None:
    """An append that was stored tells nothing more."""


def _some(keys: Sequence[int]) -> str:
    return ", ".join(map(str, keys[:5])) + (" …" if len(keys) > 5 else "")


async def _used(connection: Connection, appends: Sequence[Append]) -> dict[tuple[int, str], Entry]:
    """What was stored with the nonces of appends, where they still count."""
    nonced = [entry for append in appends for entry in append.entries if entry.nonce]
    found = await connection.fetch(
        FIND_NONCES,
        [entry.author for entry in nonced],
        [entry.nonce.encode() for entry in nonced],
        [entry.sent for entry in nonced],
    )
    used: dict[tuple[int, str], Entry] = {}
    for row in found:
        if row["envelope"] is not None:
            entry = rows.entry(row)
            entry.nonce = row["nonce"].decode()
            used[entry.author, entry.nonce] = entry
    return used
