"""Joining on a new stream, as often as that may help."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chatroom.client import endings
from chatroom.client.backoff import Backoff
from chatroom.client.errors import ChatError, NameTaken
from chatroom.client.messages import message_from

if TYPE_CHECKING:
    from chatroom.client.messages import Message
    from chatroom.client.patience import Patience
    from chatroom.client.server import Server
    from chatroom.client.session import Session
    from chatroom.client.stream import Stream
    from chatroom.client.terms import Terms

NAME_PAUSE = 1.0
"""The pauses before a name in use is asked for again grow to this, in seconds."""


class Admission:
    """One member's way into a room; `stream` is the newest, on which it is in, or was."""

    def __init__(self, terms: Terms, server: Server, patience: Patience) -> None:
        self.stream: Stream | None = None
        self._terms = terms
        self._server = server
        self._patience = patience

    async def first(self) -> Message:
        """Enter; the first message that comes. Raises TimeoutError, ChatError.

        A name in use is waited for, if the terms say whom to tell.
        """
        clock = asyncio.get_running_loop().time
        backoff = Backoff(self._patience.backoff, NAME_PAUSE)
        until: float | None = None
        while True:
            try:
                return await self.anew(
                    self._terms.name, self._terms.resume, self._patience.admission
                )
            except NameTaken as taken:
                if self._terms.when_taken is None:
                    raise
                if until is None:
                    until = clock() + self._patience.name
                    self._terms.when_taken(taken)
                elif clock() >= until:
                    raise
            await self.close()
            self.stream = None  # nothing is wrong with its connection
            await asyncio.sleep(min(backoff.delay(), max(until - clock(), 0.0)))

    async def anew(self, name: str, session: Session | None, patience: float | None) -> Message:
        """Join on a new stream, on whatever connection has room for it.

        The first message that comes, within so many seconds after the join was written. A stream
        that was given up since it had not begun may have begun in that moment. Then the name is in
        use by oneself, until the server gives that place up. Raises TimeoutError, ChatError.
        """
        join = self._terms.join(name, session)
        lost = self.stream
        clock = asyncio.get_running_loop().time
        own_until = 0.0
        while True:
            self.stream = stream = self._server.open_stream(lost)
            try:
                if await stream.begin(join, self._patience.start, self._server.full):
                    received = await stream.read(patience=patience)
                    if received is None:
                        raise endings.lost("the server ended the stream at once")
                    return message_from(received)
                own_until = clock() + self._patience.name
            except ChatError as error:
                if error.reason == "NAME_TAKEN" and clock() < own_until:
                    await asyncio.sleep(self._patience.backoff)
                elif error.reason != "STREAMS_EXHAUSTED" or not await self._full(stream):
                    raise
            await stream.close()

    async def _full(self, stream: Stream) -> bool:
        """Whether another connection has room for a stream that the server has refused.

        Others on its connection are why. Of which of them have begun it may not be known yet.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self._patience.admission
        while not self._server.full(stream):
            if clock() >= until or not self._server.shared(stream):
                return False
            await asyncio.sleep(self._patience.backoff)
        return True

    async def close(self) -> None:
        """End the stream at once, if there is one."""
        if self.stream is not None:
            await self.stream.close()
