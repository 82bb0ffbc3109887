"""What the writer's thread does for rooms: list, create, append."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence

from chatroom.core.entry import UNKNOWN_TIME, Entry, Kind, all_stored_bytes
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import SERVER, Note
from chatroom.core.record import MemberRecord
from chatroom.journal.port import (
    NONCE_SECONDS,
    Append,
    NewRoom,
    NonceUsed,
    StoredRoom,
)

from . import blocks, notes, segments
from .blocks import damaged
from .damage import is_damage
from .ends import check_facts, end_of_log, last_said
from .failed_commits import commit_something
from .merging import check_order
from .statements import ManyRows, Value, transaction
from .withdrawing import replace, secure_delete

_GROW = ManyRows(
    "UPDATE OR ROLLBACK room SET size = size + grown.column2 FROM (VALUES {rows}) AS grown "
    "WHERE key = grown.column1",
    2,
)
_REMEMBER = ManyRows(
    "INSERT OR REPLACE INTO member (author, room, name, since, logged, session, ended, removed, "
    "subject, invitation, former) VALUES {rows}",
    11,
)
_FORGET = ManyRows("DELETE FROM member WHERE author IN (VALUES {rows})", 1)
_FIND = ManyRows(
    "SELECT author, nonce, room, sequence FROM (VALUES {rows}) AS wanted CROSS JOIN nonce "
    "ON author = wanted.column1 AND nonce = wanted.column2",
    2,
)
"""Where entries with nonces of authors are. CROSS: in this order, by the key."""

_AUTHORS = (
    "WITH RECURSIVE next (author) AS ("
    "  SELECT min(author) FROM nonce"
    "  UNION ALL"
    "  SELECT (SELECT min(author) FROM nonce WHERE author > last.author)"
    "  FROM next AS last WHERE last.author IS NOT NULL)"
    "SELECT author FROM next WHERE author IS NOT NULL"
)
"""Each is found by the key, from the one before: however many nonces it has."""

_PAGES_A_ROOM = 3
"""That an append writes at least: its last leaf, the one above that, and its row in `room`."""
_PAGE_BYTES = 4096


class Writer:
    """The connection that writes, and what is known of the file without asking it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.appended = 0
        """Entries of the latest append."""
        self.of_server: list[Note] = []
        """Notes of the server, as they were when rooms were listed."""
        self.withdrawn: list[bytes] = []
        """By what messages are found in the file that were withdrawn since it was scrubbed."""
        self.pages = 0
        """Written to the log by appends, about, since somebody has set it to 0."""
        self.replaced = 0
        """Appends that have replaced something."""
        self.index_bytes = segments.size(connection)
        """See `Journal.index_bytes`."""
        self._newest: dict[int, int] = {}
        """The newest sequence of each open room."""
        self._ended: dict[int, int] = {}
        """The same of closed ones, until they are purged."""

    def rooms(self) -> list[StoredRoom]:
        """All open rooms, in order of key; raises Damage."""
        execute = self.connection.execute
        inside: dict[int, list[MemberRecord]] = {}
        for key, *columns in execute(
            f"SELECT room, {MEMBER_COLUMNS} FROM member WHERE ended = 0 ORDER BY since, author"
        ):
            record = member_record(*columns)
            if record is not None:
                inside.setdefault(key, []).append(record)
        kept = notes.by_room(self.connection)
        self.of_server = kept.get(SERVER, [])
        rooms: list[StoredRoom] = []
        for (
            key,
            room_id,
            epoch,
            created,
            title,
            private,
            capacity,
            history,
            creator,
            closed_to_newcomers,
            oldest,
            size,
        ) in execute(
            "SELECT key, room_id, epoch, created, title, private, capacity, history, creator, "
            "closed_to_newcomers, oldest, size FROM room WHERE NOT closed ORDER BY key"
        ).fetchall():
            check_facts(room_id, epoch, title, created, capacity, history, oldest, size)
            newest, last_sent = end_of_log(self.connection, key, room_id, oldest)
            if not (isinstance(creator, str) and creator.isprintable()):
                creator = ""  # then only admins and moderators are left
            facts = RoomFacts(
                key, room_id, epoch, created, title, bool(private), capacity, history, creator,
                bool(closed_to_newcomers),
            )  # fmt: skip
            there = tuple(inside.get(key, ()))
            active = last_said(self.connection, key, oldest)
            rooms.append(
                StoredRoom(facts, newest, last_sent, oldest, size, there, active, kept.get(key, ()))
            )
            self._newest[key] = newest
        return rooms

    def open_rooms(self) -> list[int]:
        """The keys of all open rooms."""
        return list(self._newest)

    def newest(self, key: int) -> int:
        """The newest sequence of a room that is not purged; 0: it has none."""
        return self._newest.get(key) or self._ended.get(key, 0)

    def purged(self, key: int) -> None:
        """A room is in the file no more."""
        self._ended.pop(key, None)

    def create_room(self, room: NewRoom, *, redone: int = 0) -> StoredRoom:
        """See `Journal.create_room`, and `append`."""
        facts = (
            room.room_id, room.epoch, room.created, room.title, room.private, room.capacity,
            room.history, room.creator,
        )  # fmt: skip
        with transaction(self.connection):
            key = self.connection.execute(
                "INSERT INTO room (room_id, epoch, created, title, private, capacity, history, "
                "creator) VALUES (?,?,?,?,?,?,?,?)",
                facts,
            ).lastrowid
            self._have(redone)
        assert key is not None
        self._newest[key] = 0
        return StoredRoom(RoomFacts(key, *facts))

    def newest_open(self, key: int) -> int | None:
        """The newest sequence of an open room; None: it is not open. The server is."""
        return 0 if key == SERVER else self._newest.get(key)

    def append(self, appends: Sequence[Append], *, redone: int = 0, logged: bool = False) -> None:
        """See `Journal.append`. With it the tables have all of the redo log up to `redone`.

        What is `logged` there is stored: nothing can be said against its nonces any more.
        """
        check_order(self._newest, appends)
        nonced = [entry for append in appends for entry in append.entries if entry.nonce]
        try:
            self._store(appends, redone, nonced=bool(nonced))
        except sqlite3.IntegrityError:
            if not nonced:
                raise
            self._settle(nonced, self._find(nonced), logged=logged)
            self._store(appends, redone, nonced=bool(nonced))
        self.appended = sum([len(append.entries) for append in appends])
        for append in appends:
            if append.entries:
                self._newest[append.key] = append.entries[-1].sequence
            if append.closes:
                self._ended[append.key] = self._newest.pop(append.key)

    def _store(self, appends: Sequence[Append], redone: int, *, nonced: bool) -> None:
        replacing = any(append.replaced for append in appends)
        entries: list[Value] = []
        nonces: list[Value] = []
        grown: list[Value] = []
        members: list[Value] = []
        gone: list[Value] = []
        for append in appends:
            key = append.key
            entries += blocks.rows(key, append.entries, nonced=nonced)
            if nonced:
                nonces += blocks.nonces(key, append.entries)
            size = all_stored_bytes(append.entries)
            self.pages += _PAGES_A_ROOM + size // _PAGE_BYTES
            if size:
                grown += (key, size)
            gone += append.gone
            members += _member_values(append)
        connection = self.connection
        deleting = secure_delete(connection) if replacing else contextlib.nullcontext()
        with deleting, transaction(connection):
            blocks.STORE.execute(connection, entries)
            blocks.STORE_NONCES.execute(connection, nonces)
            _GROW.execute(connection, grown)
            _FORGET.execute(connection, gone)
            _REMEMBER.execute(connection, members)
            for append in appends:
                notes.store(connection, append.key, append.notes)
                self.withdrawn += replace(connection, append.key, append.replaced)
                if append.facts is not None:
                    _change(connection, append.facts)
                if append.closes:
                    connection.execute("UPDATE room SET closed = 1 WHERE key = ?", (append.key,))
                    notes.forget(connection, append.key)
                    connection.execute("DELETE FROM member WHERE room = ?", (append.key,))
            self._have(redone)
        if replacing:
            self.replaced += 1
            self.index_bytes = segments.size(connection)

    def _have(self, redone: int) -> None:
        if redone:
            self.connection.execute("UPDATE OR ROLLBACK run SET redone = ?", (redone,))

    def probe(self) -> None:
        """See `Journal.probe`."""
        commit_something(self.connection)

    # ---- Nonces -----------------------------------------------------------------

    def authors_of_nonces(self) -> set[int] | None:
        """Who has nonces that may count; None: damage has made that unreadable."""
        try:
            return {author for (author,) in self.connection.execute(_AUTHORS)}
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return None

    def _find(self, nonced: Sequence[Entry]) -> list[Entry]:
        """The entries stored with one of these nonces that count.

        One that is damaged has kept its author and nonce, and its time if that can be told.
        """
        wanted = [value for entry in nonced for value in (entry.author, entry.nonce)]
        places: dict[tuple[int, int], Entry] = {}
        for author, nonce, room, sequence in _FIND.execute(self.connection, wanted):
            found = damaged(sequence)
            found.author, found.nonce = author, nonce
            places[room, sequence] = found
        for (room, sequence), found in places.items():
            block = blocks.block_with(self.connection, room, sequence)
            if block is None:
                continue
            found.sent = block.sent[sequence - block.first]
            (entry,) = block.entries(sequence, sequence + 1)
            if entry.kind is not Kind.DAMAGED:
                found.kind, found.envelope = entry.kind, entry.envelope
        return list(places.values())

    def _settle(self, nonced: Iterable[Entry], found: Iterable[Entry], *, logged: bool) -> None:
        """Forget the nonces found that count no more, or all; raises NonceUsed if others do.

        Of one whose time cannot be told nobody knows that it counts no more.
        """
        now = {(entry.author, entry.nonce): entry.sent for entry in nonced}
        used: dict[tuple[int, str], Entry] = {}
        old: list[tuple[int, str]] = []
        for first in found:
            age = now[first.author, first.nonce] - first.sent
            if not logged and (first.sent == UNKNOWN_TIME or age < NONCE_SECONDS * 1_000_000_000):
                used[first.author, first.nonce] = first
            else:
                old.append((first.author, first.nonce))
        if used:
            raise NonceUsed(used)
        with transaction(self.connection):
            self.connection.executemany("DELETE FROM nonce WHERE author = ? AND nonce = ?", old)


