"""Where the logs of rooms are kept: the port, and one file for each way of keeping them."""

from .port import (
    NONCE_SECONDS,
    SESSION_SECONDS,
    Append,
    Found,
    Journal,
    JournalConflict,
    JournalError,
    JournalFenced,
    JournalInDoubt,
    JournalUnusable,
    NewRoom,
    NonceUsed,
    Spoken,
    StoredRoom,
    SyncMode,
    Trimmed,
)

__all__ = [
    "NONCE_SECONDS",
    "SESSION_SECONDS",
    "Append",
    "Found",
    "Journal",
    "JournalConflict",
    "JournalError",
    "JournalFenced",
    "JournalInDoubt",
    "JournalUnusable",
    "NewRoom",
    "NonceUsed",
    "Spoken",
    "StoredRoom",
    "SyncMode",
    "Trimmed",
]
