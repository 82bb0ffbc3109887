"""The signs of the screen, in what the terminal's encoding has."""

from __future__ import annotations

import codecs
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """Each is one cell wide."""

    rule: str
    event: str
    notice: str
    dot: str
    """Between the parts of the status line."""
    below: str
    """There is more below."""
    cut: str
    """A name goes on."""
    more: str
    """There are more rooms."""
    ended: str
    """A room that is not connected."""


UNICODE = Symbols(rule="─", event="→", notice="•", dot="·", below="↓", cut="…", more="…", ended="×")
ASCII = Symbols(rule="-", event=">", notice="*", dot="|", below="v", cut="~", more="~", ended="x")


def symbols_for(encoding: str | None) -> Symbols:
    """What a terminal of this encoding can show."""
    try:
        name = codecs.lookup(encoding or "ascii").name
    except LookupError:
        return ASCII
    return UNICODE if name.startswith("utf") else ASCII
