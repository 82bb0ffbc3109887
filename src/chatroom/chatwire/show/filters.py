"""Which frames are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind

if TYPE_CHECKING:
    from chatroom.chatwire.decode.records import Frame

ALWAYS = frozenset({Kind.MISSING, Kind.BYTES, Kind.UNUSED, Kind.FAULT, Kind.STOPPED})
"""Shown unless hidden by name: what comes after them is to be read with care."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Shown is what passes all three; an empty set of streams or kinds stands for all."""

    streams: frozenset[int] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    hidden: frozenset[Kind] = frozenset()

    def shows(self, frame: Frame) -> bool:
        if frame.kind in self.hidden:
            return False
        if frame.kind in ALWAYS:
            return True
        if self.streams and frame.stream not in self.streams:
            return False
        return not self.kinds or frame.kind in self.kinds


def kind_named(name: str) -> Kind:
    """The kind of frame that somebody means by `ping`, `window-update` and so on.

    Raises ValueError with a sentence that lists them.
    """
    try:
        return Kind(name.strip().upper().replace("-", "_"))
    except ValueError:
        known = ", ".join(kind.lower() for kind in Kind)
        raise ValueError(f"{name!r} is no kind of frame; there are {known}") from None
