"""Where the logs of rooms are kept: the port, and one file for each way of keeping them."""

from .port import (
    Append,
    Journal,
    JournalConflict,
    JournalError,
    JournalUnusable,
    NewRoom,
    StoredRoom,
    SyncMode,
)

__all__ = [
    "Append",
    "Journal",
    "JournalConflict",
    "JournalError",
    "JournalUnusable",
    "NewRoom",
    "StoredRoom",
    "SyncMode",
]
