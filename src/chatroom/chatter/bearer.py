"""What the token that is shown may say of its bearer's name tag."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatroom.client import Chat

INVITATION = "inv_"
"""Begins the secret of every invitation."""


def may_name(chat: Chat) -> bool:
    """Whether the server may know the name tag: only it knows that of an invitation."""
    token = chat.security.token
    return isinstance(token, str) and (token.startswith(INVITATION) or _has_name(token))


def _has_name(token: str) -> bool:
    """Whether this is a JWT (RFC 7519) with a claim `name`. Nothing of it is verified here."""
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (ValueError, RecursionError):  # it is some other token
        return False
    return isinstance(claims, dict) and bool(claims.get("name"))
