"""What other nodes have changed in rooms since one has looked at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chatroom.core.facts import RoomFacts
from chatroom.core.notes import Note
from chatroom.core.record import MemberRecord

from .connecting import Connection
from .rows import MEMBER, facts, member, note

_ROOMS = """
SELECT r.key, r.room_id, r.epoch, r.created, r.title, r.private, r.capacity, r.history, r.creator,
  r.closed_to_newcomers, r.closed IS NOT NULL AS is_closed, r.newest, r.oldest, r.version
  FROM unnest($1::int8[], $2::int8[]) AS k (key, version)
  JOIN chatroom.room r ON r.key = k.key WHERE r.version > k.version ORDER BY r.key
"""
_MEMBERS = f"""
SELECT room, node, gone IS NOT NULL AS is_gone, {", ".join("m." + c for c in MEMBER.split(", "))}
  FROM unnest($1::int8[], $2::int8[]) AS k (key, known)
  JOIN chatroom.member m ON m.room = k.key AND m.version > k.known ORDER BY m.since, m.author
"""
_NOTES = """
SELECT n.room, n.kind, n.key, n.value FROM unnest($1::int8[], $2::int8[]) AS k (key, known)
  JOIN chatroom.note n ON n.room = k.key AND n.version > k.known ORDER BY n.kind, n.key
"""
_NODES = """
SELECT id, name, address, expires > clock_timestamp() AS lives FROM chatroom.node ORDER BY id
"""


@dataclass(slots=True)
class Changed:
    """A room as it is now, and what of its members and notes has changed."""

    facts: RoomFacts
    version: int
    newest: int
    oldest: int
    closed: bool
    members: list[tuple[int, MemberRecord]] = field(default_factory=list)
    """With the nodes that wrote them."""
    gone: list[int] = field(default_factory=list)
    """Authors of whom nothing is kept any more; known for `upkeep.GONE_SECONDS`."""
    notes: list[Note] = field(default_factory=list)
    """Empty: there is no such note any more; known for as long."""


@dataclass(slots=True, frozen=True)
class Node:
    """A server of this database."""

    id: int
    name: str
    address: str
    lives: bool
    """Whether its lease runs."""


async def changed(connection: Connection, known: Mapping[int, int]) -> list[Changed]:
    """Rooms by their keys that have another version than is known, as they are at one moment.

    One that is not there any more, since it was closed long ago, is not told. The server's own
    notes are those of the key `notes.SERVER`.
    """
    where = (list(known), list(known.values()))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = {
            row["key"]: Changed(
                facts(row), row["version"], row["newest"], row["oldest"], row["is_closed"]
            )
            for row in await connection.fetch(_ROOMS, *where)
        }
        if not found:
            return []
        where = (list(found), [known[key] for key in found])
        for row in await connection.fetch(_MEMBERS, *where):
            room = found[row["room"]]
            if row["is_gone"]:
                room.gone.append(row["author"])
            else:
                room.members.append((row["node"], member(row)))
        for row in await connection.fetch(_NOTES, *where):
            found[row["room"]].notes.append(note(row))
    return list(found.values())


async def nodes(connection: Connection) -> Sequence[Node]:
    """All that nobody has buried, this one too."""
    return [Node(*row) for row in await connection.fetch(_NODES)]
