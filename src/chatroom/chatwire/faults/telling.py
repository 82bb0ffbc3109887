"""How the parts of the core speak of what they do: frames to send, and what is no frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chatroom.chatwire.passage import Doing, How, Side


@dataclass(frozen=True, slots=True)
class Touch:
    """What a rule did to a piece."""

    how: How
    rule: str = ""
    note: str = ""


class Emit(Protocol):
    """Sends frames in a side's name."""

    def __call__(self, raw: bytes, touch: Touch | None = None, unsent: int = 0, /) -> None: ...


class Out(Protocol):
    """Sends frames in the name of either side."""

    def __call__(
        self, side: Side, raw: bytes, touch: Touch | None = None, unsent: int = 0, /
    ) -> None: ...


class Tell(Protocol):
    """Says what happens that is no frame; the first is whose bytes it is about."""

    def __call__(
        self,
        side: Side,
        doing: Doing,
        rule: str,
        note: str = "",
        stream: int | None = None,
        content: bytes = b"",
        unpassed: int = 0,
        /,
    ) -> None: ...
