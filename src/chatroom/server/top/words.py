"""Figures as people read them, in few cells."""

from __future__ import annotations

import math

from wcwidth import wcwidth

NONE = "–"
"""There is no such figure, or not yet."""
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_SPANS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def number(value: float | None) -> str:
    """1,024, and 123 k from a hundred thousand on."""
    if value is None:
        return NONE
    for unit, letter in ((1e9, "G"), (1e6, "M")):
        if value >= unit:
            return f"{value / unit:.1f} {letter}"
    return f"{value:,.0f}" if value < 1e5 else f"{value / 1e3:,.0f} k"


def rate(value: float | None) -> str:
    """So many a second: with a decimal below ten."""
    if value is None:
        return NONE
    return f"{value:.1f}/s" if value < 10 else f"{number(value)}/s"


def took(seconds: float | None, most: float = 5.0) -> str:
    """How long something took; infinite: more than `most`, which is all that is known."""
    if seconds is None:
        return NONE
    if math.isinf(seconds):
        return f"> {most:g} s"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s"


def span(seconds: float) -> str:
    """A long time, in its two largest units: 3 d 4 h."""
    left = int(seconds)
    found: list[str] = []
    for unit, letter in _SPANS:
        if left >= unit or (unit == 1 and not found):
            found.append(f"{left // unit} {letter}")
            left %= unit
        elif found:
            break
    return " ".join(found[:2])


def size(count: float | None) -> str:
    """Bytes, by powers of 1,024."""
    if count is None:
        return NONE
    for unit in _BYTES:
        if count < 999.5 or unit == _BYTES[-1]:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("the last unit takes all")


def safe(text: str) -> str:
    """What does nothing to a terminal, and stays on its line."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def cells(text: str) -> int:
    """How many a text takes that is safe."""
    return len(text) if text.isascii() else sum([max(wcwidth(each), 0) for each in text])


def cut(text: str, most: int) -> str:
    """A text that is safe, of at most so many cells; … says that it goes on."""
    if cells(text) <= most:
        return text
    kept, left = "", most - 1
    for each in text:
        left -= max(wcwidth(each), 0)
        if left < 0:
            break
        kept += each
    return f"{kept}…" if most > 0 else ""
