"""What a person can do on the screen of a chat."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal

from chatroom.chatter.endings import unconfirmed
from chatroom.chatter.running import sentence_of
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal import commands
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.focus import report_focus
from chatroom.chatter.terminal.keys import bindings
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.paste import Paste
from chatroom.chatter.terminal.screen import Screen
from chatroom.chatter.terminal.visit import MOST_EARLIER, Visit
from chatroom.client import ChatError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from chatroom.client import Chat, Room

EARLIER = 100
"""Entries that /history and Page Up ask for."""
OVERLAP_ROWS = 2
"""Rows that stay in view when a page is turned."""
INTERRUPTED = 130
STOPPING = {"SIGTERM": 143, "SIGHUP": 129}
"""Signals that end the program, with the exit code that a shell knows them by."""


class Actions:
    """The screen, the visit that is on it, and what to do when a key is pressed."""

    def __init__(self, chat: Chat) -> None:
        self.screen = Screen(self._typed)
        self.screen.application.key_bindings = bindings(self)
        self._chat = chat
        self._tasks: set[asyncio.Task[None]] = set()
        self._hasty = False

    async def run(self, room: Room) -> tuple[Visit, int]:
        """Show a room that was entered until the visit to it, or to another, is over.

        The last visit, and the exit code so far.
        """
        self._show(room)
        loop = asyncio.get_running_loop()
        for name, code in STOPPING.items():
            if hasattr(signal, name):
                with suppress(NotImplementedError):  # as on Windows
                    loop.add_signal_handler(getattr(signal, name), self._stop, code)
        application = self.screen.application
        try:
            report_focus(application.output, True)
            code = await application.run_async(set_exception_handler=False)
        except EOFError:  # the terminal is gone
            code, self._hasty = STOPPING["SIGHUP"], True
        finally:
            report_focus(application.output, False)
            for name in STOPPING:
                if hasattr(signal, name):
                    with suppress(NotImplementedError):
                        loop.remove_signal_handler(getattr(signal, name))
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.visit.close(hasty=self._hasty)
        return self.visit, code

    @property
    def visit(self) -> Visit:
        """The visit on the screen."""
        assert self.screen.visit is not None, "run() was called"
        return self.screen.visit

    @property
    def following(self) -> bool:
        """Whether the newest line is in view."""
        return self.visit.scrollback.following

    # ---- Typing -----------------------------------------------------------------------

    def enter(self) -> None:
        """Do or say what was typed; what cannot be stays where it is."""
        buffer = self.screen.input
        text = buffer.text
        self.screen.key_pressed()
        if not text.strip():
            self.follow()
            self.visit.room.reconnect_now()
            return
        try:
            typed = commands.parse(text)
            if isinstance(typed, str):
                self._say(typed)
            else:
                self._do(typed)
        except NotACommand as refusal:
            self.screen.words.refused = text
            buffer.cancel_completion()
            self.visit.tell(str(refusal), Tone.TROUBLE)
            return
        buffer.append_to_history()
        buffer.reset()

    def new_line(self) -> None:
        """Begin a new line in the message."""
        self.screen.input.insert_text("\n")

    def complete(self) -> None:
        """Complete the word before the cursor; again, in the next way."""
        buffer = self.screen.input
        if buffer.complete_state:
            buffer.complete_next()
            return
        found = self.screen.completions()
        if len(found) == 1:  # at once: Enter may be next
            buffer.apply_completion(found[0])
        elif found:
            buffer.start_completion(select_first=True)

    def complete_backward(self) -> None:
        """Complete in the way before."""
        if self.screen.input.complete_state:
            self.screen.input.complete_previous()

    def ignore(self) -> None:
        """Do nothing."""

    def _typed(self, text: str) -> None:
        self.screen.key_pressed()
        if self.screen.visit is not None:
            self.visit.typing(active=bool(text.strip()) and not text.startswith("/"))

    def _say(self, text: str) -> None:
        """Say a text. Raises NotACommand when the room would not take it."""
        limit = self.visit.text_bytes
        size = len(text.encode(errors="replace"))
        if limit and size > limit:
            raise NotACommand(
                f"too long: this is {size:,} bytes, and a message has at most {limit:,}"
            )
        self.visit.say(text)

    # ---- Pasting ----------------------------------------------------------------------

    def pasted(self, text: str) -> None:
        """Insert one pasted line; ask about several."""
        paste = Paste.of(text)
        if isinstance(paste, str):
            self.screen.input.insert_text(paste)
        else:
            self.screen.paste = paste
        self.screen.key_pressed()

    def say_paste(self) -> None:
        """Say what was pasted as one message."""
        if self.screen.paste is not None:
            self._say_paste([self.screen.paste.text])

    def say_paste_by_line(self) -> None:
        """Say each of the lines that were pasted."""
        if self.screen.paste is not None and self.screen.paste.as_messages:
            self._say_paste(self.screen.paste.lines)

    def _say_paste(self, texts: list[str]) -> None:
        paste, self.screen.paste = self.screen.paste, None
        try:
            for text in texts:
                self._say(text)
        except NotACommand as refusal:
            self.screen.paste = paste
            self.visit.tell(str(refusal), Tone.TROUBLE)

    def edit_paste(self) -> None:
        """Put what was pasted into the line that is typed."""
        paste, self.screen.paste = self.screen.paste, None
        if paste is not None:
            self.screen.input.insert_text(paste.text)

    def drop_paste(self) -> None:
        """Forget what was pasted."""
        self.screen.paste = None

    # ---- Looking ----------------------------------------------------------------------

    def look_up(self) -> None:
        """Turn a page back; at the first line earlier ones are asked for."""
        if not self._scroll_up():
            self._spawn(self._look_earlier())

    def look_down(self) -> None:
        """Turn a page forward."""
        self.screen.key_pressed()
        self.visit.scrollback.scroll_down(self.screen.painter, self._page)

    def follow(self) -> None:
        """Look at the newest line."""
        self.screen.key_pressed()
        self.visit.scrollback.follow()

    def look_here(self) -> None:
        """The window has the focus."""
        self.screen.focused = True

    def look_away(self) -> None:
        """The window has lost the focus: what comes now is unread."""
        self.screen.focused = False
        self.visit.scrollback.read()

    def redraw(self) -> None:
        """Draw everything anew."""
        self.screen.application.renderer.clear()

    def suspend(self) -> None:
        """Stop, as Ctrl-Z does with other programs, until the shell goes on with this one."""
        output = self.screen.application.output

        def stop() -> None:
            report_focus(output, False)
            os.kill(0, signal.SIGTSTP)
            report_focus(output, True)

        if hasattr(signal, "SIGTSTP"):
            run_in_terminal(stop)

    @property
    def _page(self) -> int:
        return max(self.screen.height - OVERLAP_ROWS, 1)

    def _scroll_up(self) -> bool:
        self.screen.key_pressed()
        screen = self.screen
        return self.visit.scrollback.scroll_up(screen.painter, screen.height, self._page)

    async def _look_earlier(self) -> None:
        if await self._earlier(EARLIER):
            self._scroll_up()
            self.screen.changed()

    async def _earlier(self, count: int) -> bool:
        visit = self.visit
        try:
            if await visit.show_earlier(count):
                return True
        except ChatError as error:
            visit.tell(sentence_of(error), Tone.TROUBLE)
        else:
            visit.tell("there is nothing earlier that the room keeps")
        return False

    # ---- Commands ---------------------------------------------------------------------

    def _do(self, typed: commands.Typed) -> None:
        word, words = typed.command.word, typed.words
        if word == "help":
            for line in commands.help_lines():
                self.visit.tell(line)
        elif word == "who":
            self._spawn(self._tell(self.visit.who()))
        elif word == "rooms":
            self._spawn(self._tell(self._rooms()))
        elif word == "history":
            count = commands.number(words, EARLIER, MOST_EARLIER)
            self._spawn(self._look_back(count))
        elif word == "join":
            if not words:
                raise NotACommand("which room? /join ROOM [NAME]; /rooms lists them")
            self._spawn(self._go_to(words[0], " ".join(words[1:]) or self.visit.room.name))
        else:
            self.quit()

    async def _tell(self, answer: Coroutine[object, object, str]) -> None:
        visit = self.visit
        try:
            visit.tell(await answer)
        except ChatError as error:
            visit.tell(sentence_of(error), Tone.TROUBLE)

    async def _rooms(self) -> str:
        rooms = await self._chat.rooms()
        self.screen.room_ids = [room.room_id for room in rooms]
        lines = [
            f"{one_line(room.room_id)} ({room.member_count}) {one_line(room.title)}".rstrip()
            for room in rooms
        ]
        return "\n".join(["rooms:", *lines]) if lines else "there are no public rooms"

    async def _look_back(self, count: int) -> None:
        if await self._earlier(count):
            self._scroll_up()
            self.screen.changed()

    async def _go_to(self, room_id: str, name: str) -> None:
        """Enter another room and, once inside, leave this one."""
        before = self.visit
        before.tell(f"joining {one_line(room_id)}")
        try:
            room = await self._chat.join(room_id, name, echo=True, typing=True).__aenter__()
        except ChatError as error:
            before.tell(sentence_of(error), Tone.TROUBLE)
            return
        visit = self._show(room)
        await before.close()
        if before.unsaid:
            told = f"in {one_line(before.room.room_id)}: {unconfirmed(before.unsaid)}"
            visit.tell(told, Tone.TROUBLE)

    # ---- The end ----------------------------------------------------------------------

    def quit(self) -> None:
        """Leave when all is stored; asked again, at once."""
        if self.visit.leaving:
            self._stop(INTERRUPTED)
        else:
            self.visit.leave()

    def interrupt(self) -> None:
        """Clear what is typed; with nothing typed, end."""
        if self.screen.paste is not None:
            self.drop_paste()
        elif self.screen.input.text:
            self.screen.input.reset()
        else:
            self._stop(INTERRUPTED)

    def _stop(self, code: int) -> None:
        self._hasty = True
        self._exit(code)

    def _exit(self, code: int) -> None:
        application = self.screen.application
        if application.is_running and not application.is_done:
            application.exit(result=code)

    def _show(self, room: Room) -> Visit:
        visit = Visit(
            self._chat, room, changed=self.screen.changed, looked_at=self.screen.looked_at
        )
        self.screen.visit = visit
        visit.over.add_done_callback(lambda _: self._over(visit))
        self.screen.changed()
        return visit

    def _over(self, visit: Visit) -> None:
        if visit is self.screen.visit:
            self._exit(0)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
