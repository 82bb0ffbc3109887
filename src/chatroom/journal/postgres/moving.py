"""A database as what is copied, or as what something is copied into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Self

from asyncpg.transaction import Transaction

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry, Kind
from chatroom.core.notes import Note
from chatroom.core.record import MemberRecord
from chatroom.journal.copying import CopyFailed
from chatroom.journal.port import StoredRoom

from . import audit_log, rows
from .connecting import Connection, Patience, shown
from .opening import connected, prepared

_PAGE = 1_000
_ENTRIES = """
SELECT e.sequence, e.sent, e.kind, e.author, e.envelope, n.nonce FROM chatroom.entry e
  LEFT JOIN chatroom.nonce n ON n.author = e.author AND n.nonce = e.nonce AND n.room = e.room
    AND n.sequence = e.sequence
  WHERE e.room = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3
"""
_TRIMMED = """
SELECT sequence, sent, kind, author, envelope, nonce FROM chatroom.nonce
  WHERE room = $1 AND envelope IS NOT NULL ORDER BY sequence
"""
_MEMBERS = f"""
SELECT room, {", ".join("m." + column for column in rows.MEMBER.split(", "))}
  FROM chatroom.member m JOIN chatroom.room r ON r.key = m.room
  WHERE m.gone IS NULL AND r.closed IS NULL ORDER BY m.author
"""
_LIVING = "SELECT string_agg(name, ', ') FROM chatroom.node WHERE expires > clock_timestamp()"
_USED = """
SELECT EXISTS (SELECT FROM chatroom.room WHERE key <> 0) OR EXISTS (SELECT FROM chatroom.audit)
  OR EXISTS (SELECT FROM chatroom.note)
"""
_NEXT_KEY = """
SELECT setval(pg_get_serial_sequence('chatroom.room', 'key'),
  greatest((SELECT max(key) FROM chatroom.room), 1))
