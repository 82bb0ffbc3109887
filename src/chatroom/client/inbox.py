"""What a member has received and its application has not yet asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatroom.client.messages import Gap, Kind, gap

if TYPE_CHECKING:
    from collections.abc import Generator

    from chatroom.client.limits import Limits
    from chatroom.client.messages import Message


class Inbox:
    """A bounded queue from one stream to one application.

    When it is full, whoever fills it waits. But an application that waits for an
    acknowledgement does not empty it, and the acknowledgement is behind what is full:
    inside `hurry` the oldest are dropped instead, and their number is told in their place.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages: deque[Message] = deque()
        self._size = 0
        self._dropped = 0
        self._hurries = 0
        self._ended = False
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, message: Message) -> None:
        """Add a message; once ended it is forgotten."""
        while self._full and not self._hurries and not self._ended:
            self._room.clear()
            await self._room.wait()
        if self._ended:
            return
        while self._full:
            self._drop()
        self._messages.append(message)
        self._size += len(message.text)
        self._wanted.set()

    async def get(self) -> Message | None:
        """The next message; None when it has ended and all were taken."""
        while not self._messages and not self._ended:
            self._wanted.clear()
            await self._wanted.wait()
        if self._dropped:
            missed, self._dropped = self._dropped, 0
            return gap(missed)
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._size -= len(message.text)
        self._room.set()
        return message

    @contextmanager
    def hurry(self) -> Generator[None, None, None]:
        """Never make the filling side wait inside this block."""
        self._hurries += 1
        self._room.set()
        try:
            yield
        finally:
            self._hurries -= 1

    def end(self) -> None:
        """Nothing more will come; what is there can still be taken."""
        self._ended = True
        self._wanted.set()
        self._room.set()

    @property
    def empty(self) -> bool:
        """Whether everything that came was taken."""
        return not self._messages and not self._dropped

    @property
    def _full(self) -> bool:
        return len(self._messages) >= self._limits.unread or self._size > self._limits.unread_bytes

    def _drop(self) -> None:
        message = self._messages.popleft()
        self._size -= len(message.text)
        if message.sequence:
            self._dropped += 1
        elif message.kind is Kind.GAP and isinstance(message.event, Gap):
            self._dropped += message.event.missed or 1
