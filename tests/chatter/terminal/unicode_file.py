"""Unicode's own examples of grapheme clusters (GraphemeBreakTest.txt), where they are installed."""

from __future__ import annotations

import functools
from pathlib import Path

from tests.interop.programs import missing

FILE = Path("/usr/share/unicode/auxiliary/GraphemeBreakTest.txt")
"""Of Debian's package unicode-data."""
BREAK, NO_BREAK = "÷", "×"


@functools.cache
def examples() -> tuple[tuple[str, ...], ...]:
    """Texts, each as its clusters; without those that have a surrogate. Skips the test."""
    if not FILE.exists():
        missing("unicode-data")
    lines = [line.partition("#")[0].strip() for line in FILE.read_text().splitlines()]
    return tuple(_clusters(line) for line in lines if line and "D800" not in line)


def _clusters(line: str) -> tuple[str, ...]:
    pieces = line.strip(BREAK + " ").split(BREAK)
    return tuple(
        "".join(chr(int(code, 16)) for code in piece.replace(NO_BREAK, " ").split())
        for piece in pieces
    )
