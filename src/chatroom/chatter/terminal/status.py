"""The status line: where one is, who is there, and how the connection does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.terminal.cells import Cells
    from chatroom.chatter.terminal.rows import Row
    from chatroom.chatter.terminal.symbols import Symbols

NAMED_TYPISTS = 2
NEEDED = 2
"""So important are the room and the connection: for them what is below is told in fewer words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the status line tells. Texts are safe to print."""

    room: str
    title: str = ""
    members: int | None = None
    """None: not known."""
    connection: str = "connected"
    trouble: bool = False
    latency: float | None = None
    """A round trip, in seconds."""
    typists: Sequence[str] = ()
    below: int = 0
    """How many lines are below the view."""
    unseen: int = 0
    """How many of them came since it was scrolled up."""
    scrolled: bool = False
    found: tuple[str, int, int] | None = None
    """What is looked for, which of those is looked at (1: the newest), and how many there are."""


def status_line(status: Status, width: int, symbols: Symbols, cells: Cells) -> Row:
    """One row of exactly `width` cells; what matters least is left out first."""
    connection = status.connection
    if status.latency is not None and not status.trouble:
        connection += f" {shown_latency(status.latency)}"
    parts = [
        # importance, style, text
        (1, "class:status.room", status.room),
        (5, "", status.title),
        (3, "", _members(status.members)),
        (2, "class:status.trouble" if status.trouble else "", connection),
        (4, "", typing_notice(status.typists)),
    ]
    right = ""
    if status.scrolled:
        needed = sum(cells.of(text) + 3 for importance, _, text in parts if importance <= NEEDED)
        right = next(
            (text for text in _below(status) if needed + cells.of(text) + 3 <= width),
            _below(status)[-1],
        )
        right = f"{symbols.below} {right} "
    if status.found is not None:
        text, at, count = status.found
        found = f'"{text}" {at} of {count} '
        most = max(width // 2, 12)
        right = found + right if cells.of(found + right) <= most else found
        while cells.of(right) > most and text:
            text = text[:-1]
            right = f'"{text}{symbols.cut}" {at} of {count} '
    parts = [part for part in parts if part[2]]
    separator = f" {symbols.dot} "
    while True:
        used = 2 + sum(cells.of(text) for _, _, text in parts)
        used += len(separator) * (len(parts) - 1) + cells.of(right)
        if used <= width or len(parts) == 1:
            break
        parts.remove(max(parts))
    row: Row = [("", " ")]
    for position, (_, style, text) in enumerate(parts):
        row.append(("", separator if position else ""))
        row.append((style, text))
    row.append(("", " " * max(width - used + 1, 0)))
    row.append(("class:status.below", right))
    return row


def typing_notice(typists: Sequence[str]) -> str:
    """Who is typing, in words; empty when nobody is."""
    if not typists:
        return ""
    if len(typists) == 1:
        return f"{typists[0]} is typing"
    if len(typists) <= NAMED_TYPISTS:
        return f"{' and '.join(typists)} are typing"
    return f"{len(typists)} people are typing"


def shown_latency(seconds: float) -> str:
    """A round trip as people read it."""
    if seconds < 0.001:
        return "<1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _members(count: int | None) -> str:
    if count is None:
        return ""
    return "1 member" if count == 1 else f"{count} members"


def _below(status: Status) -> tuple[str, ...]:
    """What one misses, the longest words first. "More": the last line in view has more rows."""
    new = min(status.unseen, status.below)
    if new == status.below:
        return (f"{new} new" if new else "more",)
    below = f"{status.below} below"
    return (f"{below}, {new} new", f"{status.below}, {new} new", below) if new else (below,)
