"""What happened between two moments: rates, and how long things took."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .moment import Moment, RoomRow

BEGAN = "chatroom_start_time_seconds"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a moment, and the one before it. What takes two of them is None with one alone."""

    now: Moment
    before: Moment | None = None

    @classmethod
    def of(cls, now: Moment, before: Moment | None) -> Figures:
        """Of a server that was started in between the one before does not count."""
        if before is not None and before.of(BEGAN) != now.of(BEGAN):
            before = None
        return cls(now, before)

    @property
    def seconds(self) -> float:
        """Between the two; 0 with one alone."""
        return self.now.at - self.before.at if self.before is not None else 0.0

    def more(self, name: str, **labels: str) -> float | None:
        """By how much a counter has grown."""
        if self.before is None:
            return None
        return max(self.now.of(name, **labels) - self.before.of(name, **labels), 0.0)

    def rate(self, name: str, **labels: str) -> float | None:
        """The same a second."""
        more = self.more(name, **labels)
        return more / self.seconds if more is not None and self.seconds > 0 else None

    def rates(self, name: str, label: str) -> dict[str, float]:
        """For each value of a label, where there is any; the highest first."""
        values = {dict(of).get(label, "") for of in self.now.samples.get(name, {})}
        found = {value: self.rate(name, **{label: value}) or 0.0 for value in values}
        return dict(sorted([(k, v) for k, v in found.items() if v], key=lambda each: -each[1]))

    def quantile(self, name: str, share: float) -> float | None:
        """Of what a histogram was told in between, as Prometheus estimates it: in seconds.

        None: it was told nothing. Infinite: more than the histogram can tell apart.
        """
        if self.before is None:
            return None
        below = under = 0.0
        grown = sorted(
            (float(dict(labels)["le"]), self._grown(f"{name}_bucket", labels))
            for labels in self.now.samples.get(f"{name}_bucket", {})
        )
        if not grown or not grown[-1][1]:
            return None
        rank = share * grown[-1][1]
        for bound, count in grown:
            if count >= rank:
                if math.isinf(bound):
                    return math.inf
                part = (rank - under) / (count - under) if count > under else 1.0
                return below + (bound - below) * part
            below, under = bound, count
        raise AssertionError("the last bucket has all")

    def _grown(self, name: str, labels: tuple[tuple[str, str], ...]) -> float:
        assert self.before is not None
        then = self.before.samples.get(name, {}).get(labels, 0.0)
        return self.now.samples[name][labels] - then

    def rooms(self, sort: str) -> list[tuple[RoomRow, float | None]]:
        """With what is said in each a second; the largest first, by one of SORTS."""
        before = {each.key: each.newest for each in self.before.rooms} if self.before else {}
        rows = [(room, self._said(room, before.get(room.key))) for room in self.now.rooms]

        def value(row: tuple[RoomRow, float | None]) -> float:
            room, said = row
            return said or 0.0 if sort == "messages" else float(getattr(room, sort))

        return sorted(rows, key=lambda row: (-value(row), row[0].label))

    def _said(self, room: RoomRow, before: int | None) -> float | None:
        if before is None or not self.seconds:
            return None
        return max(room.newest - before, 0) / self.seconds
