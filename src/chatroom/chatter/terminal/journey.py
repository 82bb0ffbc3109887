"""The visits of one program: the one on the screen, and those that are being left."""

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
    from chatroom.chatter.terminal.lines import Line
    from chatroom.chatter.terminal.screen import Screen
    from chatroom.client import Chat, Room

AT_ONCE = "Ctrl-D again does not wait"
WHAT_NOW = "Enter ends chatter, /join ROOM goes on in another room"


class Journey:
    """From room to room: one is left only when all that was said in it is stored.

    Meanwhile the next one is on the screen already.
    """

    def __init__(self, chat: Chat, screen: Screen) -> None:
        self._chat = chat
        self._screen = screen
        self._going: asyncio.Task[None] | None = None
        """Enters another room."""
        self._left: list[Visit] = []
        """Visits before this one, until they are over."""
        self._unsaid: list[Line] = []
        """What was said in rooms that were left, and is not known to be stored."""
        self._closings: set[asyncio.Task[None]] = set()
        self._hasty = False

    @property
    def here(self) -> Visit:
        """The visit on the screen."""
        assert self._screen.visit is not None, "arrive() comes first"
        return self._screen.visit

    @property
    def unsaid(self) -> list[Line]:
        """What is not known to be stored, of all visits."""
        return [
            *self._unsaid,
            *(line for visit in [*self._left, self.here] for line in visit.unsaid),
        ]

    def check_saying(self) -> None:
        """Raise NotACommand when nothing can be said now."""
        if self.here.over.done():
            raise NotACommand(f"not said: you are no longer in this room; {WHAT_NOW}")
        if self.here.leaving:
            raise NotACommand(f"not said: you are leaving; {AT_ONCE}")
        if self._going is not None:
            raise NotACommand("not said yet: you are on the way to another room; Enter says it")

    def arrive(self, room: Room) -> None:
        """Show a room that was entered."""
        screen = self._screen
        visit = Visit(
            self._chat, room, changed=screen.changed, looked_at=screen.looked_at, ring=screen.ring
        )
        screen.visit = visit
        visit.over.add_done_callback(lambda _: self._over(visit))
        screen.changed()

    def go_to(self, room_id: str, name: str) -> None:
        """Enter another room and, once inside, leave this one. Raises NotACommand."""
        if self._going is not None:
            raise NotACommand("one room after the other: you are on the way to one")
        self.here.tell(f"joining {one_line(room_id)}")
        self._going = asyncio.create_task(self._go_to(room_id, name))
        self._going.add_done_callback(self._gone)

    async def _go_to(self, room_id: str, name: str) -> None:
        before = self.here
        room = self._chat.join(room_id, name, echo=True, typing=True)
        try:
            await room.__aenter__()
        except ChatError as error:
            before.tell(advised(error), Tone.TROUBLE)
            return
        self.arrive(room)
        self._left.append(before)
        if before.over.done():
            self._over(before)
        else:
            before.leave()

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._going = None
        if not task.cancelled() and task.exception() is not None:
            self._screen.fail(task.exception())

    # ---- The end ----------------------------------------------------------------------

    def leave(self) -> None:
        """Leave when all is stored, then end; asked again, at once."""
        if self._going is not None:
            self._going.cancel()
        if self.here.leaving:
            self.stop(0)
        elif self.here.over.done():
            self._screen.exit(0)
        else:
            if self.unsaid:
                self.here.tell(f"leaving when all that you said is stored; {AT_ONCE}")
            self.here.leave()

    def stop(self, code: int) -> None:
        """End with this exit code, and do not wait for what is not stored."""
        self._hasty = True
        self._screen.exit(code)

    async def close(self, *, hasty: bool = False) -> None:
        """Be out of all rooms: at once, or when all that was said in them is stored."""
        if self._going is not None:
            self._going.cancel()
            await asyncio.wait({self._going})
        for visit in [*self._left, self.here]:
            await visit.close(hasty=hasty or self._hasty)
        await asyncio.gather(*self._closings)

    def _over(self, visit: Visit) -> None:
        """A visit has ended."""
        bug = visit.bug
        if bug is not None:
            self._screen.fail(bug)
        elif visit in self._left:
            self._left.remove(visit)
            self._unsaid += visit.unsaid
            if visit.unsaid:
                room = one_line(visit.room.room_id)
                self.here.tell(f"in {room}: {unconfirmed(len(visit.unsaid))}", Tone.TROUBLE)
            closing = asyncio.create_task(visit.close())
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)
            if self.here.over.done() and self.here.failure is None and not self._left:
                self._screen.exit(0)
        elif visit is not self._screen.visit:
            return
        elif visit.failure is not None and not visit.leaving:
            # Nobody is thrown out of the program in the middle of a line.
            why = ending(visit.room.room_id, visit.failure)
            visit.tell(f"{why}; {WHAT_NOW}", Tone.TROUBLE)
        elif not self._left:
            self._screen.exit(0)
