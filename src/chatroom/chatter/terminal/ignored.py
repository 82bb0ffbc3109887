"""Whom the person at the terminal does not want to hear, in all rooms, until taken back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.lines import same_name

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_IGNORED = 500


def default_path() -> Path:
    """The file of the user."""
    import platformdirs

    return platformdirs.user_state_path("chatter", appauthor=False) / "ignored"


class TooMany(Exception):
    """Nobody more can be ignored."""


class Ignored:
    """Names, however they are capitalized; kept in a file, one on each line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, str] = {}
        self._take(self._read())

    def __contains__(self, name: str) -> bool:
        return bool(self._names) and one_line(name).casefold() in self._names

    def names(self) -> list[str]:
        """In alphabetical order."""
        return sorted(self._names.values(), key=str.casefold)

    def add(self, name: str) -> bool:
        """Ignore somebody; whether that could be written to the file. Raises TooMany."""
        self._take(self._read())  # another chatter may have written it
        if len(self._names) >= MOST_IGNORED:
            raise TooMany
        self._take([name])
        return self._write()

    def remove(self, name: str) -> bool:
        """Hear somebody again; whether that could be written to the file."""
        self._take(self._read())
        for each in [each for each in self._names.values() if same_name(each, one_line(name))]:
            del self._names[each.casefold()]
        return self._write()

    def _take(self, names: Iterable[str]) -> None:
        for name in map(one_line, names):
            if name and len(self._names) < MOST_IGNORED:
                self._names[name.casefold()] = name

    def _read(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def _write(self) -> bool:
        """Replace the file as a whole."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(
                "w", encoding="utf-8", dir=self._path.parent, prefix=".ignored-", delete=False
            ) as file:
                try:
                    file.write("".join(f"{name}\n" for name in self.names()))
                    file.close()
                    Path(file.name).replace(self._path)
                except OSError:
                    with suppress(OSError):
                        Path(file.name).unlink()
                    raise
        except OSError:
            return False
        return True
