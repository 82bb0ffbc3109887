"""A plan in a file: TOML with `rules`, a list of texts, and perhaps a `seed`."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.scanner import RuleInvalid, listed

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("rules", "seed")
MOST = 1000
"""Rules in a plan; each is asked about each message that it may fit."""
LARGEST_SEED = (1 << 63) - 1


class PlanInvalid(ValueError):
    """A file holds no plan; `str()` is a sentence, and where a rule is wrong, its drawing."""


def plan_of(path: Path) -> Plan:
    """The plan in a file. Raises PlanInvalid, OSError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise PlanInvalid(f"{path} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise PlanInvalid(f"{path} is not TOML: {error}") from None
    if strange := [key for key in found if key not in KEYS]:
        raise PlanInvalid(f"{path} has {strange[0]!r}, which a plan does not: {listed(KEYS)}")
    rules = found.get("rules")
    if not isinstance(rules, list) or not rules:
        raise PlanInvalid(f"{path} has no rules: write rules = ['drop down message 2']")
    if len(rules) > MOST:
        raise PlanInvalid(f"{path} has {len(rules)} rules; a plan may have {MOST}")
    return Plan(
        tuple(_rule(path, number, one) for number, one in enumerate(rules, 1)), _seed(found, path)
    )


def _seed(found: dict[str, Any], path: Path) -> int:
    seed = found.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise PlanInvalid(f"{path}: seed is a whole number from 0 on")
    return seed


def _rule(path: Path, number: int, text: Any) -> Any:
    from chatroom.chatwire.faults.grammar import rule_of

    if not isinstance(text, str):
        raise PlanInvalid(f"{path}: rule {number} is no text")
    try:
        return rule_of(text)
    except RuleInvalid as error:
        raise PlanInvalid(f"{path}: rule {number} is none:\n{error.drawn}") from None
