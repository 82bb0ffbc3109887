"""Tables for people with curl: rooms and connections, the largest of something first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from chatroom.core.room import Room
from chatroom.server.port.asgi import address_of
from chatroom.server.port.http1 import Http1Connection
from chatroom.server.port.http2 import Http2Protocol
from chatroom.server.port.log_names import peer_name
from chatroom.server.rooms.sessions import Place

from .observed import Observed
from .query import Wanted

T = TypeVar("T")
Row = dict[str, Any]
Connection = Http1Connection | Http2Protocol

SLICE = 200
"""Rooms or connections that are looked at before others have their turn."""
ROOM_SORTS = ("members", "readers", "behind", "newest", "bytes", "active")
CONNECTION_SORTS = ("seconds", "streams", "members", "unsent_bytes", "behind")


async def sliced(things: Iterable[T], size: int = SLICE) -> AsyncIterator[T]:
    """All of them as they are now, so many in each turn of the loop."""
    for number, thing in enumerate(tuple(things)):
        if number and number % size == 0:
            await asyncio.sleep(0)
        yield thing


# ---- Rooms ----------------------------------------------------------------------------


async def roomz(observed: Observed, wanted: Wanted) -> Row:
    """The rooms that are open.

    The id of a private room is what lets in, so it is in no table; `key` is the journal's
    number of a room, which lets nobody in.
    """
    rooms = list(observed.hub.rooms.every())
    return await _page("rooms", rooms, wanted, _ROOM_VALUES[wanted.sort], _room)


def _behind(room: Room) -> int:
    """How many readers have not been handed what is newest."""
    newest = room.newest
    return sum([member.final is None and member.cursor < newest for member in room.readers])


_ROOM_VALUES: dict[str, Callable[[Room], float]] = {
    "members": lambda room: room.member_count,
    "readers": lambda room: len(room.readers),
    "behind": _behind,
    "newest": lambda room: room.newest,
    "bytes": lambda room: room.log.size,
    "active": lambda room: room.log.active,
}


def _room(room: Room, names: bool) -> Row:
    newest = room.newest
    waiting = [m for m in room.readers if m.final is None and m.cursor < newest]
    row: Row = {
        "key": room.facts.key,
        "private": room.facts.private,
        "members": room.member_count,
        "capacity": room.capacity,
        "readers": len(room.readers),
        "behind": len(waiting),
        "farthest_behind": max((newest - member.cursor for member in waiting), default=0),
        "newest": newest,
        "oldest": room.log.oldest,
        "bytes": room.log.size,
        "silent_seconds": max(time.time_ns() - room.log.active, 0) // 10**9
        if room.log.active
        else None,
        "closing": room.closing,
    }
    if names:
        row["room_id"] = None if room.facts.private else room.room_id
        row["title"] = None if room.facts.private else room.facts.title
    return row


# ---- Connections ----------------------------------------------------------------------


async def connz(observed: Observed, wanted: Wanted) -> Row:
    """The connections of which it is known what they speak."""
    port = observed.port()
    now = asyncio.get_running_loop().time()
    values: dict[str, Callable[[Connection], float]] = {
        "seconds": lambda connection: now - connection.since,
        "streams": _streams,
        "members": lambda connection: len(_places(connection)),
        "unsent_bytes": _unsent,
        "behind": _farthest,
    }

    def row(connection: Connection, names: bool) -> Row:
        return _connection(connection, names, now)

    connections = port.connections() if port is not None else []
    return await _page("connections", connections, wanted, values[wanted.sort], row)


def _places(connection: Connection) -> list[Place]:
    """Of the calls that have one (`StreamCall.membership`)."""
    calls: list[object]
    if isinstance(connection, Http1Connection):
        calls = [exchange.call for exchange in connection.exchanges]
    else:
        calls = [stream.call for stream in connection.http2.streams.values()]
    places: list[Place | None] = [getattr(call, "membership", None) for call in calls]
    return [place for place in places if place is not None]


def _streams(connection: Connection) -> int:
    if isinstance(connection, Http1Connection):
        return len(connection.exchanges)
    return len(connection.http2.streams)


def _unsent(connection: Connection) -> int:
    queued = 0 if isinstance(connection, Http1Connection) else connection.http2.output.bytes
    return connection.transport.get_write_buffer_size() + queued


def _farthest(connection: Connection) -> int:
    return max((_entries_behind(place) for place in _places(connection)), default=0)


def _entries_behind(place: Place) -> int:
    return place.room.newest - place.member.cursor if place.member.final is None else 0


def _connection(connection: Connection, names: bool, now: float) -> Row:
    places = _places(connection)
    row: Row = {
        "protocol": "http1" if isinstance(connection, Http1Connection) else "http2",
        "seconds": round(now - connection.since, 1),
        "streams": _streams(connection),
        "members": len(places),
        "unsent_bytes": _unsent(connection),
        "behind": max(map(_entries_behind, places), default=0),
    }
    if names:
        row["peer"] = peer_name(address_of(connection.transport.get_extra_info("peername")))
        row["in_rooms"] = [_member(place) for place in places]
    return row


def _member(place: Place) -> Row:
    room = place.room
    return {
        "key": room.facts.key,
        "room_id": None if room.facts.private else room.room_id,
        "name": place.member.name,
        "address": place.member.address,
        "behind": _entries_behind(place),
    }


# ---- Pages ----------------------------------------------------------------------------


async def _page(
    what: str,
    things: list[T],
    wanted: Wanted,
    value: Callable[[T], float],
    row: Callable[[T, bool], Row],
) -> Row:
    """The wanted rows; of equals those that were there first come first."""
    found: list[tuple[float, int, T]] = []
    async for thing in sliced(things):
        found.append((-value(thing), len(found), thing))  # others have their turn
    found.sort(key=lambda each: each[:2])
    rows: list[Row] = []
    async for _, _, thing in sliced(found[wanted.offset : wanted.offset + wanted.limit]):
        rows.append(row(thing, wanted.names))  # likewise
    return {
        "total": len(things),
        "offset": wanted.offset,
        "limit": wanted.limit,
        "sort": wanted.sort,
        what: rows,
    }
