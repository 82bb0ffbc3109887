"""The audit log of a file, read beside a running server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chatroom.core.audit import AuditRecord
from chatroom.journal.port import JournalUnusable

from . import notes
from .opening import check_there, connect_to_read, known_version, why_unreadable
from .schema import MODERATION_SINCE

_PAGE = 500


def audit_records(path: Path, *, since: int = 0, room_id: str = "") -> Iterator[AuditRecord]:
    """All records in order, at `since` (ns since 1970) or later; of one room if it is given.

    A file of an earlier version has none. Raises JournalUnusable if it cannot be read.
    """
    check_there(path)
    with closing(connect_to_read(path)) as connection:
        try:
            if known_version(connection, path) < MODERATION_SINCE:
                return
            after = 0
            while page := notes.records(connection, after, _PAGE, since, room_id):
                yield from page
                after = page[-1].number
        except sqlite3.Error as error:
            raise JournalUnusable(why_unreadable(path, error)) from error
