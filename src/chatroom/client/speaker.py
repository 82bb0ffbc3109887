"""What goes up a stream: messages, typing notices, heartbeats, and the leave."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from chatroom.client.errors import ChatError
from chatroom.client.messages import Message
from chatroom.client.typing_notice import TypingNotice

if TYPE_CHECKING:
    from chatroom.client.latency import Latency
    from chatroom.client.outbox import Outbox
    from chatroom.client.patience import Patience
    from chatroom.client.stream import Stream


class Speaker:
    """Writes to one stream after the other; `speak` is a task for each.

    Nothing but the join is written before the replay is over: what of the unconfirmed
    was stored after all is in it, and is not to be said again.
    """

    def __init__(self, outbox: Outbox, patience: Patience, latency: Latency) -> None:
        self.left = False
        """Whether `leave` was written, or is being written."""
        self.awaits_heartbeat = False
        """Whether a heartbeat was sent on the stream, which the server has to answer."""
        self._live = False
        self._outbox = outbox
        self._patience = patience
        self._latency = latency
        self._notice = TypingNotice()
        self._leaving = False
        self._woken = asyncio.Event()

    def look(self, *, live: bool) -> None:
        """Look at what has changed: the replay is over, or the last message is stored."""
        if live and (not self._live or (self._leaving and not self._outbox)):
            self._live = True
            self.wake()

    def hush(self) -> None:
        """The stream has ended."""
        self._live = False
        self.awaits_heartbeat = False
        self._latency.restart()
        self._notice.restart()

    def type(self, active: bool) -> None:
        """Tell of typing soon, if the stream is live and knows of it."""
        if self._live and not self._leaving and self._notice.note(active):
            self.wake()

    def leave(self) -> None:
        """Say everything, then that this member leaves."""
        self._leaving = True
        self.wake()

    def wake(self) -> None:
        """Look for what is to be said."""
        self._woken.set()

    async def speak(self, stream: Stream, *, plain: bool) -> None:
        """Write to the stream until it ends or the member has left.

        A `plain` server sends no `live` and acknowledges nothing: handing a message to
        the connection is all that can be done.
        """
        with suppress(ChatError):  # the stream has ended; reading it says how
            await self._speak(stream, plain=plain)

    async def _speak(self, stream: Stream, *, plain: bool) -> None:
        from chatroom.api.rpc import chat_pb2

        self._outbox.rewind()
        while not plain and not self._live:
            await self._wait(None)
        measured = plain  # else the first heartbeat goes at once, for the latency
        while True:
            typing = self._notice.next()
            if typing is not None:
                await stream.write(chat_pb2.ChatMessage(typing=chat_pb2.Typing(active=typing)))
            posted = self._outbox.next()
            if posted is not None:
                if not plain:
                    self._latency.said(posted.nonce)
                await stream.write(posted.request)
                if plain:
                    said = posted.request.message
                    told = Message(
                        name="", text=said.message, nonce=said.nonce, action=said.action,
                        in_reply_to=said.in_reply_to,
                    )  # fmt: skip
                    self._outbox.settle(posted, told)
            elif self._leaving and not self._outbox:
                break
            elif not measured:
                measured = True
                await self._beat(stream)
            elif not await self._wait(None if plain else self._patience.heartbeat):
                await self._beat(stream)
                self.awaits_heartbeat = True
        self.left = True
        await stream.write(chat_pb2.ChatMessage(leave=chat_pb2.Leave()))
        await stream.half_close()
        if plain:
            asyncio.get_running_loop().call_later(self._patience.plain_leave, stream.cancel)

    async def _beat(self, stream: Stream) -> None:
        from chatroom.api.rpc import chat_pb2

        self._latency.beat()
        await stream.write(chat_pb2.ChatMessage(heartbeat=chat_pb2.Heartbeat()))

    async def _wait(self, patience: float | None) -> bool:
        """Wait to be woken; False if nothing came within so many seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True
