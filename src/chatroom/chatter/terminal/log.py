"""A log of what is said in the rooms, in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chatroom.chatter.failures import Failure
from chatroom.chatter.safe_text import CONTINUATION, message_line
from chatroom.chatter.terminal.lines import Tone

if TYPE_CHECKING:
    from pathlib import Path

    from chatroom.chatter.terminal.lines import Line

LOGGED = (Tone.SAID, Tone.EVENT)


class Log:
    """Appends a line for each message, as `2026-11-22 10:00:03 [lobby] Bob: text`; local time.

    Whoever comes and goes has a star, `[lobby] * Bob has left the chat`, which nobody can say: what
    somebody does is `[lobby] Bob: /me waves`. Further lines of a message are indented.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, for its owner alone. Raises Failure."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise Failure(f"cannot write the log {path}: {error.strerror}") from None
        self._path = path

    def write(self, room: str, line: Line, quote: str = "") -> str:
        """Append a line, if it is of the kinds that are logged; what went wrong, if it did.

        `quote` stands before its text: what it answers.
        After that nothing more is written.
        """
        if self._descriptor < 0 or line.tone not in LOGGED:
            return ""
        if line.name:
            text = quote + line.text
            text = message_line(line.name, f"/me {text}" if line.action else text)
        else:
            text = "* " + line.text.replace("\n", CONTINUATION)
        data = f"{line.time:%Y-%m-%d %H:%M:%S} [{room}] {text}\n".encode(errors="replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.close()
            return f"no longer logged: cannot write {self._path}: {error.strerror}"
        return ""

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
