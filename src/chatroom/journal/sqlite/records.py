"""Records of the redo log: an append as bytes, and bytes as appends.

A record is a head and a payload. The head: the payload's bytes, the CRC-32 (of zlib) of all
that follows it, the run of the server that wrote it, its number in that run. The payload: for
each room its key, the first sequence, how many entries, members and authors that are gone,
and flags; then those, and as the flags say notes and what the room is from then on. Of the
entries each field is a column: time, author, the lengths of envelope and nonce, kind; then all
envelopes and all nonces. Numbers are little endian, texts are UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zlib import crc32

from chatroom.core.entry import Entry, Kind
from chatroom.core.facts import RoomFacts
from chatroom.core.notes import Note, NoteKind
from chatroom.core.record import MemberRecord
from chatroom.journal.port import Append

_HEAD = struct.Struct("<IIqq")
_RUN_AT = 8
_CHECKED = struct.Struct("<qq")
_ROOM = struct.Struct("<qqIIIB")
_CLOSES, _SUBJECTS, _NOTES, _FACTS, _INVITATIONS, _FORMER = 1, 2, 4, 8, 16, 32
"""What the last number of a room says: it closes; behind each member its subject stands, behind
that its invitation, and behind that its former names, a line each; at the end are notes; behind
those the room as it is from then on."""
_MEMBER = struct.Struct("<qqq???HB")
_TEXT = struct.Struct("<H")
_COUNT = struct.Struct("<I")
_NOTE = struct.Struct("<BHI")
_ROOM_FACTS = struct.Struct("<II?H")
_AUTHOR = struct.Struct("<q")
_KINDS = {int(kind): kind for kind in Kind}

RUNS = 1 << 63
"""Runs are numbers below it; 0 is none."""


@dataclass(slots=True, frozen=True)
class Record:
    """One append, as the redo log has it."""

    number: int
    appends: Sequence[Append]


@dataclass(slots=True, frozen=True)
class Found:
    """What a file of the redo log holds of a run."""

    records: list[Record]
    """From its beginning, with numbers that follow each other."""
    beyond: list[Record]
    """Later ones, which stand behind something that is no record.

    What is not waited for may be found so after a loss of power; what is, only if it is damaged.
    """


def encode(run: int, number: int, appends: Sequence[Append]) -> bytes:
    """The record of an append; a third of a microsecond an entry where there are many."""
    parts: list[bytes] = []
    for append in appends:
        entries = append.entries
        first = entries[0].sequence if entries else 0
        members, gone = append.members, append.gone
        flags = append.closes | _SUBJECTS | _INVITATIONS | _FORMER
        if append.notes:
            flags |= _NOTES
        if append.facts is not None:
            flags |= _FACTS
        parts.append(_ROOM.pack(append.key, first, len(entries), len(members), len(gone), flags))
        if entries:
            envelopes = [entry.envelope for entry in entries]
            nonces = [entry.nonce.encode() for entry in entries]
            parts.append(
                _columns(len(entries)).pack(
                    *[entry.sent for entry in entries],
                    *[entry.author for entry in entries],
                    *map(len, envelopes),
                    *map(len, nonces),
                    *[entry.kind for entry in entries],
                )
            )
            parts += envelopes
            parts += nonces
        parts += [_member(record) for record in members]
        parts += [_AUTHOR.pack(author) for author in gone]
        if append.notes:
            parts.append(_COUNT.pack(len(append.notes)))
            parts += [_note(note) for note in append.notes]
        if append.facts is not None:
            parts.append(_facts(append.facts))
    payload = b"".join(parts)
    checked = crc32(payload, crc32(_CHECKED.pack(run, number)))
    return _HEAD.pack(len(payload), checked, run, number) + payload


@lru_cache(maxsize=256)
def _columns(entries: int) -> struct.Struct:
    n = entries
    return struct.Struct(f"<{n}q{n}q{n}I{n}H{n}B")


def _member(record: MemberRecord) -> bytes:
    name, session, subject = record.name.encode(), record.session, record.subject.encode()
    invitation, former = record.invitation.encode(), "\n".join(record.former).encode()
    return (
        _MEMBER.pack(
            record.author, record.since, record.ended, record.logged, record.removed,
            session is not None, len(name), len(session or b""),
        )
        + name
        + (session or b"")
        + _TEXT.pack(len(subject))
        + subject
        + _TEXT.pack(len(invitation))
        + invitation
        + _TEXT.pack(len(former))
        + former
    )  # fmt: skip


def records(data: bytes, run: int) -> Found:
    """The records of a run at the beginning of a file; anything may stand behind them."""
    found: list[Record] = []
    at = 0
    while (end := _end(data, at, run, found[-1].number + 1 if found else None)) is not None:
        number = _HEAD.unpack_from(data, at)[3]
        found.append(Record(number, _appends(data[at + _HEAD.size : end])))
        at = end
    return Found(found, _beyond(data, at, run, found[-1].number if found else 0))


def _end(data: bytes, at: int, run: int, number: int | None) -> int | None:
    """Where the record ends that begins at a place; None: none of that run and number does."""
    if len(data) - at < _HEAD.size:
        return None
    size, checked, its_run, its_number = _HEAD.unpack_from(data, at)
    end: int = at + _HEAD.size + size
    if its_run != run or end > len(data) or (number is not None and its_number != number):
        return None
    return end if crc32(memoryview(data)[at + _RUN_AT : end]) == checked else None


def _beyond(data: bytes, begin: int, run: int, last: int) -> list[Record]:
    """Those from a place on with numbers above `last`: each is found by its run."""
    found: list[Record] = []
    mark = _AUTHOR.pack(run)
    at = begin
    while (place := data.find(mark, at + _RUN_AT)) >= 0:
        at = place - _RUN_AT
        end = _end(data, at, run, None)
        number = _HEAD.unpack_from(data, at)[3] if end is not None else 0
        if number > last:
            found.append(Record(number, _appends(data[at + _HEAD.size : end])))
            last = number
        at = at + 1 if end is None else end
    return found


def _appends(payload: bytes) -> list[Append]:
    """Those of a payload whose checksum is right."""
    appends: list[Append] = []
    at = 0
    while at < len(payload):
        key, first, entry_count, member_count, gone_count, flags = _ROOM.unpack_from(payload, at)
        at += _ROOM.size
        columns = _columns(entry_count)
        values = columns.unpack_from(payload, at)
        at += columns.size
        sent, author, envelope_bytes, nonce_bytes, kind = (
            values[n * entry_count : (n + 1) * entry_count] for n in range(5)
        )
        envelopes, at = _pieces(payload, at, envelope_bytes)
        nonces, at = _pieces(payload, at, nonce_bytes)
        entries = [
            Entry(first + n, sent[n], _KINDS[kind[n]], author[n], envelopes[n], nonces[n].decode())
            for n in range(entry_count)
        ]
        members: list[MemberRecord] = []
        for _ in range(member_count):
            author, since, ended, logged, removed, has_session, name_bytes, session_bytes = (
                _MEMBER.unpack_from(payload, at)
            )
            at += _MEMBER.size
            name = payload[at : at + name_bytes].decode()
            at += name_bytes
            session = payload[at : at + session_bytes] if has_session else None
            at += session_bytes
            subject = invitation = former = ""
            if flags & _SUBJECTS:  # not in what version 4 has left
                subject, at = _text(payload, at)
            if flags & _INVITATIONS:  # nor in what version 6 has
                invitation, at = _text(payload, at)
            if flags & _FORMER:  # likewise
                former, at = _text(payload, at)
            members.append(
                MemberRecord(
                    author=author, name=name, since=since, logged=logged, session=session,
                    ended=ended, removed=removed, subject=subject, invitation=invitation,
                    former=tuple(former.split("\n")) if former else (),
                )
            )  # fmt: skip
        gone = [_AUTHOR.unpack_from(payload, at + 8 * n)[0] for n in range(gone_count)]
        at += 8 * gone_count
        append = Append(key, entries, members, gone, closes=bool(flags & _CLOSES))
        if flags & (_NOTES | _FACTS):
            append, at = _with_the_rest(payload, at, append, flags)
        appends.append(append)
    return appends


def _text(payload: bytes, at: int) -> tuple[str, int]:
    """A text that its length stands before, and where it ends."""
    (size,) = _TEXT.unpack_from(payload, at)
    at += _TEXT.size
    return payload[at : at + size].decode(), at + size


def _note(note: Note) -> bytes:
    key, value = note.key.encode(), note.value.encode()
    return _NOTE.pack(note.kind, len(key), len(value)) + key + value


def _facts(facts: RoomFacts) -> bytes:
    title = facts.title.encode()
    closed = facts.closed_to_newcomers
    return _ROOM_FACTS.pack(facts.capacity, facts.history, closed, len(title)) + title


def _with_the_rest(payload: bytes, at: int, append: Append, flags: int) -> tuple[Append, int]:
    """An append with its notes and facts, as the flags say, and where they end."""
    notes: list[Note] = []
    if flags & _NOTES:
        (count,) = _COUNT.unpack_from(payload, at)
        at += _COUNT.size
        for _ in range(count):
            kind, key_bytes, value_bytes = _NOTE.unpack_from(payload, at)
            at += _NOTE.size
            (key, value), at = _pieces(payload, at, (key_bytes, value_bytes))
            notes.append(Note(NoteKind(kind), key.decode(), value.decode()))
    facts = None
    if flags & _FACTS:
        capacity, history, closed, title_bytes = _ROOM_FACTS.unpack_from(payload, at)
        at += _ROOM_FACTS.size
        (title,), at = _pieces(payload, at, (title_bytes,))
        facts = RoomFacts(
            append.key, "", "", 0, title.decode(), capacity=capacity, history=history,
            closed_to_newcomers=closed,
        )  # fmt: skip
    return replace(append, notes=notes, facts=facts), at


def _pieces(payload: bytes, at: int, sizes: Sequence[int]) -> tuple[list[bytes], int]:
    """What stands there one behind the other, and where it ends."""
    found: list[bytes] = []
    for size in sizes:
        found.append(payload[at : at + size])
        at += size
    return found, at
