"""Durations on the command line: 90s, 30m, 8h, 7d, 2w."""

from __future__ import annotations

import re

import click

_FORM = re.compile(r"(\d{1,9}) ?([smhdw])", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = 10 * 365 * _UNITS["d"]
"""Ten years: what is meant for longer is meant for good."""


class Duration(click.ParamType[int]):
    """A number of seconds, at least one."""

    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = _FORM.fullmatch(value.strip())
        seconds = int(found[1]) * _UNITS[found[2].lower()] if found else 0
        if not 0 < seconds <= LONGEST:
            self.fail(
                f"{value!r} is not a duration: write 90s, 30m, 8h, 7d or 2w, more than 0 and at"
                " most ten years",
                param,
                ctx,
            )
        return seconds

    @staticmethod
    def written(seconds: int) -> str:
        """The shortest text that is read as this duration."""
        return written(seconds)


def written(seconds: int) -> str:
    """A number of seconds, in the largest unit that divides it."""
    unit = max((unit for unit in _UNITS if not seconds % _UNITS[unit]), key=_UNITS.__getitem__)
    return f"{seconds // _UNITS[unit]}{unit}"
