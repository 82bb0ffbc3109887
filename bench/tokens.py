"""A key file and a token, for a server that asks everybody who they are."""

from __future__ import annotations

import secrets
import time
from functools import cache
from typing import TYPE_CHECKING

from chatroom.server.access import Algorithm
from chatroom.server.access.keys import secret_key
from chatroom.server.access.sign import signed_token

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 24 * 3600
_ID = "bench"


@cache
def _secret() -> str:
    return secrets.token_hex(32)


def key_file(directory: Path) -> Path:
    """The server's keys, in a file of this directory, which is made."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "keys.toml"
    path.touch(mode=0o600)
    path.write_text(f'[keys.{_ID}]\nalgorithm = "HS256"\nsecret = "{_secret()}"\n')
    return path


@cache
def authorization() -> bytes:
    """The value of the header that all members show: they chat, and create their rooms."""
    claims = {"sub": "bench", "exp": time.time() + _SECONDS, "chat": {"create": True}}
    key = secret_key(_ID, Algorithm.HS256, _secret().encode())
    return b"Bearer " + signed_token(key, claims).encode()
