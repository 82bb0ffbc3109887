"""One membership in one room, and what of it is on the screen."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from chatroom.chatter.rooms import marks
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.bar import Tab
from chatroom.chatter.terminal.lines import Tone, line_of, notice, pending
from chatroom.chatter.terminal.links import Seen
from chatroom.chatter.terminal.scrollback import Scrollback
from chatroom.chatter.terminal.status import Status
from chatroom.chatter.terminal.typists import Typists
from chatroom.client import (
    SERVER_NAME,
    ChatError,
    Gap,
    Kind,
    NotAccepted,
    Refused,
    Renamed,
    Typing,
    Withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from chatroom.chatter.terminal.lines import Line
    from chatroom.client import Chat, Member, Message, Posted, Room

MOST_EARLIER = 1_000
"""Entries that one page of a room's history may have."""
SHOWN_NAMES = 500
"""Of those in a room /who shows at most as many as a server tells at once."""


class Viewer(Protocol):
    """What shows visits."""

    def changed(self, visit: Visit) -> None:
        """There is something to be drawn."""

    def shows(self, visit: Visit) -> bool:
        """Whether this is the visit on the screen."""

    def looked_at(self, visit: Visit) -> bool:
        """Whether the person at the terminal sees what comes in it."""

    def ignores(self, name: str) -> bool:
        """Whether the person does not want to hear from somebody of this name."""

    def came(self, visit: Visit, line: Line) -> None:
        """A line has come in it that is not from before."""

    def ring(self, visit: Visit, line: Line) -> None:
        """Somebody who does not look is mentioned in it."""


