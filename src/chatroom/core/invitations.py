"""Invitations: links by which somebody may come into a room."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass

from .denials import InvitationUnknown, InvitationUsed

PREFIX = "inv_"
"""Of every secret: so that it is told from a token, and found where it should not be."""
SECRET_BYTES = 16


@dataclass(slots=True, frozen=True, kw_only=True)
class Invitation:
    """One invitation, as it is kept: the secret itself is not."""

    invitation_id: str
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    uses_left: int | None
    """Memberships; None: any number."""
    until: int
    """ns since 1970; 0: for good."""
    name: str
    """The name tag that it fixes; empty: none."""
    by: str
    created: int
    """ns since 1970."""

    def stored(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, stored: str) -> Invitation:
        """What `stored` has written; raises ValueError, TypeError."""
        return cls(**json.loads(stored))

    def check(self, now: int) -> None:
        """Raise InvitationUnknown if it has ended by `now`."""
        if self.until and self.until <= now:
            raise InvitationUnknown

    def check_left(self) -> None:
        """Raise InvitationUsed if nobody else may come by it."""
        if self.uses_left == 0:
            raise InvitationUsed


def new_secret(token: Callable[[int], bytes]) -> str:
    """128 random bits, to be shown as a bearer token (RFC 6750)."""
    return PREFIX + urlsafe_b64encode(token(SECRET_BYTES)).decode().rstrip("=")


def digest_of(secret: str) -> str:
    """What is kept of a secret. Looking that up tells nothing of how near a guess is."""
    return hashlib.sha256(secret.encode()).hexdigest()
