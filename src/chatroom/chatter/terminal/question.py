"""A question that is answered with a line, which is edited by clusters as on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import Application
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import BufferControl, Layout, Window
from prompt_toolkit.layout.processors import BeforeInput

from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.keys import bind
from chatroom.chatter.terminal.output import output_of
from chatroom.chatter.terminal.stand_ins import StandIns
from chatroom.chatter.terminal.stopping import taking_back
from chatroom.chatter.terminal.style import STYLE
from chatroom.chatter.terminal.typed_line import Clusters, TypedLine

if TYPE_CHECKING:
    from prompt_toolkit.layout import AnyContainer


class Question:
    """Asks for a line; Enter answers, Ctrl-C and Ctrl-D end it without an answer.

    Widths are those of wcwidth's table: the terminal is asked when there is a screen.
    """

    def __init__(self, question: str, proposal: str = "") -> None:
        self.cells = Cells()
        self.stand_ins = StandIns(self.cells)
        self.line = TypedLine(
            multiline=False, document=Document(proposal), on_text_changed=lambda _: self.typed()
        )
        asking = Window(
            BufferControl(
                self.line, input_processors=[Clusters(self.stand_ins), BeforeInput(question)]
            ),
            dont_extend_height=True,
            wrap_lines=True,
        )
        self.application: Application[str] = Application(
            Layout(self.around(asking), focused_element=asking),
            key_bindings=self.keys(),
            style=STYLE,
            output=output_of(self.stand_ins),
        )

    async def answer(self) -> str:
        """What was typed. Raises EOFError, KeyboardInterrupt."""
        # A signal from outside cancels, see interrupts.py; Ctrl-C is a key here.
        with taking_back(self.application):
            return await self.application.run_async(handle_sigint=False)

    def around(self, asking: Window) -> AnyContainer:
        """What is shown, with the question in it."""
        return asking

    def typed(self) -> None:
        """The line is another one."""

    def enter(self) -> None:
        """Answer."""
        self.application.exit(result=self.line.text)

    def keys(self) -> KeyBindings:
        """What keys do, besides editing the line."""
        keys = KeyBindings()
        bind(keys, self.enter, "enter")
        bind(keys, self._interrupt, "c-c")
        bind(keys, self._end, "c-d", when=Condition(lambda: not self.line.text))
        return keys

    def _interrupt(self) -> None:
        self.application.exit(exception=KeyboardInterrupt)

    def _end(self) -> None:
        self.application.exit(exception=EOFError)
