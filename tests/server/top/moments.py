"""Moments that no server has to be asked for."""

from __future__ import annotations

from typing import Any

from chatroom.server.top.moment import Moment, ReaderRow, RoomRow


def room(key: int, newest: int = 0, **fields: Any) -> RoomRow:
    known: dict[str, Any] = {
        "label": f"room-{key}", "members": 0, "readers": 0, "behind": 0, "farthest": 0, "kept": 0
    }  # fmt: skip
    return RoomRow(key=key, newest=newest, **(known | fields))


def reader(name: str, behind: int = 1, **fields: Any) -> ReaderRow:
    known: dict[str, Any] = {"room": "lobby", "unsent": 0, "peer": "192.0.2.7:51234"}
    return ReaderRow(name=name, behind=behind, **(known | fields))


def moment(at: float = 0.0, *, samples: dict[str, Any] | None = None, **fields: Any) -> Moment:
    """`samples` are numbers, or numbers by the value of a label, whose name is given before."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    serving = {"chatroom_serving": 1, "chatroom_ready": 1, "chatroom_storing": 1}
    for name, value in {**serving, **(samples or {})}.items():
        if isinstance(value, tuple):
            label, values = value
            found[name] = {((label, of),): float(number) for of, number in values.items()}
        else:
            found[name] = {(): float(value)}
    known: dict[str, Any] = {"version": "1.2.3", "uptime": 90, "rooms": (), "readers": ()}
    return Moment(at=at, samples=found, **(known | fields))
