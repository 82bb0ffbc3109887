"""Passages: drafts of who comes and goes, and of a room's end."""

from __future__ import annotations

from . import names
from .entry import (
    CLOSED_TEXT,
    ENTERED_TEXT,
    LEFT_TEXT,
    NOBODY,
    Closing,
    Draft,
    Kind,
    Passage,
    Settle,
)
from .leave_reason import LeaveReason
from .member import Member


def arrival(member: Member, settle: Settle) -> Draft:
    """Somebody has come."""
    event = Passage(member.since)
    name = member.naming.pen
    return Draft(
        Kind.ENTERED, member.author, name, ENTERED_TEXT, member=member, settle=settle, event=event
    )


def departure(member: Member, reason: LeaveReason, settle: Settle) -> Draft:
    """Somebody goes."""
    event = Passage(member.since, reason)
    return Draft(Kind.LEFT, member.author, member.naming.pen, LEFT_TEXT, settle=settle, event=event)


def closing(reason: str, successor: str, settle: Settle | None) -> Draft:
    """The room is deleted."""
    event = Closing(reason, successor)
    return Draft(Kind.CLOSED, NOBODY, names.SERVER_NAME, CLOSED_TEXT, settle=settle, event=event)
