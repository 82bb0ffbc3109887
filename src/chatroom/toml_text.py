"""TOML that people write: what it says, or in a sentence why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


class NotToml(ValueError):
    """The text is no TOML; `str()` says why, and where."""


def table_of(text: str | bytes) -> dict[str, Any]:
    """What a file in TOML says. Raises NotToml."""
    import tomllib  # only who has a file pays for it

    written = ""
    try:
        written = text.decode() if isinstance(text, bytes) else text
        return tomllib.loads(written)
    except UnicodeDecodeError:
        raise NotToml("it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise NotToml(_syntax(str(error), written)) from None
    except RecursionError:
        raise NotToml("it is nested too deeply") from None
    except ValueError:  # Python reads no more than 4,300 digits
        raise NotToml("it has a number of too many digits") from None


def nearest(key: str, keys: Iterable[str]) -> str | None:
    """The key that was most likely meant; None: none of them looks like it."""
    import difflib  # only who has made a mistake pays for it

    near = difflib.get_close_matches(key, list(keys), n=1, cutoff=0.5)
    return near[0] if near else None


def _syntax(complaint: str, text: str) -> str:
    """What the parser says, with the line in front."""
    at = re.fullmatch(r"(?s)(.*) \(at line (\d+), column (\d+)\)", complaint)
    if at is not None:
        return f"line {at[2]}, column {at[3]} is not TOML: {at[1]}"
    last = len(text.splitlines()) or 1
    what = complaint.removesuffix(" (at end of document)")
    return f"line {last}, the last one, is not TOML: {what}"
