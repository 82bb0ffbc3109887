"""The lines of a step: its frames, with a mark where some between them are left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.chatwire.show.line import INDENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatroom.chatwire.lab.story import Shown
    from chatroom.chatwire.show.line import Style

PASSED = "the frame before, also if that is not shown"
"""What the second time of a line counts from. A story shows few frames, and a time in which
nothing passed is part of it."""


def transcript(shown: Shown, style: Style) -> Iterator[str]:
    """The lines, each ended by a newline."""
    fuller = replace(style, verbose=style.verbose or shown.step.verbose)
    for count, frame in zip(shown.left_out, shown.drawn, strict=True):
        if count:
            yield f"{INDENT}… {count} frame{'s' * (count != 1)} of this stream not shown\n"
        yield fuller.lines(frame)