class Visit:
    """A room that was entered, until its end; on the screen, or beside it. Nothing here draws."""

    def __init__(self, chat: Chat, room: Room, viewer: Viewer) -> None:
        self.room = room
        self.scrollback = Scrollback()
        self.links = Seen()
        self.connected = True
        self.leaving = False
        self.failure: ChatError | None = None
        """What the membership ended with; None also for leaving."""
        self.bug: BaseException | None = None
        """What nothing here was prepared for; it ends the visit."""
        self.unread = 0
        """How many messages came while this was not on the screen."""
        self.named = False
        """Whether one of them names the person at the terminal."""
        self._chat = chat
        self._viewer = viewer
        self._typists = Typists(asyncio.get_running_loop().time)
        self._unposted: asyncio.Queue[tuple[str, str, bool, int]] = asyncio.Queue()
        self._hidden: set[str] = set()
        """The names that somebody ignored has taken here."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading = False
        self.over = asyncio.create_task(self._listen())
        self._spawn(self._speak())

    def leave(self) -> None:
        """Leave as soon as everything that was said is stored; then `over` is done."""
        if not self.leaving:
            self.leaving = True
            self._spawn(self._leave())
            self._changed()

    async def close(self, *, hasty: bool = False) -> None:
        """Be out of the room: at once, or when what is unconfirmed is stored."""
        self.leaving = True
        try:
            if hasty:
                interrupt = KeyboardInterrupt()
                await self.room.__aexit__(KeyboardInterrupt, interrupt, None)
            else:
                await self.room.__aexit__(None, None, None)
        except ChatError as error:
            self.failure = self.failure or error
        finally:
            for task in (self.over, *self._tasks):
                task.cancel()
            await asyncio.gather(self.over, *self._tasks, return_exceptions=True)

    @property
    def own_name(self) -> str:
        """The name tag, safe to print."""
        return one_line(self.room.name)

    # ---- What comes -------------------------------------------------------------------

    async def _listen(self) -> None:
        try:
            async for message in self.room:
                self._take(message)
                self._changed()
            if not self.leaving:
                self.failure = ended_by_the_server()
        except ChatError as error:
            self.failure = error
        except Exception as bug:  # noqa: BLE001 # told when the screen is gone
            self.bug = bug

    def _take(self, message: Message) -> None:
        ignored = message.name != self.room.name and self.ignores(message.name)
        if ignored and isinstance(message.event, Renamed):
            self._hidden.add(one_line(message.event.name).casefold())
        if isinstance(message.event, Typing):
            if ignored:
                return
            self._typists.hear(one_line(message.name), active=message.event.active)
            return
        if message.kind in (Kind.CONNECTION_LOST, Kind.CONNECTED):
            self.connected = message.kind is Kind.CONNECTED
        elif message.kind in (Kind.SAID, Kind.LEFT, Kind.RENAMED):
            self._typists.hear(one_line(message.name), active=False)
        if message.sequence:
            self._place_stored(message.sequence)
        if message.kind is Kind.SAID or message.withdrawn:
            # By its nonce alone: it may have been said under a name of before.
            self.scrollback.settle(message.nonce)
        elif isinstance(message.event, Withdrawn):
            gone = self.scrollback.withdraw(message.event.sequence)
            self.links.forget(gone.text if gone else "")
        elif isinstance(message.event, Gap) and message.event.missed is None:
            self.scrollback.begin_anew()
        elif isinstance(message.event, Refused):
            refused = self.scrollback.settle(message.event.nonce)
            if refused is not None:
                self._add(notice(f"not said: {refused.text}", Tone.TROUBLE))
        if not ignored:
            self._add(line_of(message, self.room.name, earlier=message.replayed))

    def ignores(self, name: str) -> bool:
        """Whether this is somebody ignored, also under a name that they have taken since."""
        return self._viewer.ignores(name) or one_line(name).casefold() in self._hidden

    def _place_stored(self, sequence: int) -> None:
        """Place own messages that are stored below this sequence, and will not be yielded.

        They were among entries that are missing, as a gap has told.
        """
        for nonce, line in self.scrollback.on_their_way():
            if 0 < line.sequence < sequence:
                self.scrollback.settle(nonce)
                self._add(line)

    def _add(self, line: Line) -> None:
        looked_at = line.earlier or self._viewer.looked_at(self)
        self.scrollback.add(line, looked_at=looked_at)
        self.links.look_at(line.text if line.name else "", line.name)
        if not line.earlier:
            self._viewer.came(self, line)
        if line.tone is Tone.SAID and not (line.own or line.earlier or self._viewer.shows(self)):
            self.unread += 1
            self.named = self.named or line.mentions
        if line.mentions and not looked_at:
            self._viewer.ring(self, line)

    def turned_to(self) -> None:
        """This is on the screen now."""
        self.unread, self.named = 0, False

    def turned_away(self) -> None:
        """Another room is on the screen now: what comes from here on is unread."""
        self.scrollback.read()
        self.typing(active=False)

    def tell(self, text: str, tone: Tone = Tone.NOTICE) -> None:
        """Tell the person at the terminal something."""
        self.scrollback.add(notice(text, tone))
        self._changed()

    # ---- What is said -----------------------------------------------------------------

    @property
    def supported(self) -> frozenset[str]:
        """What the server says that it can; nothing, if it does not tell."""
        return self.room.joined.supported if self.room.joined else frozenset()

    @property
    def text_bytes(self) -> int:
        """The longest text that the room takes, in bytes; 0: not known."""
        return self.room.joined.text_bytes if self.room.joined else 0

    def say(self, text: str, *, action: bool = False, answers: int = 0) -> None:
        """Say, or do, something: on the screen at once, in the room when it is stored there."""
        nonce = secrets.token_urlsafe(12)
        line = pending(text, self.room.name, action=action, answers=answers)
        self.scrollback.pend(nonce, line)
        self.scrollback.read()
        self.scrollback.follow()
        self._unposted.put_nowait((nonce, text, action, answers))
        self.room.reconnect_now()
        self._changed()

    def typing(self, *, active: bool) -> None:
        """Let the others know that this person types."""
        if self.room.joined is not None:
            self._spawn(self.room.typing(active=active))

    @property
    def unsaid(self) -> list[Line]:
        """The messages that are not known to be stored."""
        lines = [line for _, line in self.scrollback.on_their_way()]
        return [line for line in lines if line.tone is Tone.PENDING]

    async def _speak(self) -> None:
        while True:
            nonce, text, action, answers = await self._unposted.get()
            try:
                posted = await self.room.post(text, nonce=nonce, action=action, in_reply_to=answers)
            except ChatError:  # the membership has ended; listening says how
                return
            self._spawn(self._watch(nonce, posted))
            self._unposted.task_done()

    async def _leave(self) -> None:
        posted = asyncio.create_task(self._unposted.join())
        await asyncio.wait({posted, self.over}, return_when=asyncio.FIRST_COMPLETED)
        posted.cancel()
        await self.room.leave()

    async def _watch(self, nonce: str, posted: Posted) -> None:
        """Show a message as said once it is stored."""
        try:
            stored = await posted.stored()
        except NotAccepted:
            return  # the refusal is yielded as well
        except ChatError:
            return
        for key, line in self.scrollback.on_their_way():
            if key == nonce:
                said = replace(line, tone=Tone.SAID, sequence=stored.sequence)
                if stored.sequence:  # the entry itself comes in its place among the others
                    self.scrollback.pend(nonce, said)
                else:  # from a server without echoes
                    self.scrollback.settle(nonce)
                    self._add(said)
        self._changed()

    # ---- What is asked for ------------------------------------------------------------

    async def show_earlier(self, count: int) -> bool:
        """Put up to so many earlier entries above; False if there are none.

        Where some are on their way already, these are they.
        """
        if self._loading:
            return True
        self._loading = True
        try:
            oldest = self.scrollback.oldest
            page = await self._chat.history(
                self.room.room_id, before=oldest or None, page_size=min(count, MOST_EARLIER)
            )
        finally:
            self._loading = False
        lines = [
            line_of(message, self.room.name, earlier=True)
            for message in page.messages
            if not self.ignores(message.name)
        ]
        reached = min((m.sequence for m in page.messages if m.sequence), default=0)
        self.scrollback.put_before(lines, reached)
        for line in lines:
            self.links.look_at(line.text if line.name else "", line.name)
        self._changed()
        return bool(page.messages)

    async def rename(self, name: str) -> None:
        """Take another name: everybody sees the line, or oneself the refusal. Raises ChatError."""
        try:
            await self.room.rename(name)
        except NotAccepted as refused:
            if refused.reason == "RENAME_UNKNOWN":  # the others are yielded as well
                self.tell(str(refused), Tone.TROUBLE)

    async def who(self) -> str:
        """Everybody who is in the room, in a sentence. Raises ChatError.

        Of one that is over: nobody, as it is not known any more.
        """
        if self.over.done():
            return f"you are no longer in {one_line(self.room.room_id)}"
        members = self.room.members or await self._chat.members(self.room.room_id)
        names = sorted({described(member) for member in members}, key=str.casefold)
        shown = ", ".join(names[:SHOWN_NAMES])
        more = f" and {len(names) - SHOWN_NAMES} others" if len(names) > SHOWN_NAMES else ""
        as_of = "" if self.connected else "before the connection was lost: "
        return f"{as_of}{len(names)} in {one_line(self.room.room_id)}: {shown}{more}"

    @property
    def who_is_here(self) -> list[str]:
        """The names of the members, safe to print, as far as they are known."""
        return [one_line(member.name) for member in self.room.members or ()]

    def names(self) -> list[str]:
        """The names that may be completed: who is here, and who has spoken lately."""
        spoken = [line.name for line in self.scrollback.newest(200) if line.name]
        names = [*self.who_is_here, *spoken]
        left_out = {one_line(self.room.name), SERVER_NAME}
        return [name for name in dict.fromkeys(names) if name not in left_out]

    def status(self) -> Status:
        """What the status line tells."""
        details = self.room.details
        if self.over.done():
            connection = "ended"
        elif self.leaving:
            connection = "leaving"
        elif self.connected:
            connection = "connected"
        else:
            connection = "reconnecting"
        members = None if self.over.done() else self.room.members
        search = self.scrollback.search
        return Status(
            room=one_line(self.room.room_id),
            title=one_line(details.title) if details else "",
            members=None if members is None else len(members),
            connection=connection,
            trouble=not self.connected or self.over.done(),
            latency=self.room.latency,
            typists=self._typists.names(),
            below=self.scrollback.below,
            unseen=self.scrollback.unseen,
            scrolled=not self.scrollback.following,
            found=(search.text, *search.place) if search else None,
        )

    def tab(self) -> Tab:
        """What the bar tells."""
        return Tab(
            room=one_line(self.room.room_id),
            here=self._viewer.shows(self),
            unread=self.unread,
            named=self.named,
            trouble=not self.connected or self.over.done(),
        )

    def _changed(self) -> None:
        self._viewer.changed(self)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.bug = task.exception()
            self.over.cancel()


def described(member: Member) -> str:
    """The name, and what somebody is beside a member: `Bob (muted)`."""
    found = marks(member)
    return f"{one_line(member.name)} ({found})" if found else one_line(member.name)


def ended_by_the_server() -> ChatError:
    """What a stream that ends with OK, though this member has not left, is told as."""
    import grpc

    return ChatError(grpc.StatusCode.OK, "", "the server has ended the conversation")