def _change(connection: sqlite3.Connection, facts: RoomFacts) -> None:
    connection.execute(
        "UPDATE OR ROLLBACK room SET title = ?, capacity = ?, history = ?, "
        "closed_to_newcomers = ? WHERE key = ?",
        (facts.title, facts.capacity, facts.history, facts.closed_to_newcomers, facts.key),
    )


MEMBER_COLUMNS = "author, name, since, logged, session, ended, removed, subject, invitation, former"


def member_record(
    author: int,
    name: str,
    since: int,
    logged: int,
    session: bytes | None,
    ended: int,
    removed: int,
    subject: str,
    invitation: str,
    former: str,
) -> MemberRecord | None:
    """A record of `MEMBER_COLUMNS`; None if damage has made it nonsense."""
    if not (isinstance(name, str) and name.isprintable() and isinstance(since, int)):
        return None  # a name that was no UTF-8 has surrogates, which are not printable
    if not all(isinstance(by, str) and by.isprintable() for by in (subject, invitation)):
        return None  # nobody is let in as somebody else
    names = former.split("\n") if isinstance(former, str) and former else []
    if not all(map(str.isprintable, names)):
        return None  # likewise
    return MemberRecord(
        author=author, name=name, since=since, logged=bool(logged), session=session,
        ended=ended, removed=bool(removed), subject=subject, invitation=invitation,
        former=tuple(names),
    )  # fmt: skip


def _member_values(append: Append) -> list[Value]:
    """Rows of `member`, but for those who are gone again."""
    gone = frozenset(append.gone)
    return [
        value
        for record in append.members
        if record.author not in gone
        for value in (
            record.author, append.key, record.name, record.since, int(record.logged),
            record.session, record.ended, int(record.removed), record.subject,
            record.invitation, "\n".join(record.former),
        )
    ]  # fmt: skip
