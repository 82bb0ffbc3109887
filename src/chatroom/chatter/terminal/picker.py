"""A list of rooms to pick one from: by its number, its id, or with the arrow keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.utils import get_cwidth

from chatroom.chatter.dialogue import chosen
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.keys import bind
from chatroom.chatter.terminal.stopping import taking_back
from chatroom.chatter.terminal.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from chatroom.client import ChatRoom

PAGE = 10


async def pick(rooms: Sequence[ChatRoom], question: str) -> str:
    """The id of the room that was picked. Raises EOFError, KeyboardInterrupt."""
    application = _Picker(rooms, question).application
    # A signal from outside cancels, see interrupts.py; Ctrl-C is a key here.
    with taking_back(application):
        return await application.run_async(handle_sigint=False)


class _Picker:
    """What is typed picks the room that it means; with nothing typed the arrows do."""

    def __init__(self, rooms: Sequence[ChatRoom], question: str) -> None:
        self._rooms = rooms
        self._room_ids = [room.room_id for room in rooms]
        self._picked = 0
        self._complaint = ""
        self._answer = Buffer(multiline=False, on_text_changed=self._typed)
        listing = Window(
            FormattedTextControl(self._listing, show_cursor=False),
            dont_extend_height=True,
            wrap_lines=False,
        )
        asking = Window(
            BufferControl(self._answer, input_processors=[BeforeInput(question)]),
            height=1,
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
        self.application: Application[str] = Application(
            Layout(HSplit([listing, asking, complaint]), focused_element=asking),
            key_bindings=self._keys(),
            style=STYLE,
        )

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
            fragments.append(("class:picked" if picked else "", line))
            about = _about(room)
            if about and get_cwidth(line) + 2 + get_cwidth(about) < width:
                fragments.append(("class:aside", f"  {about}"))
            if position < len(self._rooms) - 1:
                fragments.append(("", "\n"))
        return fragments

    def _typed(self, answer: Buffer) -> None:
        self._complaint = ""
        room_id = chosen(answer.text, self._room_ids)
        if room_id in self._room_ids:
            self._picked = self._room_ids.index(room_id)

    def _move(self, rows: int) -> None:
        self._answer.reset()
        self._complaint = ""
        self._picked = min(max(self._picked + rows, 0), len(self._rooms) - 1)

    def _enter(self) -> None:
        typed = self._answer.text
        room_id: str | None = self._room_ids[self._picked]
        if typed.strip():
            room_id = chosen(typed, self._room_ids)
        else:
            self._answer.text = str(self._picked + 1)
        if room_id is not None:
            self.application.exit(result=room_id)
            return
        numbers = "1" if len(self._rooms) == 1 else f"1 to {len(self._rooms)}"
        self._complaint = f"there is no such room; type its number ({numbers}) or its id"

    def _interrupt(self) -> None:
        self.application.exit(exception=KeyboardInterrupt)

    def _end(self) -> None:
        self.application.exit(exception=EOFError)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        bind(keys, partial(self._move, -1), "up", "s-tab")
        bind(keys, partial(self._move, 1), "down", "tab")
        bind(keys, partial(self._move, -PAGE), "pageup")
        bind(keys, partial(self._move, PAGE), "pagedown")
        bind(keys, self._enter, "enter")
        bind(keys, self._interrupt, "c-c")
        bind(keys, self._end, "c-d", when=Condition(lambda: not self._answer.text))
        return keys


def _about(room: ChatRoom) -> str:
    """What is shown beside a room's id."""
    parts = []
    if room.member_count:
        parts.append("1 member" if room.member_count == 1 else f"{room.member_count} members")
    if room.title:
        parts.append(one_line(room.title))
    return ", ".join(parts)
