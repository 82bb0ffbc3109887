"""What some commands answer, and what they do for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.ignored import MOST_IGNORED, TooMany
from chatroom.chatter.terminal.lines import same_name
from chatroom.chatter.terminal.mouse import SELECTING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.settings import Settings
    from chatroom.chatter.terminal.ignored import Ignored
    from chatroom.chatter.terminal.mouse import Mouse
    from chatroom.chatter.terminal.screen import Screen
    from chatroom.chatter.terminal.visit import Visit
    from chatroom.client import Chat

UNWRITTEN = ", until chatter ends: that cannot be written down"


class Answers:
    """Each returns what to tell whoever has typed it."""

    def __init__(self, chat: Chat, screen: Screen, ignored: Ignored) -> None:
        self._chat = chat
        self._screen = screen
        self._ignored = ignored

    async def rooms(self) -> str:
        """The public rooms of the server; in brackets the number of one that is open."""
        rooms = await self._chat.rooms()
        self._screen.room_ids = [room.room_id for room in rooms]
        open_ones = {visit.room.room_id: at for at, visit in enumerate(self._screen.visits, 1)}
        lines = [
            f"{one_line(room.room_id)} ({room.member_count}) {one_line(room.title)}".rstrip()
            + (f" [{open_ones[room.room_id]}]" if room.room_id in open_ones else "")
            for room in rooms
        ]
        return "\n".join(["rooms:", *lines]) if lines else "there are no public rooms"

    def ignore(self, name: str) -> str:
        """Ignore somebody; without a name, who is. Raises NotACommand."""
        ignored = self._ignored
        if not name:
            names = ", ".join(ignored.names())
            return f"ignored: {names}; /unignore NAME" if names else "nobody is ignored"
        if any(same_name(name, visit.own_name) for visit in self._screen.visits):
            raise NotACommand("you would not see what you say yourself")
        try:
            kept = ignored.add(name)
        except TooMany:
            raise NotACommand(f"{MOST_IGNORED} are ignored; /unignore one of them first") from None
        return f"{one_line(name)} is ignored" + ("" if kept else UNWRITTEN)

    def hear(self, name: str) -> str:
        """Ignore somebody no longer. Raises NotACommand."""
        if name not in self._ignored:
            raise NotACommand(f"{one_line(name)} is not ignored; /ignore lists who is")
        kept = self._ignored.remove(name)
        return f"{one_line(name)} is heard again" + ("" if kept else UNWRITTEN)

    def mouse(self, mouse: Mouse, words: Sequence[str]) -> str:
        """Use the wheel, or leave the mouse to the terminal; without a word, which it is.

        Raises NotACommand.
        """
        if words:
            word = words[0].casefold()
            if word not in ("on", "off", "toggle"):
                raise NotACommand("/mouse on, /mouse off, or /mouse toggle")
            mouse.switch(wanted=not mouse.wanted if word == "toggle" else word == "on")
        if mouse.wanted:
            return f"the wheel looks back; {SELECTING}"
        return "the mouse is left to the terminal, which selects text; /mouse on uses the wheel"

    def settings(self, settings: Settings, mouse: Mouse) -> str:
        """What chatter goes by, where each is from, and how one changes it."""
        from chatroom.chatter.configuration import default_path
        from chatroom.chatter.settings import Setting
        from chatroom.chatter.settings_table import shown_settings

        found = {
            name: Setting(value=getattr(settings, name), source=source)
            for name, source in settings.sources.items()
        }
        if mouse.wanted != settings.mouse:
            found["mouse"] = Setting(value=mouse.wanted, source="/mouse")
        lines = [
            f"{name} = {one_line(value) or '-'} ({one_line(source)})"
            for name, (value, source) in shown_settings(found).items()
        ]
        where = one_line(str(settings.file or default_path()))
        return "\n".join([*lines, f"set by options, or in {where}; both are read at the start"])

    def links(self, visit: Visit, count: int) -> str:
        """The links that were said last, with their numbers."""
        found = visit.links.newest(count)
        lines = [f"[{number}] {link} ({name})" for number, (link, name) in found.items()]
        if not lines:
            return "nobody has said a link here; /history looks back"
        return "\n".join(["links, by /open N:", *lines])

    async def open(self, visit: Visit, number: int) -> str:
        """See a link in the browser."""
        from chatroom.chatter.terminal.browser import NotOpened, open_link

        link = visit.links.numbered(number)
        if not link:
            return f"there is no link {number} here; /urls has them"
        try:
            await open_link(link)
        except NotOpened as error:
            return f"not opened: {error}"
        return f"opened {link}"
