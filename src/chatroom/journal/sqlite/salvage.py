"""What can still be read of a damaged file, row by row, into a new one.

SQLite's own recovery is in its shell alone. So a table is read from both ends up to the
first page that cannot be read, each entry between by its key, and what is still missing
looked for in all pages. An entry is kept if its checksum is right, wherever it was found;
in the place of every other one between the oldest and the newest stands a mark.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatroom.core import room_ids
from chatroom.core.entry import Entry
from chatroom.core.notes import SERVER

from . import notes
from .check import columns_of
from .checksum import Legible, checksum, damaged, sound
from .damage import is_damage
from .ends import is_room_id
from .schema import CHECKSUMS_SINCE, IDENTITIES_SINCE, MODERATION_SINCE
from .statements import STORED_BYTES
from .writer import MEMBER_COLUMNS, member_record

MOST_MARKS = 1_000
"""Before the oldest entry that was found: a number that is larger is damaged itself."""
_MOST_KEYS = 100_000
"""Rooms looked for one by one where their table cannot be read."""

_FACTS = "room_id, epoch, created, title, private, capacity, history, creator"

Row = tuple[Any, ...]
"""Its columns may have any type: they are damaged."""


@dataclass(slots=True)
class Salvaged:
    """What was kept, and what was not."""

    rooms: int = 0
    entries: int = 0
    lost: dict[str, list[int]] = field(default_factory=dict)
    """By room id: the sequences of which only a mark is left."""
    changed: list[str] = field(default_factory=list)
    """What else is not as it was, a sentence each."""
    pages: bool = False
    """Whether pages could not be read: then nobody knows where logs ended."""


class Salvage:
    """Reads `old`, of schema version `version`, and writes `new`, of ours and empty."""

    def __init__(
        self,
        old: sqlite3.Connection,
        new: sqlite3.Connection,
        version: int,
        legible: Legible,
        in_pages: Callable[[], Iterator[Row]],
    ) -> None:
        """`in_pages`: whatever may be rows of entries in `old`, found without its trees."""
        self._old = old
        self._in_pages = in_pages
        self._new = new
        self._version = version
        self._columns: Mapping[str, str] = columns_of(version)
        self._legible = legible
        self._closed: set[int] = set()
        self._rooms: dict[int, tuple[str, int, int]] = {}
        """By key: id, oldest sequence, and from where on checksums must be there."""
        self.done = Salvaged()

    def run(self) -> Salvaged:
        """Keep what can be kept, all in the transaction that is open in `new`."""
        self._salvage_rooms()
        self._salvage_entries()
        if self.done.pages:
            self._search()
        for key in list(self._rooms):
            self._complete(key)
        if self._version > 1:
            self._salvage_nonces()
            self._salvage_members()
        if self._version >= MODERATION_SINCE:
            self._salvage_notes()
            self._salvage_records()
        return self.done

    # ---- Reading ------------------------------------------------------------------

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[Row]:
        """Rows up to the first that cannot be read."""
        try:
            yield from self._old.execute(sql, values)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self.done.pages = True

    def _from_both_ends(self, sql: str, key: str, values: tuple[object, ...] = ()) -> Iterator[Row]:
        """Rows of a statement by a key, and if that ended too early, from its other end."""
        before = self.done.pages
        self.done.pages = False
        yield from self._rows(f"{sql} ORDER BY {key}", values)
        if self.done.pages:
            backwards = ", ".join(f"{each} DESC" for each in key.split(", "))
            yield from self._rows(f"{sql} ORDER BY {backwards}", values)
        self.done.pages |= before

    # ---- Rooms ----------------------------------------------------------------------

    def _salvage_rooms(self) -> None:
        more = {1: "1, 1"}.get(self._version, "oldest, 1")
        if self._version >= CHECKSUMS_SINCE:
            more = "oldest, summed_from"
        newcomers = "closed_to_newcomers" if self._version >= MODERATION_SINCE else "0"
        wanted = f"{newcomers}, {self._of_its_version(_FACTS)}"
        sql = f"SELECT key, closed, {more}, {wanted} FROM room"
        found = {row[0]: row for row in self._from_both_ends(sql, "key")}
        if self.done.pages:
            for key in range(1, _MOST_KEYS):
                if key not in found:
                    found |= {row[0]: row for row in self._rows(f"{sql} WHERE key = ?", (key,))}
        for key, closed, oldest, summed_from, *facts in found.values():
            if closed:
                self._closed.add(key)
                continue
            self._keep_room(key, oldest, summed_from, facts)

    def _keep_room(self, key: int, oldest: Any, summed_from: Any, facts: list[Any]) -> None:
        newcomers, room_id, epoch, created, title, *numbers, creator = facts
        if not (isinstance(room_id, str) and self._is_free(room_id)):
            self._keep_nameless(key, "the id of a room is damaged")
            return
        if not (isinstance(epoch, str) and epoch.isascii() and epoch.isprintable()):
            epoch = secrets.token_hex(8)
        if not (isinstance(title, str) and (title.isprintable() or not title)):
            title = ""
            self.done.changed.append(f"room {room_id}: its title is damaged")
        if not (isinstance(creator, str) and creator.isprintable()):
            creator = ""
            self.done.changed.append(f"room {room_id}: who created it is damaged")
        newcomers, created, *numbers = [
            number if isinstance(number, int) and number >= 0 else 0
            for number in (newcomers, created, *numbers)
        ]
        self._new.execute(
            f"INSERT INTO room (closed_to_newcomers, key, {_FACTS}) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (newcomers, key, room_id, epoch, created, title, *numbers, creator),
        )
        of_before = summed_from if isinstance(summed_from, int) else 1
        if self._version < CHECKSUMS_SINCE:
            of_before = 1 << 62
        self._rooms[key] = room_id, oldest if isinstance(oldest, int) else 0, of_before
        self.done.rooms += 1

    def _of_its_version(self, columns: str) -> str:
        """Columns as the file has them; the last one came with identities."""
        return (
            columns if self._version >= IDENTITIES_SINCE else columns.rpartition(", ")[0] + ", ''"
        )

    def _is_free(self, room_id: str) -> bool:
        return is_room_id(room_id) and all(room_id != other for other, _, _ in self._rooms.values())

    def _keep_nameless(self, key: int, why: str) -> None:
        """Messages whose room is not known: in one whose id nobody can guess."""
        room_id = room_ids.new_private_room_id(secrets.token_bytes)
        facts: list[Any] = [0, room_id, secrets.token_hex(8), 0, "", 1, 0, 0, ""]
        self.done.changed.append(f"{why}: its messages are in the private room {room_id}")
        self._keep_room(key, 0, 1, facts)

    # ---- Entries ----------------------------------------------------------------------

    def _salvage_entries(self) -> None:
        sql = f"SELECT {self._columns['entry']} FROM entry"
        for row in self._from_both_ends(sql, "room, sequence"):
            key = row[0]
            if isinstance(key, int) and key not in self._rooms and key not in self._closed:
                if sound(row, None) is None:
                    continue
                self._keep_nameless(key, f"a room (key {key}) is lost")
            self._keep(row)

    def _keep(self, row: Row) -> bool:
        """Keep an entry if it is sound; whether it is."""
        if row[0] not in self._rooms or not isinstance(row[0], int):
            return False
        entry = self._sound(row)
        if entry is not None:
            self._store(row[0], entry, "entry")
        return entry is not None

    def _sound(self, row: Row) -> Entry | None:
        key, sequence = row[:2]
        if not (isinstance(key, int) and isinstance(sequence, int) and sequence > 0):
            return None
        believed = key in self._rooms and sequence < self._rooms[key][2]
        return sound(row, self._legible if believed else None)

    def _store(self, key: int, entry: Entry, table: str) -> None:
        fixed = (key, entry.sequence, entry.sent, int(entry.kind), entry.author, entry.envelope)
        self._new.execute(
            f"INSERT OR IGNORE INTO {table} (room, sequence, sent, kind, author, envelope, nonce, "
            "checksum) VALUES (?,?,?,?,?,?,?,?)",
            (*fixed, entry.nonce or None, checksum(*fixed, entry.nonce)),
        )

    def _search(self) -> None:
        """Look for entries where a table cannot be read as a whole.

        What was trimmed may still be in pages that are free, and stays forgotten.
        """
        sql = f"SELECT {self._columns['entry']} FROM entry WHERE room = ?"
        for key in self._rooms:
            for row in self._from_both_ends(sql, "sequence", (key,)):
                self._keep(row)
        for row in self._in_pages():
            key, sequence = row[:2]
            if key in self._rooms and isinstance(sequence, int):
                oldest = self._rooms[key][1]
                if 1 <= oldest <= sequence:
                    self._keep(row)

    def _complete(self, key: int) -> None:
        """Look for each entry that is missing in a room, and put a mark where there is none."""
        room_id, oldest, _ = self._rooms[key]
        lost: list[int] = []
        kept = [
            sequence
            for (sequence,) in self._new.execute(
                "SELECT sequence FROM entry WHERE room = ? ORDER BY sequence", (key,)
            )
        ]
        first = kept[0] if kept else max(oldest, 1)
        if not 1 <= oldest <= first or first - oldest > MOST_MARKS:
            oldest = first
        position = oldest - 1
        for sequence in kept:
            lost += [each for each in range(position + 1, sequence) if not self._at(key, each)]
            position = sequence
        while (found := self._at(key, position + 1)) is not None:
            position += 1
            if not found:
                lost.append(position)
        for sequence in lost:
            self._store(key, damaged(sequence), "entry")
        if lost:
            self.done.lost[room_id] = lost
        self._count(key, oldest)

    def _at(self, key: int, sequence: int) -> bool | None:
        """Keep one entry: whether it was sound; None: there is none."""
        sql = f"SELECT {self._columns['entry']} FROM entry WHERE room = ? AND sequence = ?"
        row = next(self._rows(sql, (key, sequence)), None)
        return None if row is None else self._keep(row)

    def _count(self, key: int, oldest: int) -> None:
        execute = self._new.execute
        count, size = execute(
            f"SELECT count(*), coalesce(sum({STORED_BYTES}), 0) FROM entry WHERE room = ?", (key,)
        ).fetchone()
        execute(
            "UPDATE room SET oldest = :oldest, nonces_from = :oldest, size = :size "
            "WHERE key = :key",
            {"key": key, "oldest": oldest if count else 1, "size": size},
        )
        room_id = self._rooms[key][0]
        self._rooms[key] = room_id, oldest, self._rooms[key][2]
        self.done.entries += count - len(self.done.lost.get(room_id, ()))

    # ---- Nonces and members -------------------------------------------------------------

    def _salvage_nonces(self) -> None:
        """Copies of trimmed entries; without one a retry would be stored a second time."""
        sql = f"SELECT {self._columns['trimmed']} FROM trimmed"
        for row in self._from_both_ends(sql, "room, sequence"):
            key = row[0]
            if not isinstance(key, int) or key not in self._rooms:
                continue
            entry = self._sound(row)
            if entry is not None and entry.nonce and entry.sequence < self._rooms[key][1]:
                self._store(key, entry, "trimmed")

    def _salvage_members(self) -> None:
        """Who cannot be kept joins anew."""
        sql = f"SELECT room, {self._of_its_version(MEMBER_COLUMNS)} FROM member"
        lost = 0
        kept: set[int] = set()
        for room, *columns in self._from_both_ends(sql, "author"):
            record = None if len(columns) != 8 else member_record(*columns)
            if record is None or not isinstance(record.author, int):
                lost += 1
            elif room in self._rooms and record.author not in kept:
                kept.add(record.author)
                try:
                    self._new.execute(
                        f"INSERT INTO member (room, {MEMBER_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)",
                        (room, *columns),
                    )
                except sqlite3.IntegrityError:  # a column of another type
                    lost += 1
        if lost:
            self.done.changed.append(f"{lost} members are lost: they join anew")

    # ---- Bans and the like, and who did what ----------------------------------------------

    def _salvage_notes(self) -> None:
        lost: set[Row] = set()
        kept: set[Row] = set()
        sql = "SELECT room, kind, key, value, checksum FROM note"
        for row in self._from_both_ends(sql, "room, kind, key"):
            found = notes.sound(row)
            if found is None:
                lost.add(row)
            elif row[:3] not in kept and (found[0] == SERVER or found[0] in self._rooms):
                kept.add(row[:3])
                notes.store(self._new, found[0], [found[1]])
        if lost or self.done.pages:
            self.done.changed.append(
                "bans, mutes, invitations or reserved names may be lost: look at them"
            )

    def _salvage_records(self) -> None:
        """The audit log: what of it can be read."""
        kept: set[int] = set()
        for row in self._from_both_ends(f"SELECT number, {notes.RECORDED} FROM audit", "number"):
            if isinstance(row[0], int) and row[0] not in kept:
                kept.add(row[0])
                places = ",".join("?" * len(row))
                sql = f"INSERT INTO audit (number, {notes.RECORDED}) VALUES ({places})"
                try:
                    self._new.execute(sql, row)
                except sqlite3.IntegrityError:  # a column of another type
                    self.done.changed.append("a record of the audit log is lost")
