"""What a server says of itself at one moment."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from chatroom.wire.addresses import Address

from .asking import Stranger, get
from .sorts import SORTS

ROOMS = 200
"""Rooms that are looked at. By activity they are those where something was said last, so that
the busiest are among them."""
CONNECTIONS = 50
"""Those that are farthest behind."""


WRONG = (ValueError, TypeError, KeyError, AttributeError)
"""What reading raises that reads something else."""
NOT_OURS = "it answers what no chatserver does"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRow:
    """A room. `label` is its id; of a private one the journal's number."""

    key: int
    label: str
    newest: int
    members: int
    readers: int
    behind: int
    farthest: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRow:
    """A member that has not been handed what is newest; `unsent` is of its whole connection."""

    name: str
    room: str
    behind: int
    unsent: int
    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything that was said, nearly at once."""

    at: float
    """When the metrics came, in seconds of a clock that never goes back."""
    version: str
    uptime: int
    """In seconds."""
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]]
    """Of the metrics, by name and labels; the labels are sorted."""
    rooms: tuple[RoomRow, ...]
    readers: tuple[ReaderRow, ...]
    """The farthest behind first."""

    def of(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 if there are none."""
        wanted = set(labels.items())
        of = self.samples.get(name, {})
        return sum([value for each, value in of.items() if wanted <= set(each)])

    def has(self, name: str) -> bool:
        """Whether there is such a sample: some are not there on every server."""
        return bool(self.samples.get(name))


async def look(address: Address, sort: str) -> Moment:
    """Ask for everything. `sort` is one of SORTS. Raises NoFigures."""
    about = await _about(address)
    metrics, rooms, connections = await asyncio.gather(
        get(address, "/metrics"),
        get(address, f"/roomz?sort={SORTS[sort]}&limit={ROOMS}&names=1"),
        get(address, f"/connz?sort=behind&limit={CONNECTIONS}&names=1"),
    )
    at = time.monotonic()
    try:
        return Moment(
            at=at,
            version=str(about["version"]),
            uptime=int(about["uptime_seconds"]),
            samples=_samples(metrics),
            rooms=tuple([_room(row) for row in json.loads(rooms)["rooms"]]),
            readers=_readers(json.loads(connections)["connections"]),
        )
    except WRONG as error:
        raise Stranger(address, NOT_OURS) from error


async def _about(address: Address) -> dict[str, Any]:
    """What it is. Before anything else, so that a stranger is asked for nothing more."""
    text = await get(address, "/varz")
    try:
        about: dict[str, Any] = json.loads(text)
        server = about["server"]
    except WRONG as error:
        raise Stranger(address, NOT_OURS) from error
    if server != "chatroom":
        raise Stranger(address, "it is another server's")
    return about


def _samples(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = float(sample.value)
    return found


def _room(row: dict[str, Any]) -> RoomRow:
    return RoomRow(
        key=int(row["key"]),
        label=_label(row),
        newest=int(row["newest"]),
        members=int(row["members"]),
        readers=int(row["readers"]),
        behind=int(row["behind"]),
        farthest=int(row["farthest_behind"]),
        kept=int(row["bytes"]),
    )


def _label(row: dict[str, Any]) -> str:
    """The id of a private room lets people in, so nobody is told it."""
    return str(row["room_id"]) if row["room_id"] is not None else f"private #{row['key']}"


def _readers(connections: list[dict[str, Any]]) -> tuple[ReaderRow, ...]:
    rows = [
        ReaderRow(
            name=str(member["name"]),
            room=_label(member),
            behind=int(member["behind"]),
            unsent=int(connection["unsent_bytes"]),
            peer=str(connection["peer"]),
        )
        for connection in connections
        for member in connection["in_rooms"]
        if member["behind"] > 0
    ]
    return tuple(sorted(rows, key=lambda row: -row.behind))
