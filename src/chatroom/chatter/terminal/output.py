"""prompt_toolkit's output, with clusters that stay whole and rows that stay straight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import get_cwidth

from chatroom.chatter.terminal.cells import JOINER

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

    from chatroom.chatter.terminal.stand_ins import StandIns

PRIVATE = "\U000f0000"
"""From here on characters may be stand-ins."""


class ClusterOutput(Vt100_Output):
    """Writes the cluster for its stand-in, and says then where the cursor is to be.

    However wide the terminal has drawn it, what follows in the row is in its place.
    """

    def __init__(self, output: Vt100_Output, stand_ins: StandIns) -> None:
        super().__init__(
            output.stdout,
            output.get_size,
            output.term,
            output.default_color_depth,
            output.enable_bell,
            output.enable_cpr,
        )
        self.stand_ins = stand_ins
        self._column = 0
        """Where the cursor is, from 0."""

    def write(self, data: str) -> None:
        if data[:1] == "\r":
            self._column = 0
        else:
            self._column += get_cwidth(data)
        if not data or max(data) < PRIVATE:  # mostly it is one character
            super().write(data)
            return
        super().write("".join(map(self._drawn, data)))
        self.write_raw(f"\x1b[{self._column + 1}G")  # CHA

    def _drawn(self, character: str) -> str:
        # tmux would join what is written next to a joiner at the end.
        return (self.stand_ins.cluster(character) or character).rstrip(JOINER)

    def cursor_forward(self, amount: int) -> None:
        self._column += amount
        super().cursor_forward(amount)

    def cursor_backward(self, amount: int) -> None:
        self._column = max(self._column - amount, 0)
        super().cursor_backward(amount)

    def cursor_goto(self, row: int = 0, column: int = 0) -> None:
        self._column = max(column - 1, 0)
        super().cursor_goto(row, column)

    def enter_alternate_screen(self) -> None:
        self._column = 0
        super().enter_alternate_screen()


def output_of(stand_ins: StandIns) -> Output:
    """The terminal. On a console of Windows stand-ins are not to be drawn."""
    output = create_output()
    return ClusterOutput(output, stand_ins) if isinstance(output, Vt100_Output) else output
