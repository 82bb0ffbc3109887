"""The parts of a signed token in the compact form (RFC 7515, section 7.1)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from .strict_json import json_object
from .unusable import TokenMalformed

TOKEN_BYTES = 4096
"""The longest token; headers may have 16 KiB in all."""

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(slots=True, frozen=True)
class Parts:
    """What a token says. Nobody has looked at its signature yet."""

    algorithm: str
    key_id: str | None
    header: dict[str, object]
    payload: bytes


def parts(token: str) -> Parts:
    """Take a token apart; raises TokenMalformed.

    Each part has one spelling: no padding, no bit beside the bytes. A header may not ask for
    an extension (`crit`, RFC 7515, section 4.1.11), since none is known here.
    """
    if len(token) > TOKEN_BYTES:
        raise TokenMalformed(f"it has more than {TOKEN_BYTES:,} bytes")
    if not _FORM.fullmatch(token):
        raise TokenMalformed("it is not three parts in base64url with points between")
    encoded = token.split(".")
    header_bytes, payload, _ = map(_decoded, encoded)
    try:
        header = json_object(header_bytes)
    except ValueError as error:
        raise TokenMalformed(f"its header: {error}") from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise TokenMalformed("its header names no algorithm (alg)")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenMalformed("its header names the key (kid) by something that is no text")
    if "crit" in header or "b64" in header:
        raise TokenMalformed("its header asks for extensions (crit, b64), and none is known here")
    return Parts(algorithm, key_id, header, payload)


def payload_object(payload: bytes) -> dict[str, object]:
    """The claims, with nothing said about what they are; raises TokenMalformed."""
    try:
        return json_object(payload)
    except ValueError as error:
        raise TokenMalformed(f"its claims: {error}") from None


def _decoded(part: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise TokenMalformed("a part of it is not base64url") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise TokenMalformed("a part of it is not base64url in its one spelling")
    return decoded
