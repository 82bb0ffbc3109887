"""An exchange on an ASGI server's: how calls that are pushed go over HTTP/1.1.

Two tasks stand between: one awaits the request's events and pushes them, one awaits that
what was sent is taken. What can go at once is pushed, where the server lets it (`PUSH`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from chatroom.wire.http2.headers import Headers
from chatroom.wire.http2.streams import Call

from .asgi import CARRIES, PUSH, Event, Receive, Scope, Send
from .log_names import here
from .wake import Wake

ROOM_BYTES = 64 * 1024
"""What is taken at once while nothing is under way."""
CHECK_SECONDS = 0.25


class AsgiExchange:
    """`Exchange` over ASGI; `run` lasts as long as the exchange."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        extensions: dict[str, Any] = scope.get("extensions", {})
        self._push: Callable[[bytes], bool] = extensions.get(PUSH, _pushes_nothing)
        self._carries: Callable[[Call | None], None] = extensions.get(CARRIES, _tells_nobody)
        self._receive = receive
        self._send = send
        self._call: Call | None = None
        self.log_name = here.get()
        self._events: list[Event] = []
        """What is to be sent; the first is being sent."""
        self._wake = Wake()
        self._unread = 0
        self._read = Wake()
        self._waiting = False
        self._timer: asyncio.TimerHandle
        self._ended = False
        self._released = asyncio.Event()

    def carry(self, call: Call) -> None:
        """Push what happens into a call from here on."""
        self._call = call
        self._carries(call)

    async def run(self) -> None:
        """Carry the call to its end."""
        hearing = self._loop.create_task(self._hear())
        self._tick()
        try:
            await self._write()
            await self._released.wait()
        except OSError:  # nobody is left to send to
            self._gone()
            await self._released.wait()
        finally:
            hearing.cancel()
            self._timer.cancel()

    async def _hear(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                self._gone()
                return
            data: bytes = event.get("body", b"")
            self._unread += len(data)
            if self._call is not None:
                self._call.hear(data, end=not event.get("more_body", False))
            while self._unread >= ROOM_BYTES:
                await self._read.wait()

    def _tick(self) -> None:
        """By a timer, which costs less than a task that sleeps; every subscriber has one."""
        self._timer = self._loop.call_later(CHECK_SECONDS, self._tick)
        if self._call is not None:
            self._call.check(self._loop.time())

    async def _write(self) -> None:
        while True:
            while not self._events:
                if self._ended:
                    return
                await self._wake.wait()
            await self._send(self._events[0])
            del self._events[:1]  # unless it was given up meanwhile
            if not self._events and self._waiting and self._call is not None:
                self._waiting = False
                self._call.writable()

    def _gone(self) -> None:
        self._ended = True
        self._events.clear()
        self._wake.set()
        call, self._call = self._call, None
        if call is not None:
            call.gone()

    # ---- What the call does ------------------------------------------------------------

    @property
    def room(self) -> int:
        return 0 if self._events else ROOM_BYTES

    @property
    def idle(self) -> bool:
        return not self._events

    def offer(self, data: bytes) -> bool:
        if self._events:
            return False
        self.send(data)
        return True

    def begin(self, headers: Headers) -> None:
        self._waiting = True  # the head, too, is on its way until it is told
        self._put({"type": "http.response.start", "status": 200, "headers": headers})

    def send(self, data: bytes) -> None:
        if not (self._events or self._ended) and self._push(data):
            return
        self._waiting = True
        self._put({"type": "http.response.body", "body": data, "more_body": True})

    def wait(self, size: int) -> None:
        del size
        self._waiting = True
        if not self._events and self._call is not None:
            self._loop.call_soon(self._call.writable)

    def end(self, trailers: Headers | None, last: bytes = b"") -> None:
        assert trailers is None, "HTTP/1.1 carries no call that ends with trailers"
        if not self._ended:
            self._put({"type": "http.response.body", "body": last, "more_body": False})
            self._ended = True

    def whole(self, headers: Headers) -> None:
        self.begin(headers)
        self.end(None)

    def acknowledge(self, size: int) -> None:
        self._unread -= size
        self._read.set()

    def abort(self) -> None:
        self._gone()

    def release(self) -> None:
        self._call = None
        self._carries(None)
        self._released.set()
        with contextlib.suppress(RuntimeError):
            self._wake.set()

    def _put(self, event: Event) -> None:
        if not self._ended:
            self._events.append(event)
            self._wake.set()


def _tells_nobody(_call: Call | None) -> None:
    pass


def _pushes_nothing(_data: bytes) -> bool:
    return False
