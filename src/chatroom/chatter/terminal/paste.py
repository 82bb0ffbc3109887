"""A paste of several lines, and what is to become of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from prompt_toolkit.keys import Keys

from chatroom.chatter.decoding import UNDECODED
from chatroom.chatter.safe_text import safe_text

UNBRACKETED_PASTE = Keys.F22
"""prompt_toolkit has no name for a paste that says not where it ends; no keyboard has this key."""
MOST_MESSAGES = 50
"""A paste of more lines is not said line by line: at the usual rate that would take
seconds in which nothing else can be said."""


@dataclass(frozen=True, slots=True)
class Paste:
    """Lines that were pasted, to be said only when the person says how."""

    pasted: str
    """As it came."""
    typed: str = ""
    """What stood in the typed line that this has begun in, and is not pasted."""
    open: bool = False
    """Whether there may be more: nothing has told its end."""

    @classmethod
    def of(cls, pasted: str) -> Paste | str:
        """The paste; a string, to be typed, if there is but one line. Safe to print."""
        text = _text(pasted)
        return cls(pasted) if "\n" in text else text

    @property
    def text(self) -> str:
        """What was pasted, safe to print."""
        return _text(self.pasted)

    @property
    def lines(self) -> list[str]:
        """Those that say something."""
        return [line for line in self.text.split("\n") if line.strip()]

    @property
    def as_messages(self) -> bool:
        """Whether it may be said line by line."""
        return 1 < len(self.lines) <= MOST_MESSAGES

    def and_more(self, pasted: str) -> Paste:
        """The same with what came after it."""
        return replace(self, pasted=self.pasted + pasted)

    def question(self, width: int) -> str:
        """What to ask, in so many cells if at all possible."""
        count = self.text.count("\n") + 1
        each = f", L {len(self.lines)} messages" if self.as_messages else ""
        long = f"Paste {count} lines? Enter one message{each}, E edit, Esc no"
        each = ", L each" if self.as_messages else ""
        short = f"{count} lines? Enter one{each}, E edit, Esc no"
        return long if len(long) < width else short


def _text(pasted: str) -> str:
    """What could not be decoded stays what it is, so that it is refused when it is said."""
    lines = pasted.replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(f"({UNDECODED.pattern})", lines)
    return "".join(p if UNDECODED.match(p) else safe_text(p) for p in parts).strip("\n")
