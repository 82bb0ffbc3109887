"""The rota: whose turn it is to use the loop, so that no connection waits behind another's calls.

A hundred requests of one connection that each want 50 ms would hold everybody up for 5 s, and
cut into slices they still would, if all hundred had a slice in each turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial

from .asgi import Application, Receive, Scope, Send

AT_ONCE = 32
"""Pieces of work in one turn of the loop, of which each takes about a tenth of a millisecond.
With 4 a storm of joins took a third longer: what comes in one turn is one batch, and smaller
batches are more writes."""
CALL = 4
"""So many pieces is one that an ASGI application does: to begin a call, or a slice of a long
answer. It takes three to five tenths of a millisecond, since libraries read the request, make
the answer, and its head."""

Turn = Callable[[], Awaitable[None]]
"""Awaits one's next turn."""


class Rota:
    """Calls that wait to begin or to go on, by connection; connections take turns.

    A piece of work is what a call does between two turns of its own: beginning, a slice of a
    long answer, sending one.
    """

    __slots__ = ("_left", "_loop", "_scheduled", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[object, deque[tuple[Callable[[], bool], int]]] = {}
        """In the order in which connections have their turn; what is done then, in pieces."""
        self._left = AT_ONCE
        """Of this turn of the loop; below 0 where the last one was too large."""
        self._scheduled = False

    async def turn(self, connection: object, pieces: int = 1) -> None:
        """Return when it is the connection's turn; at once while nobody waits.

        What is done then takes as long as so many pieces.
        """
        if self._at_once(pieces):
            return
        waiting = self._loop.create_future()
        self._line_up(connection, partial(_wake, waiting), pieces)
        await waiting

    def call(self, connection: object, work: Callable[[], object], pieces: int = 1) -> bool:
        """Call `work` when it is the connection's turn; at once (True) while nobody waits."""
        if self._at_once(pieces):
            work()
            return True
        self._line_up(connection, partial(self._begin, work), pieces)
        return False

    def of(self, connection: object, pieces: int = 1) -> Turn:
        """`turn`, for one connection."""
        return partial(self.turn, connection, pieces)

    def _at_once(self, pieces: int) -> bool:
        """Whether it is one's turn now; then it is taken."""
        if self._left <= 0 or self._waiting:
            return False
        self._left -= pieces
        self._schedule()
        return True

    def _line_up(self, connection: object, go: Callable[[], bool], pieces: int) -> None:
        """`go` is called when it is its turn; it says whether there is anything to be done."""
        self._waiting.setdefault(connection, deque()).append((go, pieces))
        self._schedule()

    def _begin(self, work: Callable[[], object]) -> bool:
        self._loop.call_soon(work)  # whatever it raises stops nobody else
        return True

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Another turn of the loop: let the next ones go on."""
        self._scheduled = False
        self._left = AT_ONCE
        while self._left > 0 and self._waiting:
            connection = next(iter(self._waiting))
            line = self._waiting.pop(connection)
            go, pieces = line.popleft()
            if line:
                self._waiting[connection] = line  # behind the others
            if go():
                self._left -= pieces
        if self._waiting or self._left < AT_ONCE:
            self._schedule()


def _wake(waiting: asyncio.Future[None]) -> bool:
    if waiting.done():  # cancelled
        return False
    waiting.set_result(None)
    return True


def by_turns(application: Application, rota: Rota) -> Application:
    """An application whose requests take turns, each for itself: for connections with one."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        turn = rota.of(object(), CALL)
        begin_turns(turn)
        await turn()
        await application(scope, receive, send)

    return serve


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


def begin_turns(turn: Turn) -> None:
    """Say by whose turns this task works."""
    _turn.set(turn)


async def next_turn() -> None:
    """Let others have their turn; to be awaited between two pieces of work."""
    turn = _turn.get()
    if turn is None:
        await asyncio.sleep(0)
    else:
        await turn()
