"""What a membership asks of its server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chatroom.client.messages import Page
    from chatroom.client.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One room of a server, for one who is to be in it."""

    open_stream: Callable[[Stream | None], Stream]
    """A new stream; not on the connection of the one given."""
    full: Callable[[Stream], bool]
    """There is no room for the stream on its connection. Whether another one may have some."""
    shared: Callable[[Stream], bool]
    """There are others on the stream's connection."""
    entries_after: Callable[[int], Awaitable[Page]]
    """A page of the room's entries above a sequence."""
    found: Callable[[str, int | None], Awaitable[Page]]
    """What a query finds in the room below a sequence."""
    renews: bool = False
    """A token that has expired may be followed by another one."""
