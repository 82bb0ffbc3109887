"""Which rules are meant by a call or a message of one connection."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from chatroom.chatwire.faults.grammar import Rule
from chatroom.chatwire.faults.kinds import (
    Answer,
    Cut,
    Delay,
    Double,
    Drop,
    Hold,
    Inject,
    Reorder,
    StopReading,
    Throttle,
    Trailers,
    Vanish,
    Withhold,
)
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.where import FieldIs
from chatroom.chatwire.passage import Side

Fields = list[tuple[bytes, bytes]]
ALL_MESSAGES = (Hold, Drop, Double, Reorder)
"""What is about messages though its rule may not say so."""
ON_FRAMES = (*ALL_MESSAGES, Inject, Withhold, Answer, Trailers)
AT_MOMENTS = (Cut, StopReading, Inject, Vanish)


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that rules are asked about."""

    path: str
    """Of its call."""
    sender: Side
    enveloped: bytes
    encoding: str
    """Of compressed messages of this side of the call."""


Meaning = Callable[[Asked, tuple[FieldIs, ...], str | None], bool]
"""Tells whether a message has these fields, and this text in it."""


@dataclass(slots=True)
class Verdict:
    """What is to happen to a message."""

    rules: list[Rule] = field(default_factory=list)
    """All that fit, in the order of the plan."""
    moments: list[Rule] = field(default_factory=list)
    """Those of them that happen before the message passes, if it does."""
    drop: Rule | None = None
    times: int = 1
    double: Rule | None = None
    seconds: float = 0.0
    delay: Rule | None = None
    hold: Hold | None = None
    held: Rule | None = None
    behind: int = 0
    reorder: Rule | None = None


@dataclass(slots=True)
class Call:
    """A call that rules may be about. `rules`: on its messages, by who sends them."""

    stream: int
    path: str
    rules: dict[Side, list[int]]
    trailers: list[int]
    encoding: dict[Side, str] = field(default_factory=lambda: dict.fromkeys(Side, ""))
    count: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))
    """Messages so far."""


