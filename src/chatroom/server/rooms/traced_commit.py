"""The commit loop where somebody traces: a turn knows for which calls it stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chatroom.core.room import Room
from chatroom.journal import Append
from chatroom.server.traces import Traces

from .commit import CommitLoop

MOST_CALLS = 128
"""Of one room in one turn, that are remembered."""


class TracedCommitLoop(CommitLoop):
    """As it is, with an eye on who drafts, and on each append."""

    def __init__(self, traces: Traces, *what: Any, **settings: Any) -> None:
        """The rest is as a CommitLoop has it."""
        super().__init__(*what, **settings)
        self._traces = traces
        self._calls: dict[Room, dict[int, Any]] = {}
        """Those that have drafted something in a room, which is not being stored yet."""

    def touch(self, room: Room, size: int = 0) -> None:
        call = self._traces.calling()
        if call is not None:
            calls = self._calls.setdefault(room, {})
            if len(calls) < MOST_CALLS:
                calls[call[0]] = call[1]
        super().touch(room, size)

    async def _store_by(
        self, rooms: list[Room], append: Callable[[Sequence[Append]], Awaitable[None]]
    ) -> list[Room]:
        drafted = {room: self._calls.pop(room) for room in rooms if room in self._calls}
        calls = {number: call for each in drafted.values() for number, call in each.items()}

        async def traced(appends: Sequence[Append]) -> None:
            entries = sum(len(each.entries) for each in appends)
            with self._traces.storing(calls.values(), rooms=len(appends), entries=entries):
                await append(appends)

        try:
            return await super()._store_by(rooms, traced)
        except Exception:  # the drafts were put back
            for room, before in drafted.items():
                self._calls[room] = before | self._calls.get(room, {})
            raise
