"""One connection: what passes on it in, records out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire import passage
from chatroom.chatwire.decode.recognition import Recognition
from chatroom.chatwire.decode.records import Ended, Fault, Kind, Missing, Opened, Stopped, Unused
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.decode.schema import Schema


class Connection:
    """Takes what passes on one connection and makes records of it."""

    def __init__(self, opened: passage.Opened, record: Recording, schema: Schema) -> None:
        self._record = record
        self._follower = Recognition(record, schema, Side if opened.midway else ())
        self._latest = dict.fromkeys(Side, opened.time)
        self.ended: set[Side] = set()
        self._reset = False
        notes = ("its beginning was not seen: decoded as far as possible",) if opened.midway else ()
        record.now = opened.time
        record(
            Side.CLIENT,
            Kind.OPENED,
            detail=Opened(client=opened.client, server=opened.server, midway=opened.midway),
            notes=notes,
        )

    def take(
        self,
        passed: (
            passage.Chunk | passage.Missing | passage.Unused | passage.Faulted | passage.Ended
        ),
    ) -> None:
        """What comes next on it."""
        self._record.now = passed.time
        if isinstance(passed, passage.Chunk):
            self._latest[passed.sender] = passed.time
            if passed.marks:
                self._marked(passed)
            else:
                self._follower.feed(passed.sender, passed.content)
        elif isinstance(passed, passage.Missing):
            self._missing(passed.sender, passed.count)
        elif isinstance(passed, passage.Unused):
            detail = Unused(count=passed.count, why=passed.why)
            self._record(passed.sender, Kind.UNUSED, length=passed.count, detail=detail)
        elif isinstance(passed, passage.Faulted):
            self._faulted(passed)
        else:
            self._end(passed.sender, reset=passed.reset, why=passed.why)

    def finish(self) -> None:
        """Nothing more of it will be seen: what waits is decoded, or said to be undecoded."""
        for side in set(Side) - self.ended:
            self._record.now = self._latest[side]
            undecoded = self._follower.end(side)
            if undecoded:
                self._record(side, Kind.STOPPED, detail=Stopped(undecoded=undecoded))

    def _marked(self, chunk: passage.Chunk) -> None:
        """Bytes of which faults have touched some: a mark is about the frames that end in it."""
        place = 0
        for mark in chunk.marks:
            if place < mark.begin:
                self._follower.feed(chunk.sender, chunk.content[place : mark.begin])
            self._record.mark = mark
            try:
                self._follower.feed(chunk.sender, chunk.content[mark.begin : mark.end])
            finally:
                self._record.mark = None
            place = mark.end
        if place < len(chunk.content):
            self._follower.feed(chunk.sender, chunk.content[place:])

    def _faulted(self, passed: passage.Faulted) -> None:
        call, messages = self._follower.fault(passed)
        self._record(
            passed.sender,
            Kind.FAULT,
            stream=passed.stream,
            length=len(passed.content),
            call=call,
            detail=Fault(doing=passed.doing, rule=passed.rule, note=passed.note),
            messages=tuple(messages),
        )

    def _missing(self, sender: Side, count: int | None) -> None:
        intact = self._follower.lose(sender, count)
        self._record(
            sender,
            Kind.MISSING,
            length=count or 0,
            detail=Missing(count=count),
            notes=() if intact else ("what depends on them is not known from here on",),
        )

    def _end(self, sender: Side, *, reset: bool, why: str) -> None:
        if sender in self.ended:
            return
        self.ended.add(sender)
        undecoded = self._follower.end(sender)
        if reset and self._reset and not why:
            why = f"by the reset of the {sender.other}"
        notes = (why,) if why else ()
        self._reset = self._reset or reset
        detail = Ended(reset=reset, undecoded=undecoded)
        self._record(sender, Kind.ENDED, detail=detail, notes=notes)