class Choosing:
    """The rules of a plan as far as they are about this connection, and their dice."""

    def __init__(self, plan: Plan, connection: int, meaning: Meaning) -> None:
        self._rules = plan.rules
        self._dice = plan.dice(connection)
        self._meaning = meaning
        self._here = [number for number, rule in enumerate(plan.rules) if rule.where.on(connection)]
        self._calls: Counter[int] = Counter()
        """For each rule that counts calls, those that fit it otherwise."""

    def _of_calls(self, rule: Rule) -> bool:
        return rule.where.of_calls or rule.where.of_messages

    @property
    def reads_frames(self) -> bool:
        """Whether any rule needs HTTP/2 to be understood."""
        return any(
            self._of_calls(rule) or isinstance(rule.fault, ON_FRAMES)
            for rule in self.rules
        )  # fmt: skip

    @property
    def rules(self) -> list[Rule]:
        """Those that may be about this connection, in order."""
        return [self._rules[number] for number in self._here]

    def happens(self, number: int) -> bool:
        """Whether chance has it that this rule applies to what fits it."""
        chance = self._rules[number].where.chance
        return chance >= 1 or self._dice[number].random() < chance

    def shaping(
        self, side: Side
    ) -> tuple[list[tuple[str, Delay, random.Random]], list[tuple[str, int]]]:
        """Delays and rates for all that a side sends."""
        delays, rates = [], []
        for number in self._here:
            rule = self._rules[number]
            if not rule.where.sent_by(side) or self._of_calls(rule):
                continue
            if isinstance(rule.fault, Delay) and self.happens(number):
                delays.append((rule.text, rule.fault, self._dice[number]))
            elif isinstance(rule.fault, Throttle) and self.happens(number):
                rates.append((rule.text, rule.fault.bytes_a_second))
        return delays, rates

    def moments(self) -> list[Rule]:
        """What happens to the connection as such, by time or at its beginning."""
        return [
            self._rules[number]
            for number in self._here
            if isinstance(self._rules[number].fault, AT_MOMENTS)
            and not self._of_calls(self._rules[number])
            and self.happens(number)
        ]

    def opened(self, stream: int, path: str) -> tuple[Rule | None, list[Rule], Call | None]:
        """A call begins: the answer to give, what happens then, and what its messages risk."""
        answer: Rule | None = None
        moments: list[Rule] = []
        call = Call(stream, path, {side: [] for side in Side}, [])
        for number in self._here:
            rule = self._rules[number]
            where, fault = rule.where, rule.fault
            if not where.fits(stream, path):
                continue
            if where.call is not None:
                self._calls[number] += 1
                if self._calls[number] not in where.call:
                    continue
            if isinstance(fault, Answer):
                if answer is None and self.happens(number):
                    answer = rule
            elif isinstance(fault, Trailers):
                call.trailers.append(number)
            elif (
                where.of_messages
                or isinstance(fault, ALL_MESSAGES)
                or (isinstance(fault, Delay) and where.of_calls)
            ):
                self._add(call, number, rule)
            elif isinstance(fault, AT_MOMENTS) and where.of_calls and self.happens(number):
                moments.append(rule)
        interesting = call.trailers or any(call.rules.values())
        return answer, moments, call if interesting else None

    def _add(self, call: Call, number: int, rule: Rule) -> None:
        for side in Side:
            if rule.where.sent_by(side):
                call.rules[side].append(number)

    def trailers(self, call: Call) -> Rule | None:
        """What happens to the trailers of a call."""
        for number in call.trailers:
            if self.happens(number):
                return self._rules[number]
        return None

    def withholds(self, side: Side) -> bool:
        """Whether any rule is about WINDOW_UPDATE of this side."""
        return any(
            isinstance(rule.fault, Withhold) and rule.where.sent_by(side) for rule in self.rules
        )

    def withheld(self, side: Side, stream: int, path: str | None) -> Rule | None:
        """The rule that keeps a WINDOW_UPDATE of this side on this stream, by chance too."""
        for number in self._here:
            rule = self._rules[number]
            where = rule.where
            if not isinstance(rule.fault, Withhold) or not where.sent_by(side):
                continue
            if where.of_calls and not (
                where.stream in (None, stream)
                and (where.method is None or (path is not None and where.fits(stream, path)))
            ):
                continue
            if self.happens(number):
                return rule
        return None

    def message(self, call: Call, side: Side, enveloped: bytes) -> Verdict | None:
        """What is to happen to the next message of a side; None: nothing."""
        call.count[side] += 1
        count = call.count[side]
        verdict: Verdict | None = None
        over = []
        for number in call.rules[side]:
            rule = self._rules[number]
            where = rule.where
            if where.message is not None:
                if where.message.over(count):
                    over.append(number)
                    continue
                if count not in where.message:
                    continue
            if where.by_content:
                asked = Asked(call.path, side, enveloped, call.encoding[side])
                if not self._meaning(asked, where.fields, where.text):
                    continue
            if self.happens(number):
                verdict = verdict or Verdict()
                _add(verdict, rule, self._dice[number])
        for number in over:
            call.rules[side].remove(number)
        return verdict


def _add(verdict: Verdict, rule: Rule, dice: random.Random) -> None:
    verdict.rules.append(rule)
    fault = rule.fault
    if isinstance(fault, AT_MOMENTS):
        verdict.moments.append(rule)
    elif isinstance(fault, Drop):
        verdict.drop = verdict.drop or rule
    elif isinstance(fault, Double):
        verdict.times, verdict.double = max(verdict.times, fault.times), verdict.double or rule
    elif isinstance(fault, Delay):
        jitter = dice.uniform(-fault.jitter, fault.jitter) if fault.jitter else 0.0
        verdict.seconds += fault.seconds + jitter
        verdict.delay = verdict.delay or rule
    elif isinstance(fault, Hold):
        verdict.hold, verdict.held = verdict.hold or fault, verdict.held or rule
    elif isinstance(fault, Reorder):
        verdict.behind, verdict.reorder = max(verdict.behind, fault.behind), verdict.reorder or rule
