"""What a program reads of each kind of message: docs/chatter.md lists the fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chatroom.chatter.json_lines import line, message_object
from chatroom.client import (
    ChatRoom,
    Closed,
    Draining,
    Gap,
    Kind,
    Member,
    Message,
    Refused,
    Withdrawn,
)
from chatroom.client.messages import Event

ALWAYS = {"room_id", "sequence", "time", "name", "text", "kind"}


@pytest.mark.parametrize(
    ("kind", "event", "told"),
    [
        (Kind.SAID, None, {}),
        (Kind.ENTERED, Member(name="Bob"), {}),
        (Kind.LEFT, Member(name="Bob", reason="lost"), {"reason": "lost"}),
        (
            Kind.REFUSED,
            Refused(reason="RATE_LIMITED", code=8, nonce="n", retry_after=1.5),
            {"reason": "RATE_LIMITED", "nonce": "n", "retry_after": 1.5},
        ),
        (
            Kind.CLOSED,
            Closed(reason="moved", successor="ops"),
            {"reason": "moved", "successor": "ops"},
        ),
        (Kind.DRAINING, Draining(retry_after=5.0), {"retry_after": 5.0}),
        (Kind.GAP, Gap(missed=None), {"missed": None}),
        (Kind.GAP, Gap(missed=3), {"missed": 3}),
        (
            Kind.UPDATED,
            ChatRoom(room_id="ops", title="Quiet", capacity=5, closed_to_newcomers=True),
            {"title": "Quiet", "capacity": 5, "closed_to_newcomers": True},
        ),
        (
            Kind.CHANGED,
            Member(name="Eve", muted=True),
            {"member": "Eve", "muted": True, "moderator": False},
        ),
        (Kind.WITHDRAWN, Withdrawn(sequence=3, reason="x"), {"withdrawn": 3, "reason": "x"}),
    ],
)
def test_what_an_event_tells_stands_beside_the_message(
    kind: Kind, event: Event | None, told: dict[str, object]
) -> None:
    """Under names that mean the same everywhere, and nothing else."""
    sent = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    message = Message(name="Bob", text="ä\x1b[2J", sequence=7, sent=sent, kind=kind, event=event)
    written = line(message_object("ops", message))
    assert written.isascii()
    found = json.loads(written)
    assert ("ops", 7, "Bob", "ä\x1b[2J", str(kind)) == tuple(
        found[name] for name in ("room_id", "sequence", "name", "text", "kind")
    )
    assert found["time"].startswith("2026-01-02T03:04:05")
    assert told == {name: value for name, value in found.items() if name not in ALWAYS}
