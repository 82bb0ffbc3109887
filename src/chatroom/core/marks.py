"""Marks: who is muted in a room, and who moderates it, beyond one membership."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .names import NameTag


@dataclass(slots=True, frozen=True)
class Mark:
    """What somebody is given when they come in."""

    muted: bool = False
    moderator: bool = False

    def __bool__(self) -> bool:
        return self.muted or self.moderator

    def stored(self) -> str:
        """As JSON; empty: it says nothing."""
        return json.dumps({"muted": self.muted, "moderator": self.moderator}) if self else ""

    @classmethod
    def of(cls, stored: str) -> Mark:
        """What `stored` has written; raises ValueError, KeyError, TypeError."""
        fields = json.loads(stored)
        return cls(bool(fields["muted"]), bool(fields["moderator"]))


NO_MARK = Mark()


class Marks:
    """Those of a room, by `mark_key`."""

    __slots__ = ("_by_key", "changing")

    def __init__(self) -> None:
        self._by_key: dict[str, Mark] = {}
        self.changing: set[str] = set()
        """Keys of those that are being stored: nobody comes to such a name, or away from it."""

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, subject: str, tag: NameTag) -> Mark:
        """That of somebody who comes in."""
        return self._by_key.get(mark_key(subject, tag), NO_MARK) if self._by_key else NO_MARK

    def of_subject(self, subject: str) -> Mark:
        """That of an identity, whatever its name."""
        return self._by_key.get(f"identity:{subject}", NO_MARK)

    def put(self, key: str, mark: Mark) -> None:
        """From now on it is this one; none if it says nothing."""
        if mark:
            self._by_key[key] = mark
        else:
            self._by_key.pop(key, None)


def mark_key(subject: str, tag: NameTag) -> str:
    """Under what a member's mark is kept: its identity (a token's `sub`), or else its name.

    Whoever has that name later is muted too, until somebody lifts it. A moderator has an identity.
    """
    return f"identity:{subject}" if subject else f"name:{tag.key}"
