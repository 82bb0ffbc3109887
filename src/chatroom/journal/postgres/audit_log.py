"""The audit log: records are numbered in the order in which they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from chatroom.core.audit import AuditRecord

from .connecting import Connection
from .rows import AUDIT, audit_record
from .statements import MINE

RECORD = (
    MINE
    + """, numbered AS (
  UPDATE chatroom.audited a SET number = a.number + cardinality($3::int8[]) FROM mine
    RETURNING a.number - cardinality($3::int8[]) AS before
), recorded AS (
  INSERT INTO chatroom.audit
    (number, at, actor, key_id, token_id, address, method, room_id, target, outcome)
    SELECT n.before + r.place, r.at, r.actor, r.key_id, r.token_id, r.address, r.method,
      r.room_id, r.target, r.outcome
    FROM unnest($3::int8[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::text[], $11::text[]) WITH ORDINALITY
      AS r (at, actor, key_id, token_id, address, method, room_id, target, outcome, place)
    CROSS JOIN numbered n
)
SELECT EXISTS (SELECT FROM mine) AS mine, NULL AS done
"""
)
"""The numbers come from a row that is locked until they are stored. So whoever has read up to a
number finds all that comes later above it."""

_RECORDS = f"""
SELECT {AUDIT} FROM chatroom.audit WHERE number > $1 AND at >= $2 AND ($3 = '' OR room_id = $3)
  ORDER BY number LIMIT $4
"""


def columns(records: Sequence[AuditRecord]) -> list[list[object]]:
    """The values of RECORD."""
    names = AUDIT.split(", ")[1:]
    return [[_storable(getattr(each, name)) for each in records] for name in names]


def _storable(value: object) -> object:
    """PostgreSQL has no place for the character 0 in a text."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


async def records(
    connection: Connection, after: int, count: int, since: int, room_id: str
) -> list[AuditRecord]:
    """See `Journal.records`."""
    found = await connection.fetch(_RECORDS, after, since, room_id, count)
    return [audit_record(row) for row in found]
