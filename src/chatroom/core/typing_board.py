"""Who is typing: the latest state of each author, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class _State:
    name: str
    active: bool
    version: int
    passed_on: float
    held: bool | None = None


class TypingBoard:
    """The latest typing state of each author of a room.

    A state is passed on at most once in `interval` seconds for each author; what
    changes sooner is held, and only the latest is passed on when `release` is called.
    """

    __slots__ = ("_interval", "_states", "version")

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._states: dict[int, _State] = {}
        """In order of version, so that what is new is found from the end."""
        self.version = 0

    def notice(self, author: int, name: str, active: bool, now: float) -> float | None:
        """Note a state; the seconds after which `release` is due, if it is held.

        `now` is in seconds of a clock that never goes back.
        """
        state = self._states.get(author)
        if state is None:
            if active:
                self.version += 1
                self._states[author] = _State(name, active, self.version, now)
            return None
        wait = state.passed_on + self._interval - now
        if wait <= 0:
            self._pass_on(author, state, active, now)
            return None
        due = state.held is None
        state.held = active
        return wait if due else None

    def release(self, author: int, now: float) -> bool:
        """Pass on what was held of `author`; whether readers have something new."""
        state = self._states.get(author)
        if state is None or state.held is None:
            return False
        if state.held == state.active:
            state.held = None
            return False
        self._pass_on(author, state, state.held, now)
        return True

    def rename(self, author: int, name: str) -> None:
        """An author is called something else; who is told of that is told so otherwise."""
        state = self._states.get(author)
        if state is not None:
            state.name = name

    def forget(self, author: int) -> None:
        """Drop an author who left; the departure itself tells the readers."""
        self._states.pop(author, None)

    def since(self, version: int, author: int) -> list[tuple[str, bool]]:
        """(name, typing) of all but `author` that changed after `version`."""
        if version == self.version:
            return []
        found: list[tuple[str, bool]] = []
        for other, state in reversed(self._states.items()):
            if state.version <= version:
                break
            if other != author:
                found.append((state.name, state.active))
        return found[::-1]

    def _pass_on(self, author: int, state: _State, active: bool, now: float) -> None:
        self.version += 1
        state.active = active
        state.version = self.version
        state.passed_on = now
        state.held = None
        self._states[author] = self._states.pop(author)
