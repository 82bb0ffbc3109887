"""Where two streams part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from chatroom.chatwire.diff.contents import Difference, differences
from chatroom.chatwire.diff.talks import What
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.harmless import harmless, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chatroom.chatwire.diff.talks import Said, Talk

FIELDS = 10
"""That are named where a message differs."""
VALUE = 60
"""Characters of a value that differs."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The first thing that a side said otherwise, or that only one of two streams has."""

    side: Side
    place: int
    """How many messages the side had sent before."""
    one: Said | None
    other: Said | None

    @property
    def where(self) -> str:
        """Which of its messages it is, or after which."""
        has = [said for said in (self.one, self.other) if said is not None]
        if all(said.what is What.MESSAGE for said in has):
            return f"message {self.place + 1}"
        return f"after {self.place} message{'s' * (self.place != 1)}"

    @property
    def fields(self) -> list[Difference]:
        """Where both have something of the same kind: in what that differs."""
        if self.one is None or self.other is None or self.one.what is not self.other.what:
            return []
        return list(differences(self.one.content, self.other.content))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two streams, and where they part; one of them may be missing."""

    one: Talk | None
    other: Talk | None
    partings: tuple[Parting, ...]

    @property
    def same(self) -> bool:
        return self.one is not None and self.other is not None and not self.partings


def compared(one: Sequence[Talk], other: Sequence[Talk]) -> Iterator[Pair]:
    """The streams of two captures in pairs: the first with the first, and so on."""
    for left, right in zip_longest(one, other):
        partings: tuple[Parting, ...] = ()
        if left is not None and right is not None:
            found = (_parting(side, left.said[side], right.said[side]) for side in Side)
            partings = tuple(filter(None, found))
        yield Pair(left, right, partings)


def _parting(side: Side, one: Sequence[Said], other: Sequence[Said]) -> Parting | None:
    messages = 0
    for left, right in zip_longest(one, other):
        if left is None or right is None:
            return Parting(side, messages, left, right)
        if (left.what, left.content) != (right.what, right.content):
            return Parting(side, messages, left, right)
        messages += left.what is What.MESSAGE
    return None


def lines(pair: Pair, names: tuple[str, str]) -> Iterator[str]:
    """What is said of a pair, safe to print. `names`: of the two captures."""
    one, other = pair.one, pair.other
    for talk, name in zip((one, other), names, strict=True):
        if talk is None:
            there = one or other
            assert there is not None
            yield f"{_name(there)}: there is no such stream in {name}"
            return
    assert one is not None
    assert other is not None
    where = _name(one)
    if (one.connection, one.stream) != (other.connection, other.stream):
        where += f", and stream {other.stream} of #{other.connection}"
    if pair.same:
        counts = [sum(said.what is What.MESSAGE for said in one.said[side]) for side in Side]
        yield (
            f"{where}: the same, {counts[0]} messages from the client and {counts[1]} from the "
            "server"
        )
        return
    yield f"{where}: they part"
    for parting in pair.partings:
        yield f"  from the {parting.side}, {parting.where}:"
        for said, name in ((parting.one, names[0]), (parting.other, names[1])):
            what = f"frame {said.frame}: {said.what}: {said.text}" if said else "nothing more"
            yield f"    {name}: {what}"
        fields = parting.fields
        for each in fields[:FIELDS]:
            yield f"    {each.path}: {_value(each.one)} / {_value(each.other)}"
        if len(fields) > FIELDS:
            yield f"    and {len(fields) - FIELDS} more fields"


def _value(value: object) -> str:
    """A value that differs, shortened and safe to print."""
    if value is None:
        return "(none)"
    return harmless(shortened(json.dumps(value, ensure_ascii=False), VALUE))


def _name(talk: Talk) -> str:
    call = harmless(shortened(talk.call, VALUE)) or "call unknown"
    return f"stream {talk.stream} of #{talk.connection}, {call}"
