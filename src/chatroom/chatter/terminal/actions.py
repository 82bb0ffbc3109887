"""What a person can do on the screen of a chat."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from chatroom.chatter.advice import advised
from chatroom.chatter.screen import forget_unwritten
from chatroom.chatter.terminal import commands
from chatroom.chatter.terminal.answering import Answering
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.doing import EARLIER, Commands
from chatroom.chatter.terminal.finding import Finding
from chatroom.chatter.terminal.focus import report_focus
from chatroom.chatter.terminal.ignored import Ignored, default_path
from chatroom.chatter.terminal.journey import Journey
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.mouse import SELECTING, Mouse, rows_turned
from chatroom.chatter.terminal.pasting import Pasting
from chatroom.chatter.terminal.screen import Screen
from chatroom.chatter.terminal.stopping import (
    HUNG_UP,
    draw_anew,
    stopped_by_hanging_up,
    suspend,
    taking_back,
)
from chatroom.client import ChatError
from chatroom.interrupts import calling

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from chatroom.chatter.settings import Settings
    from chatroom.chatter.terminal.look import Look
    from chatroom.chatter.terminal.visit import Visit
    from chatroom.client import Chat, Room

OVERLAP_ROWS = 2
"""Rows that stay in view when a page is turned."""
INTERRUPTED = 130


class Actions:
    """The screen, the visit that is on it, and what to do when a key is pressed.

    Which key does what, `keys` knows; and what a command does, `doing`.
    """

    def __init__(self, chat: Chat, look: Look, settings: Settings) -> None:
        ignored = Ignored(default_path())
        self.screen = Screen(self._typed, look, ignored)
        self.journey = Journey(chat, self.screen)
        self.mouse = Mouse(self.screen.application.output, wanted=look.mouse)
        self.finding = Finding(self.screen)
        self.answering = Answering(self.screen)
        self.pasting = Pasting(self.screen, self.say, self._refused)
        self._commands = Commands(chat, self, settings, ignored)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, room: Room, others: Sequence[str] = (), history: int | None = None) -> int:
        """Show a room that was entered, and others, until the person or a room ends that.

        The `others`, by their ids, are opened at once, with so many earlier messages each.
        The exit code so far; `journey` knows the rest.
        """
        self.journey.arrive(room)
        self.journey.open_beside(others, history)
        application = self.screen.application
        hasty = True  # unless the end is an orderly one
        try:
            with (
                stopped_by_hanging_up(self.journey.stop),
                calling(self._interrupted),
                taking_back(application, self._leave_terminal, self._take_terminal),
                application.input.raw_mode(),  # what the terminal answers is not echoed
            ):
                self._take_terminal()
                self.screen.ask_widths()
                code = await application.run_async(set_exception_handler=False, handle_sigint=False)
            hasty = False
        except (EOFError, OSError):  # the terminal is gone
            code = HUNG_UP
        finally:
            with suppress(OSError):
                self._leave_terminal()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.journey.close(hasty=hasty)
        if code == HUNG_UP:
            forget_unwritten(errors=True)
        return code

    @property
    def visit(self) -> Visit:
        """The visit on the screen."""
        return self.journey.here

    @property
    def following(self) -> bool:
        """Whether the newest line is in view."""
        return self.visit.scrollback.following

    # ---- Typing -----------------------------------------------------------------------

    def enter(self) -> None:
        """Do or say what was typed; what cannot be stays where it is."""
        buffer = self.screen.input
        typed, history = buffer.document, buffer.history
        self.screen.key_pressed()
        if not typed.text.strip():
            if self.visit.over.done():
                self.journey.leave_here()
                return
            self.look_at_newest()
            self.visit.room.reconnect_now()
            return
        buffer.reset()  # a command may turn to another room, and its line
        try:
            self.screen.check_typed(typed.text)
            parsed = commands.parse(typed.text)
            if isinstance(parsed, str):
                self.say(parsed)
            else:
                self._commands.do(parsed)
        except NotACommand as refusal:
            self.screen.words.refused = typed.text
            buffer.reset(typed)
            self._refused(str(refusal))
            return
        if typed.text not in history.get_strings()[-1:]:
            history.append_string(typed.text)

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

    def _refused(self, why: str) -> None:
        self.visit.tell(why, Tone.TROUBLE)

    def say(self, text: str, *, action: bool = False, answers: int = 0) -> None:
        """Say a text. Raises NotACommand when it cannot be said now, or would be refused."""
        self.journey.check_saying()
        limit = self.visit.text_bytes
        size = len(text.encode())
        if limit and size > limit:
            raise NotACommand(
                f"too long: this is {size:,} bytes, and a message has at most {limit:,}"
            )
        picked = self.answering.taken()
        self.visit.say(text, action=action, answers=answers or picked)

    # ---- Looking ----------------------------------------------------------------------

    def look_up(self) -> None:
        """Turn a page back; at the first line earlier ones are asked for."""
        if not self._scroll_up():
            self.spawn(self.look_back(EARLIER))

    def wheel(self, report: str) -> None:
        """Look up or down by as much as the wheel was turned."""
        rows = rows_turned(report)
        scrollback, screen = self.visit.scrollback, self.screen
        screen.key_pressed()
        if self.mouse.first_dragged(report):
            self.visit.tell(SELECTING)
        if rows > 0 and not scrollback.scroll_up(screen.painter, screen.height, rows):
            self.spawn(self.look_back(EARLIER, rows))
        elif rows < 0:
            scrollback.scroll_down(screen.painter, -rows)

    def look_down(self) -> None:
        """Turn a page forward."""
        self.screen.key_pressed()
        self.visit.scrollback.scroll_down(self.screen.painter, self._page)

    def follow(self) -> None:
        """Look at the newest line, and for nothing else; answer nothing."""
        self.answering.end()
        self.look_at_newest()

    def look_at_newest(self) -> None:
        """Look at the newest line, and for nothing else."""
        self.screen.key_pressed()
        self.finding.end()
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
        draw_anew(self.screen.application)

    def suspend(self) -> None:
        """Stop until the shell goes on with this program."""
        suspend(self.screen.application, self._leave_terminal)

    def _take_terminal(self) -> None:
        output = self.screen.application.output
        report_focus(output, True)
        self.mouse.take()

    def _leave_terminal(self) -> None:
        output = self.screen.application.output
        report_focus(output, False)
        self.mouse.leave()

    @property
    def _page(self) -> int:
        return max(self.screen.height - OVERLAP_ROWS, 1)

    def _scroll_up(self, rows: int = 0) -> bool:
        """By so many rows, or a page."""
        self.screen.key_pressed()
        screen = self.screen
        return self.visit.scrollback.scroll_up(screen.painter, screen.height, rows or self._page)

    async def _earlier(self, count: int) -> bool:
        visit = self.visit
        try:
            if await visit.show_earlier(count):
                return True
        except ChatError as error:
            visit.tell(advised(error), Tone.TROUBLE)
        else:
            visit.tell("there is nothing earlier that the room keeps")
        return False

    async def look_back(self, count: int, rows: int = 0) -> None:
        """Ask for so many earlier entries, and look so many rows, or a page, up to them."""
        if await self._earlier(count):
            self._scroll_up(rows)
            self.screen.changed()

    # ---- The end ----------------------------------------------------------------------

    def quit(self) -> None:
        """Leave when all is stored; asked again, at once."""
        self.journey.leave()

    def interrupt(self) -> None:
        """Clear what is typed; with nothing typed, end."""
        if self.screen.paste is not None:
            self.pasting.drop()
        elif self.screen.input.text or self.screen.answers:
            self.screen.input.reset()
            self.answering.end()
        else:
            self.journey.stop(INTERRUPTED)

    def _interrupted(self) -> None:
        """A signal came; the key is the same, but then prompt_toolkit draws by itself."""
        self.interrupt()
        self.screen.changed()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do it beside what is typed; a bug in it ends the program."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.screen.fail(task.exception())
