"""Where in a room's log to begin or to end, as people say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SEQUENCE = re.compile(r"#?(\d{1,18})", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FORMS = "write a number (#120), a duration (2h, 30m, 1d) or a time (2026-11-22, 2026-11-22T10:00)"


class MomentInvalid(ValueError):
    """A text is no moment; `str()` says how to write one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A sequence, or else a time with its zone."""

    sequence: int | None = None
    time: datetime | None = None


def parse(text: str, *, now: datetime, end: bool) -> Moment:
    """Read `#120` or `120`, `2h` or `1h30m` (before `now`), a date, or a time.

    A time without a zone is local. A date is its first moment; with `end` the first one
    after it, so that the day itself is before. Raises MomentInvalid.
    """
    text = text.strip()
    if number := _SEQUENCE.fullmatch(text):
        return Moment(sequence=int(number[1]))
    try:
        if "".join(part[0] for part in _DURATION.finditer(text)) == text and text:
            return Moment(time=now - _duration(text))
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return Moment(time=datetime.combine(day, time()).astimezone())
        if re.match(r"\d{4}-", text, re.ASCII):
            moment = datetime.fromisoformat(text)
            return Moment(time=moment if moment.tzinfo else moment.astimezone())
    except OverflowError:
        raise MomentInvalid(f"{text!r} is beyond the calendar") from None
    except ValueError:
        pass
    raise MomentInvalid(f"{text!r} is not a moment; {FORMS}")


def parse_span(text: str) -> timedelta:
    """Read `90s`, `30m`, `2h`, `7d`, `2w` or `1h30m`; more than nothing. Raises MomentInvalid."""
    text = text.strip()
    if "".join(part[0] for part in _DURATION.finditer(text)) == text:
        try:
            span = _duration(text)
        except OverflowError:
            raise MomentInvalid(f"{text!r} is beyond the calendar") from None
        if span:
            return span
    raise MomentInvalid(f"{text!r} is no time span; write 90s, 30m, 8h, 7d or 2w, more than 0")


def from_now(span: timedelta | None) -> datetime | None:
    """When so much time will have passed; None: never. Raises MomentInvalid."""
    try:
        return None if span is None else datetime.now(UTC) + span
    except OverflowError:
        raise MomentInvalid("that is beyond the calendar; without it, it is for good") from None


def _duration(text: str) -> timedelta:
    total = timedelta()
    for number, unit in _DURATION.findall(text):
        total += timedelta(**{UNITS[unit]: float(number)})
    return total
