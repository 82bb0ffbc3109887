"""One membership in one room."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from chatroom.client.errors import ChatError, NotInRoom, RoomClosed, ServerUnavailable
from chatroom.client.messages import (
    CLOSING_TEXT,
    SERVER_NAME,
    Closed,
    Joined,
    Kind,
    Message,
    message_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from chatroom.api.rpc import chat_pb2
    from chatroom.client.patience import Patience
    from chatroom.client.stream import Stream

NOT_SHOWN = frozenset({Kind.JOINED, Kind.LIVE, Kind.TYPING, Kind.HEARTBEAT})


class Room:
    """A membership: enter it with `async with`, iterate to receive, `send` to speak.

    Iterating yields what can be shown to a person, in the room's order, and ends
    after `leave()`. It raises RoomClosed when the room is deleted, after the final
    message was yielded; Removed, ServerUnavailable or another ChatError when the
    membership ended in another way. Entering raises what the server refuses a join
    with (NameTaken, RoomNotFound, …). Leaving the block leaves the room.
    """

    def __init__(
        self,
        room_id: str,
        name: str,
        open_stream: Callable[[], Stream],
        patience: Patience,
        *,
        events: bool,
        echo: bool,
        history: int | None,
    ) -> None:
        self.room_id = room_id
        self.name = name
        """The name tag: as asked for, then as the room knows it."""
        self.joined: Joined | None = None
        """The admission; stays None with a server that knows no events."""
        self._open_stream = open_stream
        self._patience = patience
        self._events = events
        self._echo = echo
        self._history = history
        self._stream: Stream | None = None
        self._turn = asyncio.Lock()
        self._first: Message | None = None
        self._live = asyncio.Event()
        self._closed: Closed | None = None
        self._heartbeats = False
        self._leaving = False
        self._over = False
        self._failure: ChatError | None = None

    async def __aenter__(self) -> Self:
        if self._stream is not None:
            raise RuntimeError("a room is entered once; join again for another membership")
        from chatroom.api.rpc import chat_pb2

        asked = ((self._events, chat_pb2.FEATURE_EVENTS), (self._echo, chat_pb2.FEATURE_ECHO))
        join = chat_pb2.JoinChat(
            room_id=self.room_id,
            name=self.name,
            features=[feature for wanted, feature in asked if wanted],
            history=self._history,
        )
        self._stream = self._open_stream()
        try:
            with suppress(NotInRoom):  # refused before the write was done: the read says why
                await self._stream.write(chat_pb2.ChatMessage(join=join))
            with suppress(TimeoutError):  # a server without events, and nothing was said yet
                self._first = await self._receive(patience=self._patience.admission)
        except BaseException:
            self._over = True
            self._stream.cancel()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is None or self._over:
            return
        patience = self._patience.leave if kind is None else self._patience.hasty_leave
        try:
            async with asyncio.timeout(patience):
                await self.leave()
                while not self._over:
                    await self._next()
        except TimeoutError:
            if kind is None:
                import grpc

                raise ServerUnavailable(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    "",
                    "the server did not confirm that everything sent was stored",
                ) from None
        except ChatError:
            if kind is None and not isinstance(self._failure, RoomClosed):
                raise
        finally:
            self._over = True
            self._stream.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while True:
            message = await self._next()
            if message is None:
                raise StopAsyncIteration
            if message.kind not in NOT_SHOWN:
                return message

    async def send(self, text: str, *, nonce: str = "") -> None:
        """Say something; returns when the connection has taken it.

        What the server does not accept comes back as a message of Kind.REFUSED.
        Raises NotInRoom, or the error with which the membership is known to have ended.
        """
        from chatroom.api.rpc import chat_pb2

        await self._write(chat_pb2.ChatMessage(message=chat_pb2.Message(message=text, nonce=nonce)))

    async def leave(self) -> None:
        """Leave the room; iterating then ends after everything sent has been stored.

        A server without events confirms nothing; iterating ends after a moment.
        """
        from chatroom.api.rpc import chat_pb2

        if self._leaving or self._over or self._stream is None:
            return
        self._leaving = True
        try:
            await self._stream.write(chat_pb2.ChatMessage(leave=chat_pb2.Leave()))
            await self._stream.half_close()
        except ChatError:
            pass  # it has ended already; iterating says how
        if self.joined is None:
            asyncio.get_running_loop().call_later(self._patience.plain_leave, self._stream.cancel)

    async def wait_live(self) -> None:
        """Wait until the replay is over; somebody has to iterate meanwhile.

        Returns at once with a server without events, and when the stream ends.
        """
        if self.joined is not None and not self._over:
            await self._live.wait()

    async def _write(self, message: chat_pb2.ChatMessage) -> None:
        if self._failure is not None:
            raise self._failure
        if self._stream is None or self._leaving or self._over:
            import grpc

            raise NotInRoom(
                grpc.StatusCode.FAILED_PRECONDITION, "", "not sent: you are not in the room"
            )
        await self._stream.write(message)

    async def _next(self) -> Message | None:
        """The next message of any kind; None at the end; raises the end's error."""
        async with self._turn:
            if self._first is not None:
                first, self._first = self._first, None
                return first
            if self._failure is not None:
                raise self._failure
            if self._over:
                return None
            try:
                return await self._receive(
                    patience=self._patience.silence if self._heartbeats else None
                )
            except TimeoutError:
                import grpc

                silence = ServerUnavailable(
                    grpc.StatusCode.UNAVAILABLE,
                    "",
                    "the connection was lost: the server fell silent",
                )
                self._end(silence)
                raise silence from None

    async def _receive(self, *, patience: float | None) -> Message | None:
        if self._stream is None:
            raise RuntimeError("enter the room first: async with chat.join(...) as room")
        try:
            received = await self._stream.read(patience=patience)
        except ChatError as error:
            failure = self._ending(error)
            self._end(failure)
            raise failure from error
        if received is None:
            closed = None if self._leaving else self._room_closed()
            self._end(closed)
            if closed is not None:
                raise closed
            return None
        message = message_from(
            received, replayed=self.joined is not None and not self._live.is_set()
        )
        self._note(message)
        return message

    def _note(self, message: Message) -> None:
        """Keep what the membership itself has to know of a message."""
        if isinstance(message.event, Joined):
            self.joined = message.event
            self.name = message.event.name or self.name
        elif message.kind is Kind.LIVE:
            self._live.set()
        elif message.kind is Kind.HEARTBEAT:
            self._heartbeats = True
        elif isinstance(message.event, Closed):
            self._closed = message.event
        elif self.joined is None and message.name == SERVER_NAME and message.text == CLOSING_TEXT:
            self._closed = Closed()

    def _ending(self, error: ChatError) -> ChatError:
        """The error that the membership ends with, given that of its stream."""
        closed = error if isinstance(error, RoomClosed) else self._room_closed()
        if closed is None:
            return error
        if self._closed is not None:
            closed.why = self._closed.reason
            closed.successor = closed.successor or self._closed.successor
        return closed

    def _room_closed(self) -> RoomClosed | None:
        """What to say if the final message came but the status does not tell of it.

        The original server ends a deleted room's stream with OK.
        """
        if self._closed is None:
            return None
        import grpc

        return RoomClosed(
            grpc.StatusCode.NOT_FOUND, "ROOM_CLOSED", f"room {self.room_id} was closed"
        )

    def _end(self, error: ChatError | None) -> None:
        self._over = True
        self._failure = error
        self._live.set()  # nobody waits for a replay that will not come
        if self._stream is not None:
            self._stream.cancel()
