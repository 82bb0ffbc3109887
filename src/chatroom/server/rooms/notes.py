"""Notes of rooms and of the server, read and written: see `chatroom.core.notes`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from chatroom.core.notes import Note, NoteKind
from chatroom.core.refusals import JournalUnavailable
from chatroom.journal import Append, Journal, JournalError

T = TypeVar("T")

log = logging.getLogger(__name__)


def read(
    notes: Iterable[Note], kind: NoteKind, reading: Callable[[str], T], where: str
) -> dict[str, T]:
    """Those of a kind that count, by key.

    What cannot be read is left out, and the log says so.
    """
    found: dict[str, T] = {}
    for note in notes:
        if note.kind is kind and note.value:
            try:
                found[note.key] = reading(note.value)
            except (ValueError, TypeError, KeyError):
                log.exception(
                    "%s: the note %s %s cannot be read; it does not count",
                    where,
                    kind.name,
                    note.key,
                )
    return found


def gone(notes: Iterable[Note], kind: NoteKind) -> list[str]:
    """The keys of those of a kind that are no more."""
    return [note.key for note in notes if note.kind is kind and not note.value]


def new_id(now: int, token: Callable[[int], bytes]) -> str:
    """Ids are in order of time: `now` is in ns since 1970; `token` gives secret bytes."""
    return f"{now // 1_000_000:012x}{token(4).hex()}"


async def store(journal: Journal, key: int, *notes: Note) -> None:
    """Store notes that come with no entry; raises JournalUnavailable."""
    try:
        await journal.append([Append(key, notes=notes)])
    except JournalError as error:
        raise JournalUnavailable(str(error)) from error
