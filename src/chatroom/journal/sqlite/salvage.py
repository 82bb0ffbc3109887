"""What can still be read of a damaged file, row by row, into a new one.

SQLite's own recovery is in its shell alone. So a table is read from both ends up to the
first page that cannot be read, and what of entries is still missing is looked for in all pages.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chatroom.core import room_ids
from chatroom.core.notes import SERVER

from . import notes, rows_of_before
from .blocks import COLUMNS
from .damage import is_damage
from .ends import is_room_id
from .gathering import LARGE, Gathering, Room, Row
from .rows_of_before import CHECKSUMS_SINCE, Legible
from .schema import BLOCKS_SINCE, IDENTITIES_SINCE, MODERATION_SINCE
from .writer import MEMBER_COLUMNS, member_record

_MOST_KEYS = 100_000
"""Rooms looked for one by one where their table cannot be read."""

_FACTS = "room_id, epoch, created, title, private, capacity, history, creator"


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
        self._in_blocks = version >= BLOCKS_SINCE
        self._columns = (
            {"block": COLUMNS} if self._in_blocks else rows_of_before.columns_of(version)
        )
        self._entries = Gathering(new, legible, in_blocks=self._in_blocks)
        self._closed: set[int] = set()
        self._rooms: dict[int, Room] = {}
        """By key."""
        self.done = Salvaged()

    def run(self) -> Salvaged:
        """Keep what can be kept, all in the transaction that is open in `new`."""
        self._salvage_rooms()
        self._salvage_entries()
        if self.done.pages:
            self._search()
        for key, room in self._rooms.items():
            if lost := self._entries.complete(key, room):
                self.done.lost[room.room_id] = lost
        if "trimmed" in self._columns:
            self._salvage_trimmed()
        for key, room in self._rooms.items():
            kept = self._entries.write(key, room)
            self.done.entries += kept - len(self.done.lost.get(room.room_id, ()))
        self._entries.end()
        if self._version > 1:
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
        bounds = "oldest, size, nonces_from, 1" if self._version > 1 else "1, 0, 1, 1"
        if not self._in_blocks:
            bounds = bounds.replace("nonces_from", "1")  # what does not count was deleted
            if self._version >= CHECKSUMS_SINCE:
                bounds = bounds.removesuffix("1") + "summed_from"
        newcomers = "closed_to_newcomers" if self._version >= MODERATION_SINCE else "0"
        wanted = f"{bounds}, {newcomers}, {self._of_its_version(_FACTS, creator=IDENTITIES_SINCE)}"
        sql = f"SELECT key, closed, {wanted} FROM room"
        found = {row[0]: row for row in self._from_both_ends(sql, "key")}
        if self.done.pages:
            for key in range(1, _MOST_KEYS):
                if key not in found:
                    found |= {row[0]: row for row in self._rows(f"{sql} WHERE key = ?", (key,))}
        for key, closed, *row in found.values():
            if closed:
                self._closed.add(key)
                continue
            self._keep_room(key, row[:4], row[4:])

    def _keep_room(self, key: int, bounds: list[Any], facts: list[Any]) -> None:
        newcomers, room_id, epoch, created, title, *numbers, creator = facts
        if not (isinstance(room_id, str) and self._is_free(room_id)):
            self._keep_nameless(key, "the id of a room is damaged", bounds)
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
        oldest, size, nonces_from, summed_from = [
            number if isinstance(number, int) and 0 <= number < LARGE else 0 for number in bounds
        ]
        if self._version < CHECKSUMS_SINCE:
            summed_from = LARGE
        self._rooms[key] = Room(room_id, oldest, size, nonces_from or 1, summed_from or 1)
        self.done.rooms += 1

    def _of_its_version(self, columns: str, **since: int) -> str:
        """Columns as the file has them: those that came with later versions are empty texts."""
        return ", ".join(
            "''" if self._version < since.get(column, 1) else column
            for column in columns.split(", ")
        )

    def _is_free(self, room_id: str) -> bool:
        return is_room_id(room_id) and all(room_id != room.room_id for room in self._rooms.values())

    def _keep_nameless(self, key: int, why: str, bounds: list[Any]) -> None:
        """Messages whose room is not known: in one whose id nobody can guess."""
        room_id = room_ids.new_private_room_id(secrets.token_bytes)
        facts: list[Any] = [0, room_id, secrets.token_hex(8), 0, "", 1, 0, 0, ""]
        self.done.changed.append(f"{why}: its messages are in the private room {room_id}")
        self._keep_room(key, bounds, facts)

    # ---- Entries ----------------------------------------------------------------------

    def _salvage_entries(self) -> None:
        table, order = ("block", "rowid") if self._in_blocks else ("entry", "room, sequence")
        for row in self._from_both_ends(f"SELECT {self._columns[table]} FROM {table}", order):
            key = row[0]
            if isinstance(key, int) and key not in self._rooms and key not in self._closed:
                if not self._entries.sound(row):
                    continue
                self._keep_nameless(key, f"a room (key {key}) is lost", [0, 0, 1, 1])
            if isinstance(key, int) and key in self._rooms:
                self._entries.keep(key, self._rooms[key], row)

    def _search(self) -> None:
        """Look for entries where a table cannot be read as a whole.

        What was trimmed may still be in pages that are free, and stays forgotten.
        """
        if not self._in_blocks:
            sql = f"SELECT {self._columns['entry']} FROM entry WHERE room = ?"
            for key, room in self._rooms.items():
                for row in self._from_both_ends(sql, "sequence", (key,)):
                    self._entries.keep(key, room, row)
        for row in self._in_pages():
            key, first, count = row[:3]
            if not (isinstance(key, int) and key in self._rooms and isinstance(first, int)):
                continue
            room = self._rooms[key]
            last = first + count - 1 if self._in_blocks and isinstance(count, int) else first
            if 1 <= room.oldest <= last:
                for entry in self._entries.sound(row, room.summed_from):
                    self._entries.add(key, entry)

    # ---- Copies for nonces, and members ---------------------------------------------------

    def _salvage_trimmed(self) -> None:
        """Copies of trimmed entries; without one a retry would be stored a second time."""
        sql = f"SELECT {self._columns['trimmed']} FROM trimmed"
        for row in self._from_both_ends(sql, "room, sequence"):
            key = row[0]
            if isinstance(key, int) and key in self._rooms:
                for entry in self._entries.sound(row, self._rooms[key].summed_from):
                    if entry.nonce and entry.sequence < self._rooms[key].oldest:
                        self._entries.add(key, entry)

    def _salvage_members(self) -> None:
        """Who cannot be kept joins anew."""
        columns_here = self._of_its_version(
            MEMBER_COLUMNS, subject=IDENTITIES_SINCE, invitation=BLOCKS_SINCE, former=BLOCKS_SINCE
        )
        sql = f"SELECT room, {columns_here} FROM member"
        lost = 0
        kept: set[int] = set()
        for room, *columns in self._from_both_ends(sql, "author"):
            record = member_record(*columns)
            if record is None or not isinstance(record.author, int):
                lost += 1
            elif room in self._rooms and record.author not in kept:
                kept.add(record.author)
                try:
                    self._new.execute(
                        f"INSERT INTO member (room, {MEMBER_COLUMNS}) "
                        "VALUES (?,?,?,?,?,?,?,?,?,?,?)",
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
