"""Rooms read as they grow, without being in them: their logs are asked for what is new.

A member would be seen by everybody, and every stream of a room is a membership; the log
of a room can be read by anybody who knows its id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chatroom.chatter.screen import drained
from chatroom.client import Kind, Message, RoomClosed, RoomNotFound, ServerUnavailable
from chatroom.client.backoff import Backoff
from chatroom.client.messages import gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.printing import Printer
    from chatroom.client import Chat, Page

PAGE_ENTRIES = 1000
"""Asked for at once; a server gives at most so many, and ends a page at 1 MiB."""
LOOK_BACK = 4
"""So many times the messages that are wanted are looked through at once; where scripts say
something, two of three entries are arrivals and departures."""
EAGER_SECONDS = 0.5
"""Between two questions while something is said."""
QUIET_SECONDS = 2.0
"""The longest between two questions, reached after some that found nothing new."""
SLOWING = 1.25
"""By how much each question that finds nothing new makes the time to the next one longer."""


class Place:
    """How far a room's log has been read.

    Without an entry read `last` the room was empty, or `from_oldest` is meant: whatever
    is kept, without telling of what came before it.
    """

    def __init__(
        self, room_id: str, epoch: str, last: Message | None, *, from_oldest: bool = False
    ) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.last = last
        """The entry read last; None before the first one."""
        self._from_oldest = from_oldest

    @property
    def sequence(self) -> int:
        """That of the entry read last; 0 before the first one."""
        return self.last.sequence if self.last else 0

    async def read_on(self, chat: Chat) -> tuple[list[Message], bool]:
        """What is new, after a message that tells of a hole if there is one; and if there is more.

        A log of another epoch is the same one if the entry read last is still in it, as
        after a crash of the server that lost nothing. Else it is read from its beginning.
        Raises ChatError.
        """
        page = await chat.history(self.room_id, after=self.sequence, page_size=PAGE_ENTRIES)
        found: list[Message] = []
        if page.epoch != self.epoch:
            if self.last is not None and not await self._is_known(chat):
                found.append(gap(None))
                self.last, self._from_oldest = None, True
                page = await chat.history(self.room_id, after=0, page_size=PAGE_ENTRIES)
            self.epoch = page.epoch
        found += self._new(page)
        return found, page.more

    async def _is_known(self, chat: Chat) -> bool:
        page = await chat.history(self.room_id, after=self.sequence - 1, page_size=1)
        return self.last is not None and any(map(self.last.same_entry, page.messages))

    def _new(self, page: Page) -> list[Message]:
        entries = [entry for entry in page.messages if entry.sequence > self.sequence]
        if not entries:
            return []
        missed = 0 if self._from_oldest else entries[0].sequence - self.sequence - 1
        self.last, self._from_oldest = entries[-1], False
        return [gap(missed), *entries] if missed else entries


async def place_before(chat: Chat, room_id: str, last: int, *, said: bool = False) -> Place:
    """The place from which the `last` newest entries are still to be read. Raises ChatError.

    With `said` only what people said is counted.
    """
    page = await chat.history(room_id, page_size=1)
    if last and page.messages:
        newest = page.messages[-1].sequence
        begin = await begin_of_last(chat, room_id, last, 1, newest, said=said)
        page = await chat.history(room_id, before=begin, page_size=1)
        if not page.messages:
            return Place(room_id, page.epoch, None, from_oldest=True)
    return Place(room_id, page.epoch, page.messages[-1] if page.messages else None)


async def begin_of_last(
    chat: Chat, room_id: str, last: int, begin: int, end: int, *, said: bool
) -> int:
    """The sequence, `begin` or above, from which on the `last` entries up to `end` come.

    With `said` only what people said is counted, and so looked for. Raises ChatError.
    """
    if not said:
        return max(begin, end - last + 1)
    before = end + 1
    while before > begin:
        page_size = min(PAGE_ENTRIES, LOOK_BACK * last)
        page = await chat.history(room_id, before=before, page_size=page_size)
        for entry in reversed(page.messages):
            last -= entry.kind is Kind.SAID
            if not last:
                return max(begin, entry.sequence)
        if not page.more or not page.messages:
            break
        before = page.messages[0].sequence
    return begin


async def watch(chat: Chat, places: Sequence[Place], printer: Printer) -> None:
    """Print what is new in the rooms until all of them are deleted. Raises ChatError.

    A server that cannot be reached is asked for as long as a lost connection is tried to
    be got back; then what it has stored meanwhile is printed.
    """
    await Watch(chat, places, printer).run()


class Watch:
    """Asks for what is new in the rooms, one after the other, again and again."""

    def __init__(self, chat: Chat, places: Sequence[Place], printer: Printer) -> None:
        self._chat = chat
        self._places = list(places)
        self._printer = printer
        self._lost: float | None = None
        """Since when, by the loop's clock, the server cannot be reached."""
        self._backoff = self._fresh_backoff()

    async def run(self) -> None:
        """Print until every room is deleted. Raises ChatError."""
        pause = EAGER_SECONDS
        while self._places:
            try:
                new, more = await self._ask_all()
            except ServerUnavailable as error:
                await self._wait_for_server(error)
                continue
            if self._places and not more:
                pause = EAGER_SECONDS if new else min(pause * SLOWING, QUIET_SECONDS)
                await asyncio.sleep(pause)

    async def _ask_all(self) -> tuple[bool, bool]:
        """Print a page of each room; whether anything was new, and whether there is more."""
        new = more = False
        for place in list(self._places):
            try:
                found, has_more = await place.read_on(self._chat)
            except RoomNotFound as error:
                self._answered()
                self._places.remove(place)
                self._printer.closed(
                    place.room_id,
                    RoomClosed(error.code, error.reason, f"room {place.room_id} was closed"),
                )
                continue
            self._answered()
            for message in found:
                self._printer.message(place.room_id, message)
            await drained()
            new, more = new or bool(found), more or has_more
        return new, more

    def _answered(self) -> None:
        if self._lost is not None:
            self._lost = None
            self._backoff = self._fresh_backoff()
            self._tell(Kind.CONNECTED, "connected again")

    async def _wait_for_server(self, error: ServerUnavailable) -> None:
        """Wait before the next attempt; raises the error when it was the last."""
        now = asyncio.get_running_loop().time()
        recovery = self._chat.patience.recovery
        if recovery == 0:
            raise error
        if self._lost is None:
            self._lost = now
            self._tell(Kind.CONNECTION_LOST, f"{error}; reconnecting")
        delay = self._backoff.delay(error.retry_after)
        if recovery is not None and now + delay > self._lost + recovery:
            raise error
        await asyncio.sleep(delay)

    def _tell(self, kind: Kind, text: str) -> None:
        self._printer.message("", Message(name="", text=text, kind=kind))

    def _fresh_backoff(self) -> Backoff:
        return Backoff(self._chat.patience.backoff, self._chat.patience.backoff_limit)
