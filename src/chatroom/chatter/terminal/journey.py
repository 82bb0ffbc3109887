"""The visits of one program: the rooms that are open, and those that are being left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chatroom.chatter.advice import advised
from chatroom.chatter.endings import ending, unconfirmed
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.visit import Visit
from chatroom.client import ChatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.lines import Line
    from chatroom.chatter.terminal.screen import Screen
    from chatroom.client import Chat, Room

AT_ONCE = "Ctrl-D again does not wait"
MOST_ROOMS = 20
"""Each may have its 20,000 lines, and a stream of its own."""


class Journey:
    """From room to room. Each stays open, on the screen or beside it, until it is left.

    One is left only when all that was said in it is stored; meanwhile another one is on
    the screen already.
    """

    def __init__(self, chat: Chat, screen: Screen) -> None:
        self._chat = chat
        self._screen = screen
        self._going: asyncio.Task[None] | None = None
        """Enters another room."""
        self._origin: Visit | None = None
        """Where one was asked to."""
        self._left: list[Visit] = []
        """Visits that are no longer open, until they are over."""
        self._unsaid: list[Line] = []
        """What was said in rooms that were left, and is not known to be stored."""
        self._closings: set[asyncio.Task[None]] = set()
        self._ending = False
        """Whether all rooms are being left, to end the program."""
        self._hasty = False

    @property
    def here(self) -> Visit:
        """The visit on the screen."""
        assert self._screen.visit is not None, "arrive() comes first"
        return self._screen.visit

    @property
    def unsaid(self) -> list[Line]:
        """What is not known to be stored, of all visits."""
        visits = [*self._left, *self._screen.visits]
        return [*self._unsaid, *(line for visit in visits for line in visit.unsaid)]

    def check_saying(self) -> None:
        """Raise NotACommand when nothing can be said now."""
        if self.here.over.done():
            raise NotACommand(f"not said: you are no longer in this room; {self._what_now}")
        if self.here.leaving:
            raise NotACommand(f"not said: you are leaving; {AT_ONCE}")
        if self._going is not None and self.here is self._origin:
            raise NotACommand("not said yet: you are on the way to another room; Enter says it")

    @property
    def _what_now(self) -> str:
        ends = "closes this room" if len(self._screen.visits) > 1 else "ends chatter"
        return f"Enter {ends}, /join ROOM goes on in another room"

    # ---- Coming -----------------------------------------------------------------------

    def arrive(self, room: Room) -> None:
        """Show a room that was entered: in the place of one that has ended, or as the last.

        Who was sent there and has turned to another room meanwhile finds it in the bar.
        """
        visit = Visit(self._chat, room, self._screen)
        visits, origin = self._screen.visits, self._origin
        replaced = self._open(room.room_id) or (
            origin if origin in visits and origin is not None and origin.over.done() else None
        )
        if replaced is None:
            visits.append(visit)
        else:
            visits[visits.index(replaced)] = visit
        if self._screen.visit in (None, origin, replaced):
            self._screen.show(visit, with_line=self._screen.visit is origin)
        if replaced is not None:
            self._close(replaced)
        visit.over.add_done_callback(lambda _: self._over(visit))
        self._screen.changed()

    def go_to(self, room_id: str, name: str = "") -> None:
        """Enter another room beside those that are open, or turn to it if it is one of them.

        Without a name: under that of the visit on the screen. Raises NotACommand.
        """
        there = self._open(room_id)
        if there is not None and not there.over.done():
            if name not in ("", there.room.name):
                raise NotACommand(
                    f"you are in {one_line(room_id)} as {there.own_name}; /leave it first"
                )
            self._screen.show(there)
            return
        if self._going is not None:
            raise NotACommand("one room after the other: you are on the way to one")
        if there is None and len(self._screen.visits) >= MOST_ROOMS:
            raise NotACommand(f"{MOST_ROOMS} rooms are open; /leave one of them first")
        self._origin = self.here
        self.here.tell(f"joining {one_line(room_id)}")
        self._going = asyncio.create_task(self._go_to(room_id, name or self.here.room.name))
        self._going.add_done_callback(self._gone)

    def open_beside(self, room_ids: Sequence[str], history: int | None) -> None:
        """Enter these rooms too, one after the other, and stay where one is."""
        if len(room_ids) >= MOST_ROOMS:
            self.here.tell(f"only {MOST_ROOMS} rooms are opened at once", Tone.TROUBLE)
        if room_ids:
            opened = self._open_all(room_ids[: MOST_ROOMS - 1], self.here.room.name, history)
            self._going = asyncio.create_task(opened)
            self._going.add_done_callback(self._gone)

    async def _open_all(self, room_ids: Sequence[str], name: str, history: int | None) -> None:
        for room_id in room_ids:
            await self._go_to(room_id, name, history)

    async def _go_to(self, room_id: str, name: str, history: int | None = None) -> None:
        room = self._chat.join(room_id, name, history=history, echo=True, typing=True)
        try:
            await room.__aenter__()
        except ChatError as error:
            visits, origin = self._screen.visits, self._origin
            (origin if origin in visits and origin else self.here).tell(
                advised(error), Tone.TROUBLE
            )
            return
        self.arrive(room)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._going = self._origin = None
        if not task.cancelled() and task.exception() is not None:
            self._screen.fail(task.exception())

    def _open(self, room_id: str) -> Visit | None:
        visits = self._screen.visits
        return next((visit for visit in visits if visit.room.room_id == room_id), None)

    # ---- Turning to another -----------------------------------------------------------

    def turn_to(self, number: int) -> None:
        """Show the room of this number in the bar, from 1; nothing if there is none."""
        if 0 < number <= len(self._screen.visits):
            self._screen.show(self._screen.visits[number - 1])

    def turn_to_named(self, word: str) -> None:
        """Show the room of this number in the bar, or with this id. Raises NotACommand."""
        visits = self._screen.visits
        there = self._open(word)
        if word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= len(visits):
            there = visits[int(word[:9]) - 1]
        if there is None:
            count = len(visits)
            rooms = "1 room is" if count == 1 else f"{count} rooms are"
            raise NotACommand(f"{one_line(word)} is not open: {rooms}; /join ROOM opens one")
        self._screen.show(there)

    def turn_by(self, rooms: int) -> None:
        """Show the room so many further in the bar; after the last comes the first."""
        visits = self._screen.visits
        self._screen.show(visits[(visits.index(self.here) + rooms) % len(visits)])

    def turn_to_news(self) -> None:
        """Show the next room where one was named, else the next with something unread."""
        visits = self._screen.visits
        at = visits.index(self.here)
        following = [*visits[at + 1 :], *visits[:at]]
        for wanted in (
            [visit for visit in following if visit.named],
            [visit for visit in following if visit.unread],
        ):
            if wanted:
                self._screen.show(wanted[0])
                return

    # ---- The end ----------------------------------------------------------------------

    def leave_here(self) -> None:
        """Leave the room on the screen, and show the next one; the last one ends the program."""
        visits, left = self._screen.visits, self.here
        if len(visits) == 1:
            self.leave()
            return
        at = visits.index(left)
        visits.remove(left)
        self._screen.show(visits[min(at, len(visits) - 1)])
        self._close(left)

    def _close(self, visit: Visit) -> None:
        """Have done with a visit that is no longer open, when all that was said is stored."""
        self._left.append(visit)
        if visit.over.done():
            self._over(visit)
        else:
            visit.leave()

    def leave(self) -> None:
        """Leave all rooms when all is stored, then end; asked again, at once."""
        if self._going is not None:
            self._going.cancel()
        visits = self._screen.visits
        if self._ending:
            self.stop(0)
        elif all(visit.over.done() for visit in [*self._left, *visits]):
            self._screen.exit(0)
        else:
            self._ending = True
            if self.unsaid:
                self.here.tell(f"leaving when all that you said is stored; {AT_ONCE}")
            for visit in visits:
                visit.leave()

    def stop(self, code: int) -> None:
        """End with this exit code, and do not wait for what is not stored."""
        self._hasty = True
        self._screen.exit(code)

    async def close(self, *, hasty: bool = False) -> None:
        """Be out of all rooms: at once, or when all that was said in them is stored."""
        if self._going is not None:
            self._going.cancel()
            await asyncio.wait({self._going})
        hasty = hasty or self._hasty
        visits = [*self._left, *self._screen.visits]
        await asyncio.gather(*(visit.close(hasty=hasty) for visit in visits), *self._closings)

    def _over(self, visit: Visit) -> None:
        """A visit has ended."""
        if visit.bug is not None:
            self._screen.fail(visit.bug)
            return
        if visit in self._left:
            self._left.remove(visit)
            self._unsaid += visit.unsaid
            if visit.unsaid:
                room = one_line(visit.room.room_id)
                self.here.tell(f"in {room}: {unconfirmed(len(visit.unsaid))}", Tone.TROUBLE)
            closing = asyncio.create_task(visit.close())
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)
        elif visit not in self._screen.visits:
            return
        elif visit.failure is not None and not visit.leaving:
            # Nobody is thrown out of the program in the middle of a line.
            why = ending(visit.room.room_id, visit.failure)
            visit.tell(f"{why}; {self._what_now}", Tone.TROUBLE)
        if self._ending and all(each.over.done() for each in [*self._left, *self._screen.visits]):
            self._screen.exit(0)
