"""Numbers, times and names in rules, read from their words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from chatroom.chatwire.faults.scanner import Scanner, Token, listed
from chatroom.chatwire.faults.where import FieldIs, Numbers
from chatroom.wire.grpc import Code

if TYPE_CHECKING:
    from enum import IntEnum

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
SIZES = {"B": 1, "kB": 1000, "MB": 1000**2, "KiB": 1 << 10, "MiB": 1 << 20}
LONGEST = 24 * 3600.0
"""Seconds that may be asked for: a plan is for a test, not for a calendar."""
MOST = (1 << 31) - 1

N = TypeVar("N", bound="IntEnum")


def number(scan: Scanner, what: str, lowest: int = 1, highest: int = MOST) -> int:
    """A whole number. Raises RuleInvalid."""
    token = scan.take(f"a number, {what},")
    return number_in(scan, token, what, lowest, highest)


def number_in(scan: Scanner, token: Token, what: str, lowest: int = 1, highest: int = MOST) -> int:
    """The whole number that a word is. Raises RuleInvalid."""
    if token.quoted or not re.fullmatch(r"[0-9]+", token.text):
        raise scan.wrong(token, f'"{token.text}" is no number; {what} is one, such as {lowest}')
    if not lowest <= (found := int(token.text[:20])) <= highest:
        raise scan.wrong(token, f"{what} is a number from {lowest} to {highest}")
    return found


def seconds(scan: Scanner, lowest: float = 0.0) -> float:
    """A time with its unit, in seconds. Raises RuleInvalid."""
    token = scan.take("a time, such as 200ms or 2s,")
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-z]+)", token.text)
    if token.quoted or match is None or match[2] not in UNITS:
        raise scan.wrong(
            token,
            f'"{token.text}" is no time; write a number and one of {listed(UNITS)}, as in 200ms',
        )
    found = float(match[1]) * UNITS[match[2]]
    if not lowest <= found <= LONGEST:
        raise scan.wrong(token, f"this time lies between {lowest:g}s and 24h")
    return found


def rate(scan: Scanner) -> int:
    """Bytes a second. Raises RuleInvalid."""
    token = scan.take("a rate, such as 10KiB/s,")
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]+)/s", token.text)
    if token.quoted or match is None or match[2] not in SIZES:
        raise scan.wrong(
            token,
            f'"{token.text}" is no rate; write a number, one of {listed(SIZES)}, and "/s", '
            "as in 10KiB/s",
        )
    if not 1 <= (found := int(float(match[1]) * SIZES[match[2]])) <= MOST:
        raise scan.wrong(token, f"a rate lies between 1B/s and {MOST}B/s")
    return found


def chance(scan: Scanner) -> float:
    """A chance in percent, as a number from 0 to 1. Raises RuleInvalid."""
    token = scan.take("a chance, such as 10%,")
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", token.text)
    if token.quoted or match is None or float(match[1]) > 100:
        raise scan.wrong(token, f'"{token.text}" is no chance; write 0% to 100%, as in 10%')
    return float(match[1]) / 100


def numbers(scan: Scanner, what: str) -> Numbers:
    """Which of several: 3, 3-5, 3- or every 3. Raises RuleInvalid."""
    if scan.skip("every"):
        step = number(scan, f"every how many {what}s,")
        return Numbers(first=step, every=step)
    token = scan.take(f"the number of a {what}")
    match = re.fullmatch(r"([0-9]{1,9})(?:(-)([0-9]{1,9})?)?", token.text)
    if token.quoted or match is None or int(match[1]) < 1:
        raise scan.wrong(
            token,
            f'"{token.text}" is no number of a {what}; write 3, 3-5, 3- or every 3, counted from 1 '
            "and below 1,000,000,000",
        )
    first = int(match[1])
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if last is not None and last < first:
        raise scan.wrong(token, f"{first}-{last} has its end before its beginning")
    return Numbers(first=first, last=last)


def text(scan: Scanner, what: str) -> str:
    """What stands in quotation marks, or one word. Raises RuleInvalid."""
    token = scan.take(what)
    if not token.quoted and token.text in (":", "=", "±"):
        raise scan.wrong(token, f'{what} must stand here, and not "{token.text}"')
    return token.text


def field(scan: Scanner) -> FieldIs:
    """A field and its value: join.name=Ann. Raises RuleInvalid."""
    token = scan.take("a field, such as join.name=Ann,")
    path = token.text.split(".")
    if token.quoted or not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+", one) for one in path):
        raise scan.wrong(
            token,
            f'"{token.text}" is no field; write names or numbers with points between, as in '
            "join.name or 2.1",
        )
    if not scan.skip("="):
        raise scan.wrong(scan.peek(), '"=" and a value must follow the name of a field')
    return FieldIs(tuple(path), text(scan, "the value of the field"))


def name(scan: Scanner, names: type[N], what: str) -> N:
    """One of these names, in any case. Raises RuleInvalid."""
    token = scan.take(f"{what}, such as {next(iter(names)).name},")
    wanted = token.text.upper().replace("-", "_")
    if token.quoted or wanted not in names.__members__:
        raise scan.wrong(
            token, f'"{token.text}" is no {what}; there are {listed(names.__members__)}'
        )
    return names[wanted]


def status(scan: Scanner) -> int:
    """A gRPC status by name or number. Raises RuleInvalid."""
    token = scan.peek()
    if token is not None and not token.quoted and token.text.isdigit():
        return number(scan, "the number of a status", lowest=0)
    return int(name(scan, Code, "gRPC status"))


def path(scan: Scanner) -> str:
    """The path of a method, perhaps a pattern. Raises RuleInvalid."""
    token = scan.peek()
    found = text(scan, "the path of a method")
    if not found.startswith(("/", "*", "?")):
        raise scan.wrong(token, f'"{found}" is no path; one is /package.Service/Method')
    return found
