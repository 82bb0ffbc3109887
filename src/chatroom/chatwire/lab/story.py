"""Finds the frames that a story speaks of, or says which step is not shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.experiment import Step
    from chatroom.chatwire.lab.finding import Find


@dataclass(frozen=True, slots=True)
class Shown:
    """A step, its number from 1, and the frames that show it.

    `left_out`: for each of these frames, how many passed on its stream, in either direction,
    since the one before it here; 0 where that one is of another stream, or there is none.
    """

    number: int
    step: Step
    frames: tuple[Frame, ...]
    left_out: tuple[int, ...]

    @property
    def drawn(self) -> tuple[Frame, ...]:
        """The frames as they are to be printed."""
        if self.step.bare:
            return tuple(replace(frame, messages=()) for frame in self.frames)
        return self.frames


class NotShown(Exception):
    """A scene did not show what its story says; `str()` is a sentence that names the step."""


def check(story: Sequence[Step], frames: Sequence[Frame], names: Mapping[int, str]) -> list[Shown]:
    """The steps with their frames. `names`: the clients', by connection. Raises NotShown."""
    shown: list[Shown] = []
    place = 0
    """Frames up to this number belong to earlier steps."""
    for number, step in enumerate(story, 1):
        where = f'step {number}, "{step.title}"'
        begin = 0 if step.out_of_turn else place
        found: list[Frame] = []
        for wanted in step.shows:
            last = found[-1].number if found else begin
            match = _first(wanted, frames[last:], names)
            if match is None:
                after = f" after frame {last}" if last else ""
                raise NotShown(f"{where} is not shown: no {wanted}{after}")
            found.append(match)
        end = found[-1].number if found else begin
        first = found[0].number if found else begin
        for unwanted in step.not_before:
            _refuse(unwanted, frames[begin : first - 1], names, where)
        for unwanted in step.not_after:
            _refuse(unwanted, frames[end:], names, where)
        if not step.out_of_turn:
            place = end
        shown.append(Shown(number, step, tuple(found), _left_out(found, frames)))
    return shown


def _first(wanted: Find, frames: Sequence[Frame], names: Mapping[int, str]) -> Frame | None:
    return next((frame for frame in frames if wanted.matches(frame, names)), None)


def _left_out(found: Sequence[Frame], frames: Sequence[Frame]) -> tuple[int, ...]:
    counts = [0] * len(found)
    for place, (before, after) in enumerate(pairwise(found), 1):
        stream = before.connection, before.stream
        if stream == (after.connection, after.stream):
            between = frames[before.number : after.number - 1]
            counts[place] = sum((one.connection, one.stream) == stream for one in between)
    return tuple(counts)


def _refuse(unwanted: Find, frames: Sequence[Frame], names: Mapping[int, str], where: str) -> None:
    if frame := _first(unwanted, frames, names):
        raise NotShown(f"{where} is not shown: frame {frame.number} is {unwanted}")
