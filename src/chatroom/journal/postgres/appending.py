"""An append: one statement for all rooms, in one round trip, that stores everything or nothing.

It locks the rooms in the order of their keys, so that no two nodes wait for each other, and
compares them with what its caller knows. Only if all are as expected, no nonce was used before
and the node's lease runs, is anything written: first of all the append's number, in the node's
own row. By that it can be told later what became of an append whose answer was lost.

No error tells a conflict, so the database's log does not fill with them. What reads a row that
another node may have changed since the statement began joins `mine` and `there` rather than
asking for them in a subquery: PostgreSQL looks at such a row again (EvalPlanQual), and what it
has joined it knows then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chatroom.core.entry import Entry, Kind, all_stored_bytes
from chatroom.core.notes import SERVER
from chatroom.journal.port import NONCE_SECONDS, Append

LEASE_SECONDS = 8
"""For which a node is taken to live after the latest that was heard of it."""

_WANTED = """
WITH wanted AS (
  SELECT * FROM unnest({rooms}::int8[], {expected}::int8[], {versions}::int8[], {newest}::int8[],
    {last_sent}::int8[], {grown}::int8[], {said}::int8[], {active}::int8[])
    AS w (room, expected, version, newest, last_sent, grown, said, active)
), there AS MATERIALIZED (
  SELECT r.key, r.newest, r.version, r.closed, w.expected, w.version AS known
    FROM wanted w JOIN chatroom.room r ON r.key = w.room ORDER BY r.key FOR UPDATE OF r
), fit AS MATERIALIZED (
  SELECT key FROM there WHERE closed IS NULL AND newest = coalesce(expected, newest)
    AND version = coalesce(known, version)
)"""
_USED = """, used AS MATERIALIZED (
  SELECT n.author FROM unnest({nonce_authors}::int8[], {nonces}::bytea[], {nonces_sent}::int8[])
    AS a (author, nonce, sent) JOIN chatroom.nonce n ON n.author = a.author AND n.nonce = a.nonce
    WHERE a.sent - n.sent < {nonce_ns}
)"""
_MINE = """, mine AS (
  UPDATE chatroom.node SET turn = {turn}::int8,
    expires = clock_timestamp() + {lease}::float8 * interval '1 second'
    WHERE id = {node}::int8 AND turn < {turn}::int8 AND expires > clock_timestamp()
    AND (SELECT count(*) FROM fit) = cardinality({rooms}::int8[])
    AND NOT EXISTS (SELECT FROM used) RETURNING id
)"""
_GROW = """, grown AS (
  UPDATE chatroom.room r SET version = r.version + 1, size = r.size + w.grown,
    newest = coalesce(w.newest, r.newest), last_sent = coalesce(w.last_sent, r.last_sent),
    said = coalesce(w.said, r.said), active = coalesce(w.active, r.active)
    FROM wanted w CROSS JOIN mine WHERE r.key = w.room
)"""
_CHANGE = """, changed AS (
  SELECT * FROM unnest({rooms}::int8[], {closes}::bool[], {titles}::text[], {capacities}::int8[],
    {histories}::int8[], {closed_to_newcomers}::bool[])
    AS c (room, closes, title, capacity, history, closed_to_newcomers)
), grown AS (
  UPDATE chatroom.room r SET version = r.version + 1, size = r.size + w.grown,
    newest = coalesce(w.newest, r.newest), last_sent = coalesce(w.last_sent, r.last_sent),
    said = coalesce(w.said, r.said), active = coalesce(w.active, r.active),
    title = coalesce(c.title, r.title), capacity = coalesce(c.capacity, r.capacity),
    history = coalesce(c.history, r.history),
    closed_to_newcomers = coalesce(c.closed_to_newcomers, r.closed_to_newcomers),
    closed = CASE WHEN c.closes THEN clock_timestamp() END
    FROM wanted w JOIN changed c ON c.room = w.room CROSS JOIN mine WHERE r.key = w.room
), cleared AS (
  UPDATE chatroom.member m SET gone = clock_timestamp(), session = NULL, version = t.version + 1
    FROM changed c JOIN there t ON t.key = c.room CROSS JOIN mine
    WHERE c.closes AND m.room = c.room AND m.gone IS NULL
), void AS (
  DELETE FROM chatroom.note n USING changed c CROSS JOIN mine WHERE c.closes AND n.room = c.room
)"""
_ENTRIES = """, stored AS (
  INSERT INTO chatroom.entry (room, sequence, sent, kind, author, nonce, envelope)
    SELECT e.room, e.sequence, e.sent, e.kind, e.author, e.nonce, e.envelope
    FROM unnest({entry_rooms}::int8[], {sequences}::int8[], {sent}::int8[], {kinds}::int2[],
      {authors}::int8[], {entry_nonces}::bytea[], {envelopes}::bytea[])
      AS e (room, sequence, sent, kind, author, nonce, envelope) CROSS JOIN mine
)"""
_NONCES = """, noted AS (
  INSERT INTO chatroom.nonce (author, nonce, room, sequence, sent)
    SELECT a.author, a.nonce, a.room, a.sequence, a.sent
    FROM unnest({nonce_authors}::int8[], {nonces}::bytea[], {nonces_sent}::int8[],
      {nonce_rooms}::int8[], {nonce_sequences}::int8[])
      AS a (author, nonce, sent, room, sequence) CROSS JOIN mine
    ON CONFLICT (author, nonce) DO UPDATE SET room = excluded.room,
      sequence = excluded.sequence, sent = excluded.sent, kind = NULL, envelope = NULL
)"""
_MEMBERS = """, going AS (
  SELECT o.author, o.room, o.version FROM unnest({gone}::int8[]) AS g (author)
    JOIN chatroom.member o ON o.author = g.author
  UNION SELECT o.author, o.room, o.version FROM unnest({sessions}::bytea[]) AS s (session)
    JOIN chatroom.member o ON o.session = s.session WHERE o.author <> ALL ({members}::int8[])
), forgotten AS (
  UPDATE chatroom.member m SET gone = clock_timestamp(), session = NULL,
    version = coalesce(t.version + 1, o.version)
    FROM going o LEFT JOIN there t ON t.key = o.room CROSS JOIN mine
    WHERE m.author = o.author AND m.gone IS NULL RETURNING 1
), remembered AS (
  INSERT INTO chatroom.member (author, room, name, since, logged, session, ended, removed,
      subject, invitation, former, node, version)
    SELECT m.author, m.room, m.name, m.since, m.logged, m.session, m.ended, m.removed, m.subject,
      m.invitation, m.former, coalesce(m.node, {node}::int8), t.version + 1
    FROM unnest({members}::int8[], {member_rooms}::int8[], {names}::text[], {since}::int8[],
      {logged}::bool[], {member_sessions}::bytea[], {ended}::int8[], {removed}::bool[],
      {subjects}::text[], {invitations}::text[], {former}::text[], {member_nodes}::int8[])
      AS m (author, room, name, since, logged, session, ended, removed, subject, invitation, former,
        node)
    JOIN there t ON t.key = m.room CROSS JOIN mine
    CROSS JOIN (SELECT count(*) FROM forgotten) first  -- a session may pass from one to another
    ON CONFLICT (author) DO UPDATE SET room = excluded.room, name = excluded.name,
      since = excluded.since, logged = excluded.logged, session = excluded.session,
      ended = excluded.ended, removed = excluded.removed, subject = excluded.subject,
      invitation = excluded.invitation, former = excluded.former, node = excluded.node,
      version = excluded.version, gone = NULL
)"""
_NOTES = """, annotated AS (
  INSERT INTO chatroom.note (room, kind, key, value, version, gone)
    SELECT n.room, n.kind, n.key, n.value, t.version + 1,
      CASE WHEN n.value = '' THEN clock_timestamp() END
    FROM unnest({note_rooms}::int8[], {note_kinds}::int2[], {note_keys}::text[], {values}::text[])
      AS n (room, kind, key, value) JOIN there t ON t.key = n.room CROSS JOIN mine
    ON CONFLICT (room, kind, key) DO UPDATE SET value = excluded.value,
      version = excluded.version, gone = excluded.gone
)"""
_TOLD = """
SELECT EXISTS (SELECT FROM mine) AS stored, EXISTS (SELECT FROM used) AS used,
  CASE WHEN NOT EXISTS (SELECT FROM mine)
    THEN ARRAY (SELECT room FROM wanted EXCEPT SELECT key FROM fit) END AS differs"""
_NONE_USED = ", used AS (SELECT WHERE false)"

FIND_NONCES = f"""
SELECT n.author, n.nonce, n.sequence, n.sent, coalesce(n.kind, e.kind) AS kind,
  coalesce(n.envelope, e.envelope) AS envelope
  FROM unnest($1::int8[], $2::bytea[], $3::int8[]) AS a (author, nonce, sent)
  JOIN chatroom.nonce n ON n.author = a.author AND n.nonce = a.nonce
  LEFT JOIN chatroom.entry e ON e.room = n.room AND e.sequence = n.sequence
  WHERE a.sent - n.sent < {NONCE_SECONDS * 1_000_000_000}
