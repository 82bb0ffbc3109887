"""The port of a journal that several nodes share: what it promises beside `port.Journal`.

A node is one server process. Every room has a version, which each append to it raises by one,
whatever it changes. A node says in an append which version it knows; has another node appended
since, nothing is stored, and the node asks for the news. So what a node checks a draft against
(names, capacity, who is in) is what the journal has when the draft is stored.

A node has a lease. The journal renews it by itself; when it has passed, by the journal's clock,
others may declare the node dead, and nothing that it appends is stored any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from chatroom.core.news import News

from .port import Append, Journal, StoredRoom


@dataclass(slots=True, frozen=True)
class Asked:
    """What a node knows of a room, and wants to know more than."""

    key: int
    version: int
    after: int | None
    """The sequence of the newest entry that it has; None: it wants no entries."""


@dataclass(slots=True, frozen=True)
class Node:
    """A node of those that share a journal."""

    number: int
    name: str
    """For people: host and process."""
    alive: bool
    """Its lease has not passed, and nobody has declared it dead."""


class Held(Protocol):
    """Rooms to which nobody else appends now."""

    news: Sequence[News]
    """What had come to them; of those alone of which there is any."""

    async def append(self, appends: Sequence[Append]) -> None:
        """As `Journal.append`, once, to these rooms alone."""
        ...


@runtime_checkable
class SharedJournal(Journal, Protocol):
    """A journal that several nodes share. Its calls may overlap."""

    @property
    def node(self) -> int:
        """The number of this node, above 0; another one after `rejoin`."""
        ...

    def listens(self, address: str) -> None:
        """Before `open`: have people told where this node listens."""
        ...

    async def versions(self) -> Mapping[int, int]:
        """The version of every room that is open, and of `notes.SERVER`, by key."""
        ...

    async def room(self, key: int) -> StoredRoom | None:
        """An open room that another node has created."""
        ...

    async def news(self, asked: Sequence[Asked]) -> Sequence[News]:
        """What has come to rooms; of those alone of which there is any."""
        ...

    def held(self, asked: Sequence[Asked]) -> AbstractAsyncContextManager[Held]:
        """In the block nobody else appends to these rooms: whoever wants to waits in a line."""
        ...

    async def nodes(self) -> Sequence[Node]:
        """All that have members, or a lease."""
        ...

    async def declare_dead(self, number: int) -> bool:
        """Nothing is stored any more for a node whose lease has passed; False: it has not."""
        ...

    async def rejoin(self) -> None:
        """After `JournalFenced`: be another node, with a lease of its own."""
        ...

    def tell(self, told: str) -> None:
        """Have the other nodes hear something soon, or never: at most some thousand bytes."""
        ...

    def hear(
        self, appended: Callable[[Collection[int]], None], told: Callable[[str], None]
    ) -> None:
        """From now on, these are called with what other nodes append to, and what they tell.

        The keys of rooms, or `notes.SERVER`. Some may be lost.
        """
        ...
