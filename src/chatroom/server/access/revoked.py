"""Tokens that were taken back: a file in the data directory, a `jti` a line.

The command appends to it, and a running server reads it again when it has changed: so nobody
needs a token to take one back.
"""

from __future__ import annotations

import os
from pathlib import Path

from chatroom.journal.ownership import hand_over

REVOKED_FILE = "revoked-tokens"
Signature = tuple[int, int, int] | None


class RevokedTokens:
    """The file. It need not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Signature = None

    def read(self) -> set[str]:
        """The ids of all tokens in it. Raises OSError."""
        self._seen = self._signature()
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return set()
        return ({line.strip() for line in lines} | set(lines)) - {""}  # a `jti` may begin by one

    def changed(self) -> bool:
        """Whether it is another one than `read` saw."""
        return self._signature() != self._seen

    def add(self, token_id: str) -> bool:
        """Take a token back, for good; False if it was before. Raises OSError."""
        if token_id in self.read():
            return False
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{token_id}\n" if self._ends_a_line() else f"\n{token_id}\n")
            file.flush()
            os.fsync(file.fileno())
        hand_over(self._path, self._path.parent)  # the server reads it, as whoever it runs as
        return True

    def _ends_a_line(self) -> bool:
        """Whether nothing stands before the end of the file in a line that is not ended."""
        return self._path.read_bytes()[-1:] in (b"", b"\n")

    def _signature(self) -> Signature:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