"""
"""What was stored with nonces that count: of authors, nonces, and when they are used again."""

Columns = dict[str, list[Any]]


@dataclass(slots=True)
class Bound:
    """An append as a statement with its values, but for the node and the number of the turn."""

    sql: str
    names: Sequence[str]
    columns: Mapping[str, Any]

    def values(self, node: int, turn: int) -> list[Any]:
        """Its values for one try."""
        columns = {**self.columns, "node": node, "turn": turn}
        return [columns[name] for name in self.names]


def bind(appends: Sequence[Append], grown: Mapping[int, int] | None = None) -> Bound:
    """The statement that stores appends; `grown`: what their replaced entries add to sizes."""
    rooms = [append.key for append in appends]
    columns: dict[str, Any] = {"lease": float(LEASE_SECONDS), "rooms": rooms}
    entries = [entry for append in appends for entry in append.entries]
    _rooms(columns, appends, grown or {})
    nonced = False
    if entries:
        nonced = _entries(columns, appends, entries)
    members = any(append.members or append.gone for append in appends)
    if members:
        _members(columns, appends)
    notes = any(append.notes and not append.closes for append in appends)
    if notes:
        _notes(columns, appends)
    changes = any(append.facts is not None or append.closes for append in appends)
    if changes:
        _changes(columns, appends)
    sql, names = _statement(bool(entries), nonced, members, notes, changes)
    return Bound(sql, names, columns)


@lru_cache
def _statement(
    entries: bool, nonced: bool, members: bool, notes: bool, changes: bool
) -> tuple[str, tuple[str, ...]]:
    """The statement with these parts, and the names of its values in order."""
    text = _WANTED + (_USED if nonced else _NONE_USED) + _MINE + (_CHANGE if changes else _GROW)
    for part, wanted in (
        (_ENTRIES, entries), (_NONCES, nonced), (_MEMBERS, members), (_NOTES, notes),
    ):  # fmt: skip
        if wanted:
            text += part
    names = _Places()
    sql = (text + _TOLD).format_map(names)
    return sql, tuple(names.order)


class _Places(dict[str, str]):
    """Gives each name that is asked for a place among the values."""

    def __init__(self) -> None:
        super().__init__(nonce_ns=str(NONCE_SECONDS * 1_000_000_000))
        self.order: list[str] = []

    def __missing__(self, name: str) -> str:
        self.order.append(name)
        place = self[name] = f"${len(self.order)}"
        return place


def _rooms(columns: Columns, appends: Sequence[Append], grown: Mapping[int, int]) -> None:
    rows = []
    for append in appends:
        entries = append.entries
        said = next((entry for entry in reversed(entries) if entry.kind is Kind.SAID), None)
        rows.append(
            (
                entries[0].sequence - 1 if entries else None,
                append.version,
                entries[-1].sequence if entries else None,
                entries[-1].sent if entries else None,
                all_stored_bytes(entries) + grown.get(append.key, 0),
                said.sequence if said is not None else None,
                said.sent if said is not None else None,
            )
        )
    names = ("expected", "versions", "newest", "last_sent", "grown", "said", "active")
    columns.update(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _entries(columns: Columns, appends: Sequence[Append], entries: Sequence[Entry]) -> bool:
    """Columns of entries; whether any has a nonce."""
    columns["entry_rooms"] = [append.key for append in appends for _ in append.entries]
    columns["sequences"] = [entry.sequence for entry in entries]
    columns["sent"] = [entry.sent for entry in entries]
    columns["kinds"] = [entry.kind for entry in entries]
    columns["authors"] = [entry.author for entry in entries]
    columns["envelopes"] = [entry.envelope for entry in entries]
    columns["entry_nonces"] = [entry.nonce.encode() or None for entry in entries]
    nonced = [(a.key, entry) for a in appends for entry in a.entries if entry.nonce]
    if nonced:
        columns["nonce_authors"] = [entry.author for _, entry in nonced]
        columns["nonces"] = [entry.nonce.encode() for _, entry in nonced]
        columns["nonces_sent"] = [entry.sent for _, entry in nonced]
        columns["nonce_rooms"] = [key for key, _ in nonced]
        columns["nonce_sequences"] = [entry.sequence for _, entry in nonced]
    return bool(nonced)


def _members(columns: Columns, appends: Sequence[Append]) -> None:
    gone = {author for append in appends for author in append.gone}
    nodes = {author: node for append in appends for author, node in append.nodes.items()}
    there = {
        each.author: (append.key, each)
        for append in appends
        if not append.closes
        for each in append.members
        if each.author not in gone
    }
    records = [record for _, record in there.values()]
    columns["gone"] = list(gone)
    columns["members"] = list(there)
    columns["member_nodes"] = [nodes.get(author) for author in there]
    columns["member_rooms"] = [key for key, _ in there.values()]
    columns["names"] = [record.name for record in records]
    columns["since"] = [record.since for record in records]
    columns["logged"] = [record.logged for record in records]
    columns["member_sessions"] = [record.session for record in records]
    columns["sessions"] = [record.session for record in records if record.session is not None]
    columns["ended"] = [record.ended for record in records]
    columns["removed"] = [record.removed for record in records]
    columns["subjects"] = [record.subject for record in records]
    columns["invitations"] = [record.invitation for record in records]
    columns["former"] = ["\n".join(record.former) for record in records]


def _notes(columns: Columns, appends: Sequence[Append]) -> None:
    latest = {
        (append.key, note.kind, note.key): note.value
        for append in appends
        if not append.closes
        for note in append.notes
    }
    columns["note_rooms"] = [room for room, _, _ in latest]
    columns["note_kinds"] = [kind for _, kind, _ in latest]
    columns["note_keys"] = [key for _, _, key in latest]
    columns["values"] = list(latest.values())


def _changes(columns: Columns, appends: Sequence[Append]) -> None:
    facts = [append.facts for append in appends]
    columns["closes"] = [append.closes and append.key != SERVER for append in appends]
    columns["titles"] = [each and each.title for each in facts]
    columns["capacities"] = [each and each.capacity for each in facts]
    columns["histories"] = [each and each.history for each in facts]
    columns["closed_to_newcomers"] = [each and each.closed_to_newcomers for each in facts]
