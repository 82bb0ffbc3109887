"""Other people in a room, for tests that are about one terminal."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from chatroom.client import Chat, ChatError, ChatRoom, Message, Room, connect

SECONDS = 30.0
Result = TypeVar("Result")


class Loop:
    """An event loop in a thread of its own, so that a test may wait for a screen."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="guests")
        self._thread.start()

    def do(self, work: Awaitable[Result]) -> Result:
        async def waited() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(waited(), self._loop).result(SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Guest:
    """Somebody in a room, who hears everything and says what the test wants."""

    def __init__(self, loop: Loop, room: Room) -> None:
        self._loop = loop
        self._room = room
        self.heard: list[Message] = []
        self._hearing = threading.Condition()
        self._listening = loop.do(self._begin())

    async def _begin(self) -> asyncio.Task[None]:
        await self._room.__aenter__()
        return asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        with contextlib.suppress(ChatError):
            async for message in self._room:
                with self._hearing:
                    self.heard.append(message)
                    self._hearing.notify_all()

    def until(self, wanted: Callable[[Message], bool]) -> None:
        """Wait until such a message was heard."""
        with self._hearing:
            assert self._hearing.wait_for(lambda: any(map(wanted, self.heard)), SECONDS), (
                f"never heard: {self.heard}"
            )

    def rename(self, name: str) -> None:
        async def rename() -> None:
            await self._room.rename(name)

        self._loop.do(rename())

    def say(self, *texts: str, action: bool = False, in_reply_to: int = 0) -> None:
        """Say them; they are stored when this returns."""

        async def say() -> None:
            for text in texts:
                await self._room.send(text, action=action, in_reply_to=in_reply_to)

        self._loop.do(say())

    def flood(self, count: int, per_second: float) -> Callable[[], None]:
        """Say "flood 1" and so on; what is returned waits until all of them are stored."""

        async def say() -> None:
            begun = asyncio.get_running_loop().time()
            last = None
            for number in range(1, count + 1):
                last = await self._room.post(f"flood {number}")
                due = begun + number / per_second
                if number % 20 == 0:
                    await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
            if last is not None:
                await last.stored()

        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(say())

        task = self._loop.do(begin())

        async def over() -> None:
            await task

        return lambda: self._loop.do(over())

    def type(self, *, active: bool = True) -> None:
        async def type_live() -> None:
            await self._room.wait_live()  # before that nothing is told
            await self._room.typing(active=active)

        self._loop.do(type_live())

    def leave(self) -> None:
        async def leave() -> None:
            await self._room.__aexit__(None, None, None)
            await self._listening

        self._loop.do(leave())


class Guests:
    """A connection to a server that makes rooms, and people in them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._loop = Loop()
        self._chat = self._loop.do(self._connect(address))
        self._guests: list[Guest] = []

    async def _connect(self, address: str) -> Chat:
        return await connect(address).__aenter__()

    def do(self, work: Callable[[Chat], Awaitable[Result]]) -> Result:
        """What a call of the library returns."""

        async def called() -> Result:
            return await work(self._chat)

        return self._loop.do(called())

    def new_room(self, **options: str) -> str:
        """The id of a room made for this test."""
        room: ChatRoom = self.do(lambda chat: chat.create_room(**options))
        return room.room_id

    def enter(self, room_id: str, name: str, *, typing: bool = False) -> Guest:
        async def join() -> Room:
            return self._chat.join(room_id, name, history=0, typing=typing)

        guest = Guest(self._loop, self._loop.do(join()))
        self._guests.append(guest)
        return guest

    def close(self) -> None:
        async def close() -> None:
            await self._chat.__aexit__(None, None, None)

        for guest in self._guests:
            with contextlib.suppress(ChatError):
                guest.leave()
        self._loop.do(close())
        self._loop.close()


@contextlib.contextmanager
def guests_at(address: str) -> Iterator[Guests]:
    guests = Guests(address)
    try:
        yield guests
    finally:
        guests.close()
