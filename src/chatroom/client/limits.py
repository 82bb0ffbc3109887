"""How much this library keeps of what: every queue by name."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The defaults hold what a server with default settings keeps of a room."""

    unacknowledged: int = 256
    """Messages sent that the server has not yet confirmed; at this many `send` waits."""
    unacknowledged_bytes: int = MIB
    """The same in bytes; a single message is always taken."""
    unread: int = 16_384
    """Messages received that the application has not yet asked for. At this many the
    stream is not read, and flow control holds the server back; but while a task waits
    for an acknowledgement, which comes on that stream, the oldest are dropped instead,
    and iterating tells so (Kind.GAP)."""
    unread_bytes: int = 16 * MIB
    """The same in characters of text."""
    connection_streams: int = 100
    """Rooms on one connection; for more another is opened. Whoever is above the peer's own
    number waits without a word, and 100 is the least that is usual: HAProxy's by default,
    while nginx and our server have 128. A connection that takes less is found out
    (`Patience.start`)."""
    list_pages: int = 100
    """Pages asked for of one list (rooms, members, bans …), each of 1,000 and at most 2 MiB; a
    server that always has one more is not believed."""
