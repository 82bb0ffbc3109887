"""prompt_toolkit's output, with clusters that stay whole and rows that stay straight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import DEFAULT_ATTRS, Attrs, BaseStyle
from prompt_toolkit.utils import get_cwidth

from chatroom.chatter.terminal.cells import JOINER
from chatroom.chatter.terminal.links import ENDS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from prompt_toolkit.output import ColorDepth, Output

    from chatroom.chatter.terminal.links import Targets
    from chatroom.chatter.terminal.stand_ins import StandIns

PIECE_BYTES = 2048
"""Linux hands what is written at once to the terminal in pieces of so many bytes. tmux 3.3, when
what it has read ends with a joiner, draws what follows as a cluster of its own: half a family."""
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
        self._linked = False
        """Whether what is written now is a link."""
        self._unflushed = 0
        """Bytes that were written, and not flushed."""

    def write(self, data: str) -> None:
        if data[:1] == "\r":
            self._column = 0
        else:
            self._column += get_cwidth(data)
        if not data or max(data) < PRIVATE:  # mostly it is one character
            self._unflushed += _size(data)
            super().write(data)
            return
        drawn = "".join(map(self._drawn, data))
        size = _size(drawn)
        if self._unflushed % PIECE_BYTES + size > PIECE_BYTES:
            self.flush()
        self._unflushed += size
        super().write(drawn)
        self.write_raw(f"\x1b[{self._column + 1}G")  # CHA

    def write_raw(self, data: str) -> None:
        self._unflushed += _size(data)
        super().write_raw(data)

    def flush(self) -> None:
        self._unflushed = 0
        super().flush()

    def set_attributes(self, attrs: Attrs, color_depth: ColorDepth) -> None:
        super().set_attributes(Attrs(*attrs), color_depth)
        begins = attrs.begins if isinstance(attrs, LinkAttrs) else ""
        if begins or self._linked:
            self.write_raw(begins or ENDS)
            self._linked = bool(begins)

    def reset_attributes(self) -> None:
        super().reset_attributes()
        if self._linked:
            self.write_raw(ENDS)
            self._linked = False

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


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


class LinkAttrs(Attrs):
    """How a link is drawn, and what tells the terminal where it leads."""

    begins: str

    def __new__(cls, attrs: Attrs, begins: str) -> Self:
        made = super().__new__(cls, *attrs)
        made.begins = begins
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LinkAttrs) and self.begins == other.begins and tuple(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((tuple(self), self.begins))


class LinkStyle(BaseStyle):
    """A style in which links are known by their targets too."""

    def __init__(self, style: BaseStyle, targets: Targets) -> None:
        self._style = style
        self._targets = targets

    def get_attrs_for_style_str(self, style_str: str, default: Attrs = DEFAULT_ATTRS) -> Attrs:
        attrs = self._style.get_attrs_for_style_str(style_str, default)
        begins = self._targets.begins(style_str)
        return LinkAttrs(attrs, begins) if begins else attrs

    @property
    def style_rules(self) -> list[tuple[str, str]]:
        return self._style.style_rules

    def invalidation_hash(self) -> Hashable:
        return self._style.invalidation_hash()


def output_of(stand_ins: StandIns) -> Output:
    """The terminal. On a console of Windows stand-ins are not to be drawn."""
    output = create_output()
    return ClusterOutput(output, stand_ins) if isinstance(output, Vt100_Output) else output
