"""The screen of a chat: the messages, a status line, and the line that is typed."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.renderer import print_formatted_text

from chatroom.chatter.decoding import NotText, check_decoded, input_encoding
from chatroom.chatter.terminal.bar import bar_line
from chatroom.chatter.terminal.cells import MOST_CELLS, Cells, Sort
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.completion import Words
from chatroom.chatter.terminal.keyboard import keyboard
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.links import Targets, shows_links
from chatroom.chatter.terminal.output import ClusterOutput, LinkStyle, output_of
from chatroom.chatter.terminal.reports import ASK, CursorReports
from chatroom.chatter.terminal.rows import COLUMNS_FROM, NAME_COLOURS, Painter, quoted
from chatroom.chatter.terminal.stand_ins import StandIns
from chatroom.chatter.terminal.status import status_line
from chatroom.chatter.terminal.stopping import draw_anew
from chatroom.chatter.terminal.style import STYLE, style_with
from chatroom.chatter.terminal.symbols import ASCII, UNICODE, symbols_for
from chatroom.chatter.terminal.typed_line import Clusters, TypedLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.completion import Completion
    from prompt_toolkit.history import History

    from chatroom.chatter.terminal.ignored import Ignored
    from chatroom.chatter.terminal.lines import Line
    from chatroom.chatter.terminal.log import Log
    from chatroom.chatter.terminal.look import Look
    from chatroom.chatter.terminal.paste import Paste
    from chatroom.chatter.terminal.rows import Row
    from chatroom.chatter.terminal.visit import Visit

REDRAW_SECONDS = 0.05
"""The screen is drawn at most so often: a flood of messages leaves time for the keys."""
ASIDE_SECONDS = 0.25
"""So long what comes in rooms that are not shown may wait to be counted in the bar."""
REFRESH_SECONDS = 2.0
"""It is drawn at least so often: typing notices end, latencies change."""
ESCAPE_SECONDS = 0.05
INPUT_ROWS = 6
"""The typed line grows to so many rows, then scrolls."""
LOOKED_AT_SECONDS = 30.0
"""Where the terminal does not tell of its focus: who has pressed no key for so long may
not have seen what came."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is typed in a room that is not shown, and what was typed there before."""

    document: Document
    history: History


