"""News: what others have appended to rooms since a node last looked, each room at one moment."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from chatroom.core.entry import Entry
from chatroom.core.news import News
from chatroom.core.notes import SERVER
from chatroom.core.record import MemberRecord
from chatroom.journal.sharing import Asked, Node

from .connecting import Connection
from .rows import KINDS, MEMBER, facts, member, note_of

MOST_ENTRIES = 500
"""Of one room: whoever is further behind reads pages."""

_MEMBER = ", ".join(f"m.{name}" for name in MEMBER.split(", "))
_ENTRY = "e.sequence, e.sent, e.kind, e.author, e.envelope"

NEWS = f"""
SELECT r.*,
  ARRAY (SELECT ROW({_ENTRY}) FROM (
      SELECT * FROM chatroom.entry e WHERE e.room = r.key AND e.sequence > a.after
        ORDER BY e.sequence DESC LIMIT {MOST_ENTRIES}) AS e ORDER BY e.sequence) AS entries,
  ARRAY (SELECT ROW({_ENTRY}) FROM chatroom.entry e
    WHERE e.room = r.key AND e.replaced > a.version) AS replaced,
  ARRAY (SELECT ROW(m.node, m.gone IS NULL AND m.ended = 0, {_MEMBER}) FROM chatroom.member m
    WHERE m.room = r.key AND m.version > a.version ORDER BY m.since, m.author) AS members,
  ARRAY (SELECT ROW(n.kind, n.key, n.value) FROM chatroom.note n
    WHERE n.room = r.key AND n.version > a.version) AS notes
  FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS a (key, version, after)
  JOIN chatroom.room r ON r.key = a.key WHERE r.version > a.version ORDER BY r.key
"""
_MOST = (1 << 63) - 1
"""Above every sequence: for who wants no entries."""

VERSIONS = "SELECT key, version FROM chatroom.room WHERE closed IS NULL"

LOCK = "SELECT key FROM chatroom.room WHERE key = ANY ($1::int8[]) ORDER BY key FOR UPDATE"

_NODES = """
SELECT id, name, expires > clock_timestamp() AS alive FROM chatroom.node ORDER BY id
"""


async def news(connection: Connection, asked: Sequence[Asked]) -> list[News]:
    """See `SharedJournal.news`."""
    rows = await connection.fetch(
        NEWS,
        [each.key for each in asked],
        [each.version for each in asked],
        [_MOST if each.after is None else each.after for each in asked],
    )
    return [_news(row) for row in rows]


def _news(row: asyncpg.Record) -> News:
    notes = [note_of(*each) for each in row["notes"]]
    if row["key"] == SERVER:
        return News.of_server(row["version"], notes)
    members: list[tuple[MemberRecord, int]] = []
    gone: list[int] = []
    for node, inside, *columns in row["members"]:
        record = member(dict(zip(MEMBER.split(", "), columns, strict=True)))
        if inside:
            members.append((record, node))
        else:
            gone.append(record.author)
    return News(
        facts=facts(row),
        version=row["version"],
        newest=row["newest"],
        last_sent=row["last_sent"],
        oldest=row["oldest"],
        size=row["size"],
        active=row["active"] if row["said"] >= row["oldest"] else 0,
        entries=[_entry(*each) for each in row["entries"]],
        replaced=[_entry(*each) for each in row["replaced"]],
        members=members,
        gone=gone,
        notes=notes,
        closed=row["closed"] is not None,
    )


def _entry(sequence: int, sent: int, kind: int, author: int, envelope: bytes) -> Entry:
    return Entry(sequence, sent, KINDS[kind], author, envelope)


async def versions(connection: Connection) -> dict[int, int]:
    """See `SharedJournal.versions`."""
    return {row["key"]: row["version"] for row in await connection.fetch(VERSIONS)}


async def nodes(connection: Connection) -> list[Node]:
    """See `SharedJournal.nodes`."""
    rows = await connection.fetch(_NODES)
    return [Node(row["id"], row["name"], row["alive"]) for row in rows]
