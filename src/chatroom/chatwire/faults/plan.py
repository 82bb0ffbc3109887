"""A plan: the rules of what goes wrong, and the seed of what is left to chance."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chatroom.chatwire.faults.grammar import rule_of

if TYPE_CHECKING:
    from chatroom.chatwire.faults.grammar import Rule


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules in the order in which they are asked, and a seed.

    The same seed and the same conversation give the same faults: each rule has random numbers
    of its own on each connection, whatever the others do.
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0

    @classmethod
    def of(cls, *rules: str, seed: int = 0) -> Self:
        """The plan of rules as they are written, such as "drop down message 3".

        Raises RuleInvalid.
        """
        return cls(tuple(map(rule_of, rules)), seed)

    def dice(self, connection: int) -> list[random.Random]:
        """For each rule, what decides by chance on this connection (counted from 1)."""
        return [
            random.Random(f"{self.seed} {number} {connection}")  # noqa: S311 - to be repeated
            for number in range(len(self.rules))
        ]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that release messages, each once."""
        from chatroom.chatwire.faults.kinds import Hold

        keys = (rule.fault.key for rule in self.rules if isinstance(rule.fault, Hold))
        return tuple(dict.fromkeys(keys))
