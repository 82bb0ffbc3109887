"""One Chat call: writes in order, reads that survive cancellation, one end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from chatroom.client.errors import ChatError, NotInRoom, ServerUnavailable
from chatroom.client.statuses import error_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from chatroom.api.rpc import chat_pb2
    from chatroom.wire.addresses import Address

    ChatCall = grpc.aio.StreamStreamCall[chat_pb2.ChatMessage, chat_pb2.Message]

STALLED = 1.1
"""Times as long as it was to be, a wait has lasted: the loop, or the machine, was busy."""
STATUS_LOOKS = 100
STATUS_PAUSE = 0.01
"""How often, and after how many seconds each, to look whether the true status has
followed one that grpc.aio made up."""


class Stream:
    """A Chat call that cancelling one of its users does not end; `cancel()` does.

    grpc.aio ends a call whenever a task that reads or writes is cancelled, and
    allows one write at a time. Here each read and write runs in a task of its own,
    so that `asyncio.timeout()` around either is harmless. Reading goes by iteration:
    grpc.aio's `read()` drops what is still to be read once a write has met the end.
    """

    def __init__(self, call: ChatCall, address: Address, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._call: ChatCall | None = call
        """None once closed: gRPC keeps a connection as long as there is a call of it.

        For the same reason no frame of this file has it as a local: errors keep frames.
        """
        self._address = address
        self._messages: AsyncIterator[chat_pb2.Message] | None = aiter(call)
        self._reading: asyncio.Task[chat_pb2.Message | None] | None = None
        self._status: asyncio.Future[grpc.aio.AioRpcError | None]
        self._status = asyncio.get_running_loop().create_future()
        call.add_done_callback(self._note_status)
        self._writes: set[asyncio.Task[None]] = set()
        self._write_lock = asyncio.Lock()
        self.begun = False
        """Whether it is on the wire."""

    async def read(self, *, patience: float | None = None) -> chat_pb2.Message | None:
        """The next message; None once the stream has ended with OK or by `cancel()`.

        Raises ChatError when it ended otherwise, and TimeoutError after `patience`
        seconds without a message; the read itself goes on and nothing is lost.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_note_failure)
        done, _ = await asyncio.wait({self._reading}, timeout=patience)
        if not done:
            raise TimeoutError
        reading, self._reading = self._reading, None
        if reading.cancelled():
            return None
        return reading.result()

    async def begin(
        self, message: chat_pb2.ChatMessage, patience: float, full: Callable[[Stream], bool]
    ) -> bool:
        """Write the first message; False if there is no room for a stream on the connection.

        A stream above the peer's MAX_CONCURRENT_STREAMS is queued by gRPC, and nothing is
        told; but a write of grpc.aio returns when the head has gone. So when that has not
        come `patience` seconds after the connection was found ready, `full` is asked; if it
        answers False, the stream waits on. Seconds in which this process came to nothing do not
        count: it may have gone, and nobody has looked yet. If this returns False, nothing of the
        stream has gone as far as that can be known.

        Raises ServerUnavailable. If the stream has ended meanwhile, reading says why.
        """
        writing = asyncio.ensure_future(self.write(message))
        writing.add_done_callback(_note_failure)  # if this is cancelled nobody asks for it
        clock = asyncio.get_running_loop().time
        try:
            while True:
                ready, begun = self._ready, clock()
                done, _ = await asyncio.wait({writing}, timeout=patience)
                stalled = clock() - begun > STALLED * patience
                if done:
                    self.begun = True
                    with suppress(NotInRoom):
                        writing.result()
                    return True
                if ready and not stalled and self._ready and full(self):
                    return False
        finally:
            writing.cancel()

    @property
    def _ready(self) -> bool:
        return self.channel.get_state() is grpc.ChannelConnectivity.READY

    async def write(self, message: chat_pb2.ChatMessage) -> None:
        """Hand a message to the connection, waiting while flow control holds it back.

        Raises ServerUnavailable when there is no connection, NotInRoom when the
        stream has ended.
        """
        await self._in_order(self._write(message))

    async def half_close(self) -> None:
        """Say that nothing more will be written."""
        await self._in_order(self._done_writing())

    def cancel(self) -> None:
        """End the call at once; what was not yet sent is lost."""
        if self._call is not None:
            self._call.cancel()

    async def close(self) -> None:
        """End the call at once; nothing of it is under way any more."""
        self.cancel()
        under_way: set[asyncio.Task[Any]] = {*self._writes}
        if self._reading is not None:
            under_way.add(self._reading)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
        self._call = self._messages = self._reading = None

    async def withdraw(self, leave: chat_pb2.ChatMessage, *, patience: float) -> None:
        """Write a last message, read to the end if that comes within so many seconds, close.

        For a join that nobody waits for any more: it may be on its way to the server, or be
        admitted, and only what the server has read ends that at once.
        """
        try:
            if self._ready:
                with suppress(ChatError, TimeoutError):
                    async with asyncio.timeout(patience):
                        await self.write(leave)
                        await self.half_close()
                        while await self.read() is not None:
                            pass
        finally:
            await self.close()

    async def _in_order(self, step: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(step)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        task.add_done_callback(_note_failure)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # the call was cancelled, not whoever wrote
                raise self._ended() from None
            raise

    async def _write(self, message: chat_pb2.ChatMessage) -> None:
        async with self._write_lock:
            failure: ChatError | None = None
            if self._call is None:
                failure = self._ended()
            else:
                try:
                    await self._call.write(message)
                except asyncio.InvalidStateError:
                    failure = self._ended()
                except grpc.aio.AioRpcError as error:
                    made_up = _made_up(error)
                    failure = self._ended() if made_up else error_from(error, self._address)
            if failure is not None:  # raised here, so that gRPC's error is not its context
                raise failure

    async def _done_writing(self) -> None:
        async with self._write_lock:
            if self._call is not None:
                with suppress(grpc.aio.InternalError):  # it has ended; reading says how
                    await self._call.done_writing()

    async def _read(self) -> chat_pb2.Message | None:
        if self._messages is None:
            return None
        with suppress(StopAsyncIteration, grpc.aio.AioRpcError):  # `_failure` knows better
            return await anext(self._messages)
        failure = await self._failure()
        if failure is None:
            return None
        raise error_from(failure, self._address)

    async def _failure(self) -> grpc.aio.AioRpcError | None:
        """The status with which the call has ended; None for OK."""
        for _ in range(STATUS_LOOKS):
            if self._call is not None:
                self._note_status(self._call)
            if self._status.done():
                return self._status.result()
            await asyncio.sleep(STATUS_PAUSE)
        raise ServerUnavailable(
            grpc.StatusCode.UNAVAILABLE, "", f"lost the connection to {self._address}"
        )

    def _note_status(self, call: ChatCall) -> None:
        """Keep the status that the call has just got, unless grpc.aio made it up.

        When a write meets the end of the stream, grpc.aio sets a status of its own, soon
        before the true one or soon after it, and keeps the later of the two. So this is
        called with the first, and looks again later when the first was made up.
        """
        if self._status.done():
            return
        code: grpc.StatusCode = _at_once(call.code())
        if code is grpc.StatusCode.OK:
            self._status.set_result(None)
            return
        failure = grpc.aio.AioRpcError(
            code,
            grpc.aio.Metadata(),
            _at_once(call.trailing_metadata()),
            details=_at_once(call.details()),
            debug_error_string="",
        )
        if not _made_up(failure):
            self._status.set_result(failure)

    def _ended(self) -> ChatError:
        return NotInRoom(
            grpc.StatusCode.FAILED_PRECONDITION,
            "",
            "not sent: you are not in the room any more",
        )


def _note_failure(task: asyncio.Task[Any]) -> None:
    """Mark a task's failure as seen, in case whoever waited for it has gone."""
    if not task.cancelled():
        task.exception()


def _at_once(awaitable: Awaitable[Any]) -> Any:
    """The result of something that need not wait."""
    try:
        awaitable.__await__().send(None)
    except StopIteration as result:
        return result.value
    raise RuntimeError("grpc.aio has no status for a call that is done")


def _made_up(error: grpc.aio.AioRpcError) -> bool:
    return (
        error.code() is grpc.StatusCode.INTERNAL and error.details() == "Internal error from Core"
    )
