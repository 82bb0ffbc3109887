"""Numbers and times of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatroom.chatwire.decode.records import Altered, Frame, Kind

if TYPE_CHECKING:
    from chatroom.chatwire.passage import Mark, Side


@dataclass(slots=True)
class Sequence:
    """What all connections share: one count, one beginning."""

    start: int | None = None
    last: int = 0
    number: int = 0
    made: list[Frame] = field(default_factory=list)

    def take(self) -> list[Frame]:
        """The records made since this was last called."""
        made, self.made = self.made, []
        return made


@dataclass(slots=True)
class Recording:
    """Called to make the records of one connection; `now` is when its latest bytes passed."""

    sequence: Sequence
    connection: int
    now: int = 0
    mark: Mark | None = None
    """What a fault did to the bytes that are being decoded."""

    def __call__(self, sender: Side, kind: Kind, **fields: Any) -> None:
        """Make a record, with the fields of Frame that are not about time and place."""
        shared = self.sequence
        if (mark := self.mark) is not None and kind is not Kind.FAULT:
            fields["altered"] = Altered(how=mark.how, rule=mark.rule, note=mark.note)
        if shared.start is None:
            shared.start = shared.last = self.now
        shared.number += 1
        shared.made.append(
            Frame(
                number=shared.number,
                time=self.now,
                since_start=self.now - shared.start,
                since_last=self.now - shared.last,
                connection=self.connection,
                sender=sender,
                kind=kind,
                **fields,
            )
        )
        shared.last = self.now
