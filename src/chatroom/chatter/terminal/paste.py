"""A paste of several lines, and what is to become of it."""

from __future__ import annotations

from dataclasses import dataclass

from chatroom.chatter.safe_text import safe_text

MOST_MESSAGES = 50
"""A paste of more lines is not said line by line: at the usual rate that would take
seconds in which nothing else can be said."""


@dataclass(frozen=True, slots=True)
class Paste:
    """Lines that were pasted, to be said only when the person says how."""

    text: str

    @classmethod
    def of(cls, pasted: str) -> Paste | str:
        """The paste; a string, to be typed, if there is but one line. Safe to print."""
        text = safe_text(pasted.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
        return cls(text) if "\n" in text else text

    @property
    def lines(self) -> list[str]:
        """Those that say something."""
        return [line for line in self.text.split("\n") if line.strip()]

    @property
    def as_messages(self) -> bool:
        """Whether it may be said line by line."""
        return 1 < len(self.lines) <= MOST_MESSAGES

    def question(self, width: int) -> str:
        """What to ask, in so many cells if at all possible."""
        count = self.text.count("\n") + 1
        each = f", L {len(self.lines)} messages" if self.as_messages else ""
        long = f"Paste {count} lines? Enter one message{each}, E edit, Esc no"
        each = ", L each" if self.as_messages else ""
        short = f"{count} lines? Enter one{each}, E edit, Esc no"
        return long if len(long) < width else short
