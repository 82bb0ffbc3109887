"""Sizes on the command line: 65536, 64K, 16M, 1G."""

from __future__ import annotations

import re

import click

_FORM = re.compile(r"(\d+) ?([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Size(click.ParamType[int]):
    """A number of bytes, at least one; K, M and G are powers of 1,024."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = _FORM.fullmatch(value.strip())
        if found is None or not int(found[1]):
            self.fail(
                f"{value!r} is not a size: write 65536, 64K, 16M or 1G, more than 0", param, ctx
            )
        return int(found[1]) * _UNITS[found[2].upper()]

    @staticmethod
    def written(size: int) -> str:
        """The shortest text that is read as this size."""
        for letter, unit in reversed(_UNITS.items()):
            if not size % unit:
                return f"{size // unit}{letter}"
        return str(size)
