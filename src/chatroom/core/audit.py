"""The audit log: who did what to whom, when, and what came of it. Never what anybody said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class AuditRecord:
    """One thing that somebody did, or was refused, who may do more than chat."""

    number: int = 0
    """1, 2, 3 …; 0: it has none yet."""
    at: int
    """ns since 1970."""
    actor: str
    """A token's `sub`, or "admin token", or "anonymous", or "chat server"."""
    key_id: str = ""
    token_id: str = ""
    address: str = ""
    method: str
    room_id: str = ""
    target: str = ""
    """To whom or what: a name tag, a sequence, the id of a ban …"""
    outcome: str
    """OK, or a status and the reason of a refusal."""
