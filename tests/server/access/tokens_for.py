"""A key file, and tokens that its key signs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from chatroom.server.access import Algorithm
from chatroom.server.access.keys import secret_key
from chatroom.server.access.sign import signed_token

SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def key_file(path: Path, **keys: str) -> Path:
    """A file with keys of these ids and secrets; without any: one, `home`."""
    table = keys or {"home": SECRET}
    path.write_text(
        "leeway_seconds = 0\n"
        + "".join(
            f'[keys.{id_}]\nalgorithm = "HS256"\nsecret = "{secret}"\n'
            for id_, secret in table.items()
        )
    )
    path.chmod(0o600)
    return path


def token(
    subject: str = "ann", *, key: str = "home", secret: str = SECRET, valid_for: float = 86_400,
    chat: Mapping[str, object] | None = None, **claims: object,
) -> str:  # fmt: skip
    said = {"sub": subject, "exp": time.time() + valid_for, "chat": dict(chat or {}), **claims}
    return signed_token(secret_key(key, Algorithm.HS256, secret.encode()), said)


def bearer(shown: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"authorization": f"Bearer {shown}"}
