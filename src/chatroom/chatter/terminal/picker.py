"""A list of rooms to pick one from: by its number, its id, or with the arrow keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.filters import is_done
from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Window

from chatroom.chatter.dialogue import chosen
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.keys import bind
from chatroom.chatter.terminal.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings

    from chatroom.client import ChatRoom

PAGE = 10


class Picker(Question):
    """What is typed picks the room that it means; with nothing typed the arrows do."""

    def __init__(self, rooms: Sequence[ChatRoom], question: str) -> None:
        self._rooms = rooms
        self._room_ids = [room.room_id for room in rooms]
        self._picked = 0
        self._complaint = ""
        super().__init__(question)

    def around(self, asking: Window) -> HSplit:
        listing = Window(
            FormattedTextControl(self._listing, show_cursor=False),
            dont_extend_height=True,
            wrap_lines=False,
        )
        complaint = ConditionalContainer(
            Window(
                FormattedTextControl(lambda: [("class:trouble", self._complaint)]),
                height=1,
                wrap_lines=True,
            ),
            filter=~is_done,
        )
        return HSplit([listing, asking, complaint])

    def _listing(self) -> StyleAndTextTuples:
        """Every room, the picked one marked; as in the original when one was picked."""
        fragments: StyleAndTextTuples = []
        done = self.application.is_done
        width = self.application.output.get_size().columns
        for position, room in enumerate(self._rooms):
            picked = position == self._picked and not done
            if picked:
                fragments.append(("[SetCursorPosition]", ""))
            line = f"[{position + 1}]: {one_line(room.room_id)}"
            fragments.append(("class:picked" if picked else "", self.stand_ins.text(line)))
            about = _about(room)
            if about and self.cells.of(line) + 2 + self.cells.of(about) < width:
                fragments.append(("class:aside", self.stand_ins.text(f"  {about}")))
            if position < len(self._rooms) - 1:
                fragments.append(("", "\n"))
        return fragments

    def typed(self) -> None:
        self._complaint = ""
        room_id = chosen(self.line.text, self._room_ids)
        if room_id in self._room_ids:
            self._picked = self._room_ids.index(room_id)

    def _move(self, rows: int) -> None:
        self.line.reset()
        self._complaint = ""
        self._picked = min(max(self._picked + rows, 0), len(self._rooms) - 1)

    def enter(self) -> None:
        typed = self.line.text
        room_id: str | None = self._room_ids[self._picked]
        if typed.strip():
            room_id = chosen(typed, self._room_ids)
        else:
            self.line.text = str(self._picked + 1)
        if room_id is not None:
            self.application.exit(result=room_id)
            return
        numbers = "1" if len(self._rooms) == 1 else f"1 to {len(self._rooms)}"
        self._complaint = f"there is no such room; type its number ({numbers}) or its id"

    def keys(self) -> KeyBindings:
        keys = super().keys()
        bind(keys, partial(self._move, -1), "up", "s-tab")
        bind(keys, partial(self._move, 1), "down", "tab")
        bind(keys, partial(self._move, -PAGE), "pageup")
        bind(keys, partial(self._move, PAGE), "pagedown")
        return keys


def _about(room: ChatRoom) -> str:
    """What is shown beside a room's id."""
    parts = []
    if room.member_count:
        parts.append("1 member" if room.member_count == 1 else f"{room.member_count} members")
    if room.title:
        parts.append(one_line(room.title))
    return ", ".join(parts)
