"""Rows of the tables as what the port speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import asyncpg

from chatroom.core.audit import AuditRecord
from chatroom.core.entry import Entry, Kind
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.record import MemberRecord
from chatroom.journal.port import StoredRoom

from .connecting import Connection

Row: TypeAlias = "asyncpg.Record | Mapping[str, Any]"

KINDS = {int(kind): kind for kind in Kind}
_NOTE_KINDS = {int(kind): kind for kind in NoteKind}

MEMBER = "author, name, since, logged, session, ended, removed, subject, former, invitation"
"""Columns that make a `MemberRecord`."""
AUDIT = "number, at, actor, key_id, token_id, address, method, room_id, target, outcome"
"""Columns that make an `AuditRecord`."""

_ROOMS = """
SELECT key, room_id, epoch, created, title, private, capacity, history, creator,
  closed_to_newcomers, newest, last_sent, oldest, size, said, active, version
  FROM chatroom.room WHERE closed IS NULL AND key <> 0 AND {which} ORDER BY key
"""
_INSIDE = f"""
SELECT room, node, {MEMBER} FROM chatroom.member WHERE ended = 0 AND gone IS NULL AND {{which}}
  ORDER BY since, author
"""
_NOTES = "SELECT room, kind, key, value FROM chatroom.note WHERE gone IS NULL AND {which}"


def member(row: Row) -> MemberRecord:
    """A member, of the columns MEMBER."""
    columns = {name: row[name] for name in MEMBER.split(", ")}
    former = columns.pop("former")
    return MemberRecord(**columns, former=tuple(former.split("\n")) if former else ())


def facts(row: asyncpg.Record) -> RoomFacts:
    """What a room is."""
    return RoomFacts(
        row["key"], row["room_id"], row["epoch"], row["created"], row["title"], row["private"],
        row["capacity"], row["history"], row["creator"], row["closed_to_newcomers"],
    )  # fmt: skip


def entry(row: asyncpg.Record) -> Entry:
    """An entry without its nonce."""
    return Entry(row["sequence"], row["sent"], KINDS[row["kind"]], row["author"], row["envelope"])


def note(row: asyncpg.Record) -> Note:
    """A note."""
    return note_of(row["kind"], row["key"], row["value"])


def note_of(kind: int, key: str, value: str) -> Note:
    """A note, of its columns."""
    return Note(_NOTE_KINDS[kind], key, value)


def audit_record(row: asyncpg.Record) -> AuditRecord:
    """A record, of the columns AUDIT."""
    return AuditRecord(**dict(row.items()))


async def rooms(connection: Connection, key: int | None = None) -> list[StoredRoom]:
    """All open rooms, or that of a key, as they are at one moment, in order of key."""
    keys = () if key is None else (key,)
    which = "true" if key is None else "room = $1"
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = await connection.fetch(_ROOMS.format(which=which.replace("room", "key")), *keys)
        inside: dict[int, list[MemberRecord]] = {}
        nodes: dict[int, dict[int, int]] = {}
        for row in await connection.fetch(_INSIDE.format(which=which), *keys):
            inside.setdefault(row["room"], []).append(member(row))
            nodes.setdefault(row["room"], {})[row["author"]] = row["node"]
        notes: dict[int, list[Note]] = {}
        for row in await connection.fetch(_NOTES.format(which=which), *keys):
            notes.setdefault(row["room"], []).append(note(row))
    return [_room(row, inside, nodes, notes) for row in found]


def _room(
    row: asyncpg.Record,
    inside: dict[int, list[MemberRecord]],
    nodes: dict[int, dict[int, int]],
    notes: dict[int, list[Note]],
) -> StoredRoom:
    key = row["key"]
    return StoredRoom(
        facts(row),
        newest=row["newest"],
        last_sent=row["last_sent"],
        oldest=row["oldest"],
        size=row["size"],
        inside=tuple(inside.get(key, ())),
        active=row["active"] if row["said"] >= row["oldest"] else 0,
        notes=tuple(notes.get(key, ())),
        version=row["version"],
        nodes=nodes.get(key, {}),
    )


async def server_notes(connection: Connection) -> Sequence[Note]:
    """The server's own."""
    rows = await connection.fetch(_NOTES.format(which="room = $1"), SERVER)
    return [note(row) for row in rows]