class Screen:
    """What is drawn, and what is typed; what a key does is in keys.py."""

    def __init__(self, typed: Callable[[str], None], look: Look, ignored: Ignored) -> None:
        """`typed` is called with what is typed, at each change of it."""
        self._look = look
        self._ignored = ignored
        self.log: Log | None = None
        """Where what is said is logged."""
        self.visit: Visit | None = None
        """Whose messages are shown."""
        self.visits: list[Visit] = []
        """Those of the rooms that are open, in the order of the bar."""
        self._unfinished: dict[Visit, Unfinished] = {}
        """What is typed in those that are not shown."""
        self._drawing: asyncio.TimerHandle | None = None
        self.paste: Paste | None = None
        """Pasted lines that are asked about."""
        self.room_ids: list[str] = []
        """The rooms that /join completes."""
        self.height = 1
        """Rows of the window of messages, as last drawn."""
        self.focused: bool | None = None
        """Whether the terminal's window has the focus; None: the terminal has not told."""
        self._last_key = asyncio.get_running_loop().time()
        self.reports = CursorReports()
        """What the terminal answers."""
        self.cells = Cells()
        """How wide the terminal draws, as far as is known."""
        self._stand_ins = StandIns(self.cells)
        self.words = Words(self._names, self._rooms, self._stand_ins.text)
        self.input = TypedLine(
            multiline=True,
            completer=self.words,
            complete_while_typing=Condition(lambda: self.input.text.startswith("/")),
            on_text_changed=lambda buffer: typed(buffer.text),
        )
        self.application: Application[int] = Application(
            Layout(self._containers()),
            style=style_with(look.colors, look.names) if look.colors or look.names else STYLE,
            output=output_of(self._stand_ins),
            input=keyboard(lambda: self.paste is not None and self.paste.open, self.reports),
            full_screen=True,
            enable_page_navigation_bindings=False,
            min_redraw_interval=REDRAW_SECONDS,
            max_render_postpone_time=REDRAW_SECONDS,
            refresh_interval=REFRESH_SECONDS,
        )
        self._targets = Targets()
        if shows_links(os.environ.get("TERM", "")):
            renderer = self.application.renderer
            renderer.style = LinkStyle(renderer.style, self._targets)
        # For a terminal's sequences, which come at once: so Esc alone need not wait.
        self.application.ttimeoutlen = self.application.timeoutlen = ESCAPE_SECONDS
        self._symbols = symbols_for(self.application.output.encoding())
        self.painter = self._painter(self.application.output.get_size().columns)
        """Draws as wide as the screen was last."""

    def changed(self, visit: Visit | None = None) -> None:
        """Draw anew: soon, or for a visit that is not shown before long."""
        if visit is None or visit is self.visit:
            self.application.invalidate()
        elif self._drawing is None:
            loop = asyncio.get_running_loop()
            self._drawing = loop.call_later(ASIDE_SECONDS, self._draw_aside)

    def _draw_aside(self) -> None:
        self._drawing = None
        self.application.invalidate()

    def shows(self, visit: Visit) -> bool:
        """Whether this is the visit on the screen."""
        return visit is self.visit

    def show(self, visit: Visit, *, with_line: bool = False) -> None:
        """Show this visit, as it was left: what is typed there, and where one looked.

        `with_line` takes along what is typed here.
        """
        before, typed = self.visit, self.input.document
        if visit is before:
            return
        if before is not None:
            self._unfinished[before] = Unfinished(
                Document() if with_line else typed, self.input.history
            )
            before.turned_away()
        self._unfinished = {
            each: line for each, line in self._unfinished.items() if each in self.visits
        }
        there = self._unfinished.pop(visit, None) or Unfinished(Document(), InMemoryHistory())
        self.visit = visit
        self.input.history = there.history
        self.input.reset(typed if with_line else there.document)
        visit.turned_to()
        self.key_pressed()
        self.changed()

    def ask_widths(self) -> None:
        """Ask the terminal how wide it draws what terminals disagree about.

        Nothing waits for the answers; when they have come, what is not so is drawn anew.
        The samples are gone again before anybody sees them.
        """
        output = self.application.output
        columns = output.get_size().columns
        if self._symbols is UNICODE and columns > MOST_CELLS and isinstance(output, ClusterOutput):
            self.reports.expect(len(Sort), self._measured)
            output.write_raw("".join(f"\r{sort.value}{ASK}" for sort in Sort))
            output.write_raw("\r")
            output.erase_end_of_line()
            output.flush()

    def _measured(self, columns: list[int]) -> None:
        cells = Cells(dict(zip(Sort, columns, strict=True)))
        if cells.as_in_the_table:
            return
        self.cells = cells
        self._stand_ins.measure(cells)
        if cells.wide_signs:
            self._symbols = ASCII
        self.painter = self._painter(self.painter.width)
        draw_anew(self.application)

    def exit(self, code: int) -> None:
        """End the program with this exit code."""
        if self.application.is_running and not self.application.is_done:
            self.application.exit(result=code)

    def fail(self, bug: BaseException | None) -> None:
        """End the program with an exception that nothing was prepared for."""
        if bug is not None and self.application.is_running and not self.application.is_done:
            self.application.exit(exception=bug)

    def check_typed(self, text: str) -> None:
        """Raise NotACommand for what was typed in another encoding than the locale's."""
        try:
            check_decoded(text, input_encoding())
        except NotText as error:
            raise NotACommand(f"not said: {error}") from None

    def ignores(self, name: str) -> bool:
        """Whether somebody of this name is ignored."""
        return name in self._ignored

    def came(self, visit: Visit, line: Line) -> None:
        """Log a line."""
        if self.log is None:
            return
        quote = ""
        if line.answers:
            quote = f"(re {quoted(line.answers, visit.scrollback.said(line.answers))}) "
        if trouble := self.log.write(visit.tab().room, line, quote):
            visit.tell(trouble, Tone.TROUBLE)

    def ring(self, visit: Visit, line: Line) -> None:
        """Ring the terminal's bell, or have it notify, as is configured."""
        from chatroom.chatter.terminal.notices import alarm

        output = self.application.output
        in_tmux = "TMUX" in os.environ
        room = visit.tab().room
        output.write_raw(alarm(self._look.notify, room, line.name, line.text, in_tmux=in_tmux))
        output.flush()

    def key_pressed(self) -> None:
        """Note that somebody is there."""
        self._last_key = asyncio.get_running_loop().time()

    def looked_at(self, visit: Visit) -> bool:
        """Whether the person at the terminal sees what comes in this visit."""
        if self.focused is None:
            idle = asyncio.get_running_loop().time() - self._last_key
            there = idle <= LOOKED_AT_SECONDS
        else:
            there = self.focused
        return there and visit is self.visit and visit.scrollback.following

    def completions(self) -> list[Completion]:
        """In which ways the word before the cursor can be completed."""
        asked = CompleteEvent(completion_requested=True)
        return list(self.words.get_completions(self.input.document, asked))

    def _containers(self) -> FloatContainer:
        asked = Condition(lambda: self.paste is not None or self.answers)
        entry = Window(
            BufferControl(
                self.input, input_processors=[Clusters(self._stand_ins), BeforeInput(self._prompt)]
            ),
            height=lambda: Dimension(min=1, max=INPUT_ROWS),
            dont_extend_height=True,
            wrap_lines=True,
        )
        return FloatContainer(
            HSplit(
                [
                    Window(_Messages(self)),
                    ConditionalContainer(
                        Window(FormattedTextControl(self._bar), height=1, style="class:bar"),
                        filter=Condition(lambda: len(self.visits) > 1),
                    ),
                    Window(FormattedTextControl(self._status), height=1, style="class:status"),
                    ConditionalContainer(
                        Window(FormattedTextControl(self._question), height=1), filter=asked
                    ),
                    entry,
                ]
            ),
            floats=[
                Float(CompletionsMenu(max_height=10, scroll_offset=1), xcursor=True, ycursor=True)
            ],
        )

    def _prompt(self) -> Row:
        name, width = self.visit.own_name if self.visit else "", self.painter.width
        if width < COLUMNS_FROM or self.cells.of(name) > width // 4:
            name = ""  # the room is for what is typed
        return [("class:prompt", self._stand_ins.text(f"{name}> "))]

    def _status(self) -> Row:
        if self.visit is None:
            return []
        status = self.visit.status()
        return self._drawn(status_line(status, self.painter.width, self._symbols, self.cells))

    def _bar(self) -> Row:
        tabs = [visit.tab() for visit in self.visits]
        return self._drawn(bar_line(tabs, self.painter.width, self._symbols, self.cells))

    def _question(self) -> Row:
        if self.paste is not None:
            return [("class:question", self.paste.question(self.painter.width))]
        if self.visit is None:
            return []
        picked = self.visit.scrollback.picked
        return self._drawn(self.painter.answering(picked, self.visit.scrollback.said(picked)))

    @property
    def answers(self) -> bool:
        """Whether what is typed is an answer."""
        return self.visit is not None and bool(self.visit.scrollback.picked)

    def _rooms(self) -> list[str]:
        return list(dict.fromkeys([visit.room.room_id for visit in self.visits] + self.room_ids))

    def _names(self) -> list[str]:
        return self.visit.names() if self.visit else []

    def rows(self, width: int, height: int) -> list[Row]:
        """The rows of the window of messages, the newest at its bottom."""
        self.height = height
        if self.painter.width != width:
            self.painter = self._painter(width)
        rows = self.visit.scrollback.view(self.painter, height) if self.visit else []
        blank: Row = [("", "")]
        return [blank] * (height - len(rows)) + [self._drawn(row) for row in rows]

    def _painter(self, width: int) -> Painter:
        look = self._look
        names = len(look.names) or NAME_COLOURS
        return Painter(width, self._symbols, self.cells, self._targets, look.time_format, names)

    def leave_rows(self) -> None:
        """Print the newest rows of the room below the shell's own, now that the screen is gone."""
        if self.visit is None:
            return
        self.visit.scrollback.follow()
        output = self.application.output
        for row in self.visit.scrollback.view(self.painter, self.height):
            print_formatted_text(
                output, [*row, ("", "\n")], self.application.renderer.style, color_depth=None
            )

    def _drawn(self, row: Row) -> Row:
        return [(style, self._stand_ins.text(text)) for style, text, *_ in row]


class _Messages(UIControl):
    """Lets prompt_toolkit draw just the rows that are seen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def create_content(self, width: int, height: int) -> UIContent:
        rows = self._screen.rows(width, height)
        return UIContent(
            get_line=lambda row: rows[row],
            line_count=len(rows),
            cursor_position=Point(0, 0),
            show_cursor=False,
        )
