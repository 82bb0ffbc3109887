"""Numbers on the command line, with what is to be written in place of what is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    Whole = click.ParamType[int]
    Real = click.ParamType[float]
else:
    Whole = Real = click.ParamType  # generic since click 8.3 only

LARGEST = 999_999_999
"""Of how many there may be of something; it fits every field of a request."""
SEQUENCE_DIGITS = 18
"""Of the largest sequence: one more might be none that a request can have."""


class Count(Whole):
    """How many: a whole number from `least` on."""

    name = "number"

    def __init__(self, least: int) -> None:
        self._least = least

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        number = _digits(str(value), len(str(LARGEST)))
        if number is None or number < self._least:
            self.fail(
                f"{str(value)!r} is no number from {self._least} to {LARGEST:,}; write it in"
                " digits, as 10",
                param,
                ctx,
            )
        return number


class Sequence(Whole):
    """The number of a message in its room: `120`, or `#120` as people write it."""

    name = "number of a message"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        number = _digits(str(value).strip().removeprefix("#"), SEQUENCE_DIGITS)
        if not number:
            self.fail(
                f"{str(value)!r} is no message's number; write it as 120 or '#120'. `chatter"
                ' history ROOM --json` has it of each message, as "sequence"',
                param,
                ctx,
            )
        return number


class Seconds(Real):
    """A time span, at least 0; it may be inf."""

    name = "number of seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = math.nan
        if not seconds >= 0:  # nor is nan
            self.fail(
                f"{str(value)!r} is no number of seconds from 0 on; write it as 90 or 0.5",
                param,
                ctx,
            )
        return seconds


def _digits(text: str, most: int) -> int | None:
    """The number that so many digits at most are; None: the text is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else None
