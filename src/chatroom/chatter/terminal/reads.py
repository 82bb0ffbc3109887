"""What a terminal sends, read by read: keys, or a paste that no brackets stand around.

A paste in brackets (xterm's mode 2004) says itself what it is. tmux's paste-buffer and
serial lines send the text as if it was typed, with an Enter for each line's end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

BURST_SECONDS = 0.03
"""What comes so soon after something belongs to it. An Enter waits as long for more text:
nobody types that fast, and nobody sees that it waited. A line at 9,600 baud has a character
each millisecond."""
ENTERS = "\r\n"
BEGIN, END = "\x1b[200~", "\x1b[201~"
ENTER = re.compile(r"(?<!\x1b)[\r\n]")
"""Not with Alt, which begins a new line."""
TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]")
KEY = re.compile(r"[\x00-\x1f\x7f]")
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)", re.DOTALL)
"""A key, or a report, that is sent as several characters."""


class Unbracketed(str):
    """A paste without brackets, from its first Enter on."""

    __slots__ = ("typed",)

    typed: int
    """So many characters of its first line came before it, as if they were typed."""

    def __new__(cls, text: str, typed: int) -> Self:
        pasted = super().__new__(cls, text)
        pasted.typed = typed
        return pasted


class Reads:
    """Tells pastes from typing.

    A paste has text after its first Enter, in the same read or within BURST_SECONDS. One
    line and its Enter are typing, however quick. `open_paste` tells whether a paste is
    asked about that may not have come to its end: then one key is an answer, and anything
    longer is more of the paste.
    """

    def __init__(self, open_paste: Callable[[], bool]) -> None:
        self._open_paste = open_paste
        self._bracketed = False
        self._tail = ""
        """The end of what came last: marks of a paste may be cut in two."""
        self._enters = ""
        """Held until it is known whether text follows."""
        self._paste: str | None = None
        self._typed = 0
        """How many characters of text came in this burst before its first Enter."""
        self._last = 0.0

    @property
    def due(self) -> float | None:
        """When `take` is to be called though nothing came; None: not at all."""
        waits = self._enters or self._paste is not None
        return self._last + BURST_SECONDS if waits else None

    def take(self, text: str, now: float) -> list[str]:
        """What to do with a read, in order: strings of keys, and pastes (`Unbracketed`).

        An empty read tells that nothing came; then what was held is done, if it is due.
        """
        done: list[str] = []
        silent = now >= self._last + BURST_SECONDS
        if silent and (not text or self.due is None):
            # A read that is late, and finds something held, has been waiting for this program.
            self._release(done)
        if text:
            self._last = now
        while text:
            text = self._in_brackets(text, done) if self._bracketed else self._plain(text, done)
        return [piece for piece in done if piece]

    def _release(self, done: list[str]) -> None:
        """Nothing more belongs to what was held."""
        if self._paste is not None:
            done.append(Unbracketed(self._paste, self._typed))
        done.append(self._enters)
        self._paste, self._enters, self._typed = None, "", 0

    def _in_brackets(self, text: str, done: list[str]) -> str:
        """Hand on what is in brackets, and return what is not."""
        end = (self._tail + text).find(END)
        self._bracketed = end < 0
        end = len(text) if end < 0 else end + len(END) - len(self._tail)
        self._keep_tail(text[:end])
        done.append(text[:end])
        return text[end:]

    def _plain(self, text: str, done: list[str]) -> str:
        """Take what stands before brackets, and return the rest."""
        begin = (self._tail + text).find(BEGIN)
        self._bracketed = begin >= 0
        begin = len(text) if begin < 0 else max(begin - len(self._tail), 0)
        self._keep_tail(text[:begin])
        if begin:
            self._sort(text[:begin], done)
        if self._bracketed:
            self._release(done)
        return text[begin:]

    def _keep_tail(self, text: str) -> None:
        self._tail = (self._tail + text)[1 - len(BEGIN) :]

    def _sort(self, text: str, done: list[str]) -> None:
        if self._paste is not None:
            self._paste += text
        elif self._enters and not text.strip(ENTERS):
            self._enters += text
        elif self._enters and _says_something(text):
            self._paste, self._enters = self._enters + text, ""
        elif self._open_paste() and len(text) > 1 and _says_something(text):
            self._paste = text
        else:
            if self._enters:
                self._release(done)
            self._take_keys(text, done)

    def _take_keys(self, text: str, done: list[str]) -> None:
        found = ENTER.search(text)
        first = found.start() if found else len(text)
        line, rest = text[:first], text[first:]
        if _says_something(rest):
            self._paste = text
        elif not rest.strip(ENTERS):
            done.append(line)
            self._enters = rest
            self._typed = 0 if KEY.search(line) else self._typed + len(line)
        else:
            done.append(text)  # keys, and Enter is one of them


def _says_something(text: str) -> bool:
    """Whether there is text beside keys, reports and Enter."""
    return bool(TEXT.search(SEQUENCE.sub("", text)))
