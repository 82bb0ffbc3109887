"""An experiment as a picture: the frames of its story, the same at every run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatroom.chatwire.diagrams.labels import text_of
from chatroom.chatwire.diagrams.picture import Drawing
from chatroom.chatwire.diagrams.svg import ROWS, as_svg

if TYPE_CHECKING:
    from chatroom.chatwire.diagrams.picture import Row
    from chatroom.chatwire.lab.running import Outcome

WHOLE = 1 << 30
"""Characters of a message: it is cut once it is without what differs."""
LEFT_OUT = (
    (r" ?\bsent \{[^{}]*\}", ""),
    (r"\b(session|epoch): \"[^\"]*\"", r"\1"),
    (r"\bretry_delay \{[^{}]*\}", "retry_delay"),
    (r",? ?\b\d+ bytes?\b( \w+ more than the \S+ window allowed)?", r"\1"),
    (r"(127\.0\.0\.1|localhost):\d+", "address"),
    (r"\b[0-9a-f]{16}\b", ""),
    (r"\bheld, \d+\.\d{3} s\b", "held"),
    (r"round trip [\d.]+ ms", "round trip"),
    (r"\btimeout \d+m", "timeout"),
    (r"^\+\d+\b", ""),
    (r"\bseconds: \d+( nanos: \d+)? ?", ""),
)
"""What differs from one run to the next, and what stands for it."""


def diagram(outcome: Outcome) -> str:
    """The picture, as SVG. Each row that begins a step has the step's number."""
    drawing = Drawing(ROWS)
    steps: dict[int, str] = {}
    for shown in outcome.shown:
        for place, frame in enumerate(shown.drawn):
            drawing.take(frame, text=_steady(text_of(frame, WHOLE)))
            if not place:
                steps.setdefault(frame.number, str(shown.number))

    def step(row: Row) -> str:
        return steps.get(row.frame.number, "")

    title = f"{outcome.experiment.title}, by the numbers of the steps"
    return as_svg(drawing.picture, title, step, names=outcome.names)


def same(one: str, other: str) -> bool:
    """Whether two pictures of an experiment differ in nothing but their curves.

    Windows count bytes of texts that are not the same in every run.
    """
    return _without_curves(one) == _without_curves(other)


def _without_curves(picture: str) -> str:
    return re.sub(r"<(polyline|circle)[^>]*/>\n?", "", picture)


def _steady(text: str) -> str:
    for pattern, instead in LEFT_OUT:
        text = re.sub(pattern, instead, text)
    return " ".join(text.split())
