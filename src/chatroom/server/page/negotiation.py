"""What a request's headers say about the answer's bytes: how coded, and whether needed at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatroom.server.port.asgi import Headers

_ETAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def prefers_gzip(headers: Headers) -> bool:
    """Whether gzip is accepted, and not less than no coding (RFC 9110, 12.5.3).

    Without the header any coding would do; who sends none may be a script that cannot decode.
    """
    weights: dict[bytes, float] = {}
    for listed in _values(headers, b"accept-encoding"):
        for each in listed.split(b","):
            coding, *parameters = (part.strip().lower() for part in each.split(b";"))
            weights[coding] = _weight(parameters)
    gzip = weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", 0.0)))
    return gzip > 0 and gzip >= weights.get(b"identity", 0.0)


def _weight(parameters: list[bytes]) -> float:
    """From 0, not acceptable, to 1; what cannot be read counts as 0 (RFC 9110, 12.4.2)."""
    for each in parameters:
        name, _, value = each.partition(b"=")
        if name.strip() == b"q":
            found = re.fullmatch(rb"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", value.strip())
            return float(value) if found else 0.0
    return 1.0


def still_has(headers: Headers, etag: bytes) -> bool:
    """Whether what the browser has is what it would get (RFC 9110, 13.1.2)."""
    return any(
        listed.strip() == b"*" or etag in _ETAG.findall(listed)
        for listed in _values(headers, b"if-none-match")
    )


def _values(headers: Headers, name: bytes) -> Iterator[bytes]:
    return (value for key, value in headers if key == name)
