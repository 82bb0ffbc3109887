"""Makes tokens, where the private key is at hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from jwt import PyJWS

from .keys import Key, Keys, KeyWrong

TOKEN_ID_BYTES = 12
"""Random bytes of a `jti`: no two of a billion are the same."""


def signing_key(keys: Keys, key_id: str | None) -> Key:
    """The key of that id, or the only one that signs; raises KeyWrong."""
    able = [key for key in keys.keys.values() if key.signing is not None]
    if key_id is None:
        if len(able) == 1:
            return able[0]
        raise KeyWrong(
            "no key in the file can sign: each has its public part alone"
            if not able
            else f"several keys can sign; name one of {', '.join(key.id for key in able)}"
        )
    key = keys.keys.get(key_id)
    if key is None:
        raise KeyWrong("the file has no key of that id")
    if key.signing is None:
        raise KeyWrong("that key cannot sign: the file has its public part alone")
    return key


def claims_for(
    keys: Keys, *, subject: str, name: str, chat: Mapping[str, object], now: int, seconds: int
) -> dict[str, object]:
    """The claims of a new token, with an id of its own; good from `now` on, for `seconds`."""
    claims: dict[str, object] = {
        "sub": subject,
        "iat": now,
        "exp": now + seconds,
        "jti": secrets.token_urlsafe(TOKEN_ID_BYTES),
        "chat": chat,
    }
    if name:
        claims["name"] = name
    if keys.audience:
        claims["aud"] = keys.audience[0]
    return claims


def signed_token(key: Key, claims: Mapping[str, object]) -> str:
    """A token with these claims; the key can sign."""
    assert key.signing is not None
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return PyJWS().encode(payload, key.signing, key.algorithm, {"kid": key.id})
