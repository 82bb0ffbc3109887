"""A picture as a sequence diagram of Mermaid, which GitHub and many editors draw in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatroom.chatwire.diagrams.labels import Mark
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.harmless import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatroom.chatwire.diagrams.picture import Lane, Picture, Row

ROWS = 300
CHARACTERS = 45_000
"""Of all rows. Mermaid draws no text of more than 50,000 characters unless told to."""
WORDS = 70
"""Characters of a row."""
MEANING = (
    "Stream and frame. A cross is a reset, a line of dots begins trailers, an open arrow ends its "
    "side (half-close)."
)


def as_mermaid(picture: Picture, title: str) -> str:
    """The text of the diagram, ended by a newline. `title` may be any text."""
    return "\n".join(["sequenceDiagram", *(f"    {line}" for line in _lines(picture, title)), ""])


def coded(text: str) -> str:
    """The text with all that Mermaid might take for more than text as its code, as in #35;."""
    return re.sub(r"[^\w .,/:=+()-]", lambda found: f"#{ord(found[0])};", text)


def _lines(picture: Picture, title: str) -> Iterator[str]:
    numbers = sorted({lane.connection for lane in picture.lanes})
    many = len(numbers) > 1
    for number in numbers:
        yield f"participant C{number} as client" + (coded(f" #{number}") if many else "")
    yield "participant S as server"
    if numbers:
        yield f"Note over C{numbers[0]},S: {coded(shortened(title, WORDS))}. {coded(MEANING)}"
    shut: set[tuple[int, int, Side]] = set()
    left = CHARACTERS
    left_out = picture.left_out
    for number, row in enumerate(picture.rows):
        lines = [_row(row), *_shut(row.lane, number, shut)]
        left -= sum(map(len, lines))
        if left < 0:
            left_out += len(picture.rows) - number
            break
        yield from lines
    if left_out:
        yield f"Note over C{numbers[0]},S: {left_out} more frames are not drawn"


def _row(row: Row) -> str:
    client = f"C{row.lane.connection}"
    ends = (client, "S") if row.frame.sender is Side.CLIENT else ("S", client)
    if Mark.RESET in row.marks:
        arrow = "-x"
    elif Mark.TRAILERS in row.marks:
        arrow = "-->>"
    else:
        arrow = "-)" if Mark.HALF_CLOSE in row.marks else "->>"
    said = " ".join(
        filter(None, [str(row.lane.stream), row.frame.kind, *row.named_marks, row.text])
    )
    return f"{ends[0]}{arrow}{ends[1]}: {coded(shortened(said, WORDS))}"


def _shut(lane: Lane, row: int, shut: set[tuple[int, int, Side]]) -> Iterator[str]:
    """A note where a side may send nothing more, once until it may again."""
    for side in Side:
        key = lane.connection, lane.stream, side
        for place, left in lane.windows[side]:
            if place != row:
                continue
            if left:
                shut.discard(key)
            elif key not in shut:
                shut.add(key)
                yield (
                    f"Note over C{lane.connection},S: stream {lane.stream}, the window of the "
                    f"{side} is 0"
                )