"""
_ROOM = (
    "key", "room_id", "epoch", "created", "title", "private", "capacity", "history", "creator",
    "closed_to_newcomers", "newest", "last_sent", "oldest", "size",
)  # fmt: skip
_ENTRY = ("room", "sequence", "sent", "kind", "author", "nonce", "envelope")
_NONCE = ("author", "nonce", "room", "sequence", "sent", "kind", "envelope")
_MEMBER = (
    "author", "room", "name", "since", "logged", "session", "ended", "removed", "subject",
    "invitation", "former", "node", "version",
)  # fmt: skip


class PostgresSource:
    """The schema of a database, as it is at one moment."""

    def __init__(self, connection: Connection, moment: Transaction) -> None:
        self._connection = connection
        self._moment = moment

    @classmethod
    async def open(cls, url: str) -> Self:
        """Raises JournalUnusable, and CopyFailed if a server uses it."""
        connection = await connected(url, Patience())
        try:
            await prepared(connection, shown(url))
            living = await connection.fetchval(_LIVING)
            if living is not None:
                raise CopyFailed(  # noqa: TRY301 # the connection ends with it
                    f"{shown(url)} is in use by {living}; stop all servers, and if one was killed "
                    "wait ten seconds"
                )
            moment = connection.transaction(isolation="repeatable_read")
            await moment.start()
        except BaseException:
            connection.terminate()
            raise
        return cls(connection, moment)

    async def rooms(self) -> Sequence[StoredRoom]:
        """See `Source.rooms`."""
        return await rows.rooms(self._connection)

    async def server_notes(self) -> Sequence[Note]:
        """See `Source.server_notes`."""
        return await rows.server_notes(self._connection)

    async def members(self) -> Sequence[tuple[int, MemberRecord]]:
        """See `Source.members`."""
        found = await self._connection.fetch(_MEMBERS)
        return [(row["room"], rows.member(row)) for row in found]

    async def entries(self, room: StoredRoom) -> AsyncIterator[list[Entry]]:
        """See `Source.entries`."""
        key = room.facts.key
        if trimmed := await self._connection.fetch(_TRIMMED, key):
            yield [_nonced(row) for row in trimmed]
        after = 0
        while page := await self._connection.fetch(_ENTRIES, key, after, _PAGE):
            yield [_nonced(row) for row in page]
            after = page[-1]["sequence"]

    async def records(self) -> AsyncIterator[list[AuditRecord]]:
        """See `Source.records`."""
        after = 0
        while page := await audit_log.records(self._connection, after, _PAGE, 0, ""):
            yield page
            after = page[-1].number

    async def moved(self, where: str) -> None:
        """See `Source.moved`."""
        await self._moment.commit()
        await self._connection.execute("UPDATE chatroom.server SET moved = $1", where)

    async def close(self) -> None:
        """See `Source.close`."""
        self._connection.terminate()


def _nonced(row: Any) -> Entry:
    entry = rows.entry(row)
    entry.nonce = row["nonce"].decode() if row["nonce"] is not None else ""
    return entry


class PostgresTarget:
    """The schema of a database in which nothing is yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._said: dict[int, Entry] = {}
        """The newest thing said in each room."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Make the tables if need be; raises JournalUnusable, and CopyFailed if they are used."""
        connection = await connected(url, Patience())
        try:
            await prepared(connection, shown(url))
            if await connection.fetchval(_USED):
                raise CopyFailed(  # noqa: TRY301 # likewise
                    f"there are rooms in {shown(url)} already; name an empty database"
                )
            await connection.execute("BEGIN; LOCK TABLE chatroom.room, chatroom.node")
        except BaseException:
            connection.terminate()
            raise
        return cls(connection)

    async def _copy(
        self, table: str, columns: Sequence[str], values: Sequence[Sequence[object]]
    ) -> None:
        if values:
            await self._connection.copy_records_to_table(
                table,
                schema_name="chatroom",
                columns=list(columns),
                records=list(map(tuple, values)),
            )

    async def room(self, room: StoredRoom) -> None:
        """See `Target.room`."""
        facts = [getattr(room.facts, name) for name in _ROOM[:10]]
        row = [*facts, room.newest, room.last_sent, room.oldest, room.size]
        await self._copy("room", _ROOM, [row])

    async def entries(self, room: StoredRoom, entries: Sequence[Entry]) -> None:
        """See `Target.entries`."""
        key = room.facts.key
        kept = [entry for entry in entries if entry.sequence >= room.oldest]
        await self._copy(
            "entry",
            _ENTRY,
            [
                (key, e.sequence, e.sent, e.kind, e.author, e.nonce.encode() or None, e.envelope)
                for e in kept
            ],
        )
        await self._copy(
            "nonce",
            _NONCE,
            [
                (e.author, e.nonce.encode(), key, e.sequence, e.sent)
                + ((None, None) if e.sequence >= room.oldest else (e.kind, e.envelope))
                for e in entries
                if e.nonce
            ],
        )
        for entry in reversed(kept):
            if entry.kind is Kind.SAID:
                self._said[key] = entry
                break

    async def notes(self, key: int, notes: Sequence[Note]) -> None:
        """See `Target.notes`."""
        values = [(key, note.kind, note.key, note.value, 0) for note in notes]
        await self._copy("note", ("room", "kind", "key", "value", "version"), values)

    async def members(self, members: Iterable[tuple[int, MemberRecord]]) -> None:
        """See `Target.members`."""
        values = [
            (
                m.author, room, m.name, m.since, m.logged, m.session, m.ended, m.removed, m.subject,
                m.invitation, "\n".join(m.former), 0, 0,
            )
            for room, m in members
        ]  # fmt: skip
        await self._copy("member", _MEMBER, values)

    async def records(self, records: Sequence[AuditRecord]) -> None:
        """See `Target.records`."""
        numbers = [each.number for each in records]
        values = [*zip(numbers, *audit_log.columns(records), strict=True)]
        await self._copy("audit", rows.AUDIT.split(", "), values)

    async def commit(self) -> None:
        """See `Target.commit`."""
        await self._connection.executemany(
            "UPDATE chatroom.room SET said = $2, active = $3 WHERE key = $1",
            [(key, entry.sequence, entry.sent) for key, entry in self._said.items()],
        )
        await self._connection.execute(_NEXT_KEY)
        await self._connection.execute(
            "UPDATE chatroom.audited "
            "SET number = coalesce((SELECT max(number) FROM chatroom.audit), 0)"
        )
        await self._connection.execute("COMMIT")

    async def close(self) -> None:
        """See `Target.close`."""
        self._connection.terminate()
