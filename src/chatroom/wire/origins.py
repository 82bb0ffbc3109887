"""Origins: where a page comes from, as browsers say it (RFC 6454)."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

DEFAULT_PORTS = {"http": 80, "https": 443}

_PORT = r"(?::([0-9]{0,5}))?"
_HOST = r"(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)"
_AUTHORITY = re.compile(_HOST + _PORT)
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://" + _HOST + _PORT)


class OriginInvalid(ValueError):
    """A text that is no origin; `null` is none either."""


class Origin(NamedTuple):
    """Scheme, host and port: two pages with equal ones are of one origin (RFC 6454, 5)."""

    scheme: str
    host: str
    """In lower case, without brackets and a last dot."""
    port: int | None
    """The scheme's where none is written; None for a scheme that has none."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what an Origin header says. Raises OriginInvalid."""
        found = _ORIGIN.fullmatch(text.lower())
        if found is None:
            raise OriginInvalid(f"{text!r} is not an origin; write it as https://chat.example")
        scheme, host, port = found.groups()
        return cls(scheme, _bare(host), int(port) if port else DEFAULT_PORTS.get(scheme))

    def is_at(self, authority: str) -> bool:
        """Whether its pages come from the server that a Host header or `:authority` names.

        The scheme that a proxy was asked by is not known here. So a Host without a port has
        that of the origin's scheme.
        """
        found = _AUTHORITY.fullmatch(authority.lower())
        if found is None or self.scheme not in DEFAULT_PORTS:
            return False
        host, port = found.groups()
        asked = int(port) if port else DEFAULT_PORTS[self.scheme]
        return (self.host, self.port) == (_bare(host), asked)


def _bare(host: str) -> str:
    return host.strip("[]").rstrip(".")
