"""JSON as a signature needs it: whoever reads it finds the same in it."""

from __future__ import annotations

import json


def json_object(raw: bytes) -> dict[str, object]:
    """The object that `raw` is; raises ValueError with a reason that quotes nothing.

    A member that comes twice is refused (RFC 8725, section 2.4, leaves it to us which one
    counts), and so are NaN and Infinity, which JSON does not have.
    """
    try:
        read = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refused_constant)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(read, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 # what is wrong is its text
    return read


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member of it comes twice")
    return found


def _refused_constant(_: str) -> object:
    raise ValueError("it has a number that JSON does not have")
