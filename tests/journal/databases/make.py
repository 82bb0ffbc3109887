"""Writes a journal with everything in it, by whichever version of the package is imported.

See README.md beside it. It uses only what all versions have had, or asks first.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from chatroom.core.entry import Draft, Entry, Kind, Passage
from chatroom.journal import Append, NewRoom
from chatroom.journal.sqlite import SQLiteJournal

NOW = 1_795_391_925_080_210_459
SECOND = 1_000_000_000
ADA, BOB = 11, 12
QUIT: Any = 1
"""Of the contract's enum; where ours is has changed."""

BAN = '{"name": "Mallory"}'

TALK = (
    (Kind.ENTERED, ADA, "Ada", "Has entered the chat", ""),
    (Kind.SAID, ADA, "Ada", "Is anybody here?", "ada-1"),
    (Kind.SAID, ADA, "Ada", "Nobody.", "ada-2"),
    (Kind.ENTERED, BOB, "Bob", "Has entered the chat", ""),
    (Kind.SAID, BOB, "Bob", "Grüß dich, Ada \N{WAVING HAND SIGN}", "bob-1"),
    (Kind.SAID, ADA, "Ada", "two\nlines", ""),
    (Kind.LEFT, BOB, "Bob", "Has left the chat", ""),
)
"""Entries 1 to 7 of room `lobby`: kind, author, name, text, nonce."""


async def write(path: Path) -> None:
    """A room with entries, one that is empty and private, and what the version knows else."""
    journal = SQLiteJournal(path)
    await journal.open()
    key = (await journal.create_room(room("lobby", "The lobby"))).facts.key
    await journal.create_room(room("0123456789abcdef0123456789abcdef", "", private=True))
    extra: dict[str, Any] = {}
    if "members" in Append.__dataclass_fields__:
        record = importlib.import_module("chatroom.core.record").MemberRecord
        known = "subject" in record.__dataclass_fields__
        subject = {"subject": "ada@example.org"} if known else {}
        extra["members"] = [
            record(
                author=ADA, name="Ada", since=NOW, logged=True, session=bytes(range(32)),
                ended=0, removed=False, **subject,
            ),
            record(
                author=BOB, name="Bob", since=NOW + 4 * SECOND, logged=True, session=None,
                ended=NOW + 7 * SECOND, removed=False,
            ),
        ]  # fmt: skip
    if "notes" in Append.__dataclass_fields__:
        extra["notes"] = await noted(journal)
    entries = [entry(sequence, *told) for sequence, told in enumerate(TALK, 1)]
    await journal.append([Append(key, entries, **extra)])
    if hasattr(journal, "trim"):
        await journal.trim(key, entries=len(TALK) - 2, size=1 << 30)
    await journal.close()


async def noted(journal: Any) -> list[Any]:
    """A ban of the server and a record of the audit log; the room's notes: the same ban."""
    module = importlib.import_module("chatroom.core.notes")
    audit = importlib.import_module("chatroom.core.audit")
    notes = [module.Note(module.NoteKind.BAN, "b1", BAN)]
    await journal.append([Append(module.SERVER, notes=notes)])
    await journal.record(
        [audit.AuditRecord(at=NOW, actor="ada@example.org", method="CreateBan", outcome="OK")]
    )
    return notes


def room(room_id: str, title: str, *, private: bool = False) -> NewRoom:
    creator: Any = {"creator": "ada@example.org"}
    if "creator" not in NewRoom.__dataclass_fields__:
        creator = {}
    return NewRoom(
        room_id=room_id, epoch="00c0ffee00c0ffee", created=NOW, title=title, private=private,
        capacity=0, history=0, **creator,
    )  # fmt: skip


def entry(sequence: int, kind: Kind, author: int, name: str, text: str, nonce: str) -> Entry:
    sent = NOW + sequence * SECOND
    passage = None
    if kind is not Kind.SAID:
        passage = Passage(sent, QUIT if kind is Kind.LEFT else None)
    event: Any = {"event" if hasattr(Draft, "event") else "passage": passage}
    draft = Draft(kind, author, name, text, nonce, **event)
    fields: dict[str, Any] = {"nonce": nonce} if "nonce" in Entry.__dataclass_fields__ else {}
    return Entry(sequence, sent, kind, author, encode(draft, sequence, sent), **fields)


def encode(draft: Draft, sequence: int, sent: int) -> bytes:
    try:
        encoder = importlib.import_module("chatroom.server.calls.encode")
    except ModuleNotFoundError:
        encoder = importlib.import_module("chatroom.server.encode")
    encoded: bytes
    if hasattr(encoder, "entries"):
        (encoded,) = encoder.entries([draft], sequence, sent)
    else:
        encoded = encoder.entry(draft, sequence, sent)
    return encoded


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "chatroom.db")
        asyncio.run(write(path))
        target.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
