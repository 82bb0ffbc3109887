"""The forms of a picture, and what takes frames until it is written."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from chatroom.chatwire.diagrams.picture import Drawing
from chatroom.chatwire.show.facts import everything
from chatroom.chatwire.show.harmless import harmless

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.decode.records import Frame
    from chatroom.chatwire.show.filters import Filter


class Form(StrEnum):
    """How a picture is written."""

    SVG = "svg"
    MERMAID = "mermaid"
    HTML = "html"


MORE_LINES = 200
"""Of a frame's details."""


class Drawer:
    """Takes the frames that a filter leaves, as `show.printer.Printer` does, and draws them.

    `wanted` counts them, also those that are too many to be drawn.
    """

    def __init__(self, form: Form, title: str, shown: Filter, write: Callable[[str], None]) -> None:
        """`write` is given the whole picture once, by `finish`."""
        self._form = form
        self._title = harmless(title)
        self._shown = shown
        self._write = write
        self._drawing = Drawing(limit_of(form), _more if form is Form.HTML else _nothing)
        self.wanted = 0

    @property
    def left_out(self) -> int:
        """Frames that were wanted and are not drawn."""
        return self._drawing.picture.left_out

    def take(self, frame: Frame) -> None:
        """Draw a frame if it is wanted."""
        shown = self._shown.shows(frame)
        self.wanted += shown
        self._drawing.take(frame, shown=shown)

    def finish(self) -> None:
        """Write the picture. Raises OSError as `write` does."""
        self._write(self._written())

    def _written(self) -> str:
        picture, title = self._drawing.picture, self._title
        if self._form is Form.SVG:
            from chatroom.chatwire.diagrams.svg import as_svg

            return as_svg(picture, title)
        if self._form is Form.MERMAID:
            from chatroom.chatwire.diagrams.mermaid import as_mermaid

            return as_mermaid(picture, title)
        from chatroom.chatwire.diagrams.html import as_html

        return as_html(picture, title)


def limit_of(form: Form) -> int:
    """How many frames such a picture has at most."""
    from chatroom.chatwire.diagrams import html, mermaid, svg

    return {Form.SVG: svg.ROWS, Form.MERMAID: mermaid.ROWS, Form.HTML: html.ROWS}[form]


def _more(frame: Frame) -> str:
    from chatroom.chatwire.diagrams.html import DETAILS

    lines = [harmless(line) for line in islice(everything(frame), MORE_LINES)]
    return "\n".join(lines)[: 2 * DETAILS[0]]


def _nothing(_frame: Frame) -> str:
    return ""
