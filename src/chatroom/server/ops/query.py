"""What a request for a table says: which rows, in which order, with names or without."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl

ROWS = 100
"""Of a page, unless the request says otherwise."""
MOST_ROWS = 1000
MOST_FIELDS = 16
"""Parameters that are read of one request."""


class ParameterInvalid(Exception):
    """A parameter is not known, or its value is none of those that it may have."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Wanted:
    """A page of a table."""

    sort: str
    """By which column: the largest first."""
    limit: int = ROWS
    """Rows, from 1 to `MOST_ROWS`."""
    offset: int = 0
    """Rows that are passed over."""
    names: bool = False
    """Whether names and addresses are shown."""


def wanted(query: bytes, sorts: Collection[str]) -> Wanted:
    """Read a query; the first of `sorts` is the one without any. Raises ParameterInvalid."""
    given = _given(query, ("sort", "limit", "offset", "names"))
    sort = given.get("sort", next(iter(sorts)))
    if sort not in sorts:
        raise ParameterInvalid(f"sort is one of {', '.join(sorts)}")
    names = given.get("names", "0")
    if names not in ("0", "1"):
        raise ParameterInvalid("names is 0 or 1")
    return Wanted(
        sort=sort,
        limit=_number("limit", given.get("limit", str(ROWS)), 1, MOST_ROWS),
        offset=_number("offset", given.get("offset", "0"), 0, 10**9),
        names=names == "1",
    )


def check_empty(query: bytes) -> None:
    """Raise ParameterInvalid if there is any parameter."""
    _given(query, ())


def _given(query: bytes, known: Collection[str]) -> dict[str, str]:
    try:
        fields = parse_qsl(
            query.decode(),
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise ParameterInvalid("the query is not of the form name=value&name=value") from None
    found: dict[str, str] = {}
    for name, value in fields:
        if name not in known:
            allowed = f"those known are {', '.join(known)}" if known else "there are none here"
            raise ParameterInvalid(f"this is no parameter: {allowed}")
        if name in found:
            raise ParameterInvalid(f"{name} is given twice")
        found[name] = value
    return found


def _number(name: str, text: str, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most:
        return int(text)
    raise ParameterInvalid(f"{name} is a number from {least} to {most}")
