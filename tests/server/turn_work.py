"""What a server does between two turns of its loop, counted by the interpreter.

Nothing in the server counts for it: every call of a function of ours is seen by
`sys.setprofile`, and every `bytes` that one returns.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import chatroom

OURS = str(Path(chatroom.__file__).parent)


class Work:
    """The most of everything in one turn of the loop."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """Calls of each function, by its qualified name."""
        self.bytes = 0
        """Returned by functions of ours; a result that is passed on counts once."""
        self._now: Counter[str] = Counter()
        self._made: dict[int, bytes] = {}

    def profile(self, frame: FrameType, event: str, result: Any) -> None:
        code = frame.f_code
        if not code.co_filename.startswith(OURS):
            return
        if event == "call":
            self._now[code.co_qualname] += 1
        elif event == "return" and isinstance(result, bytes):
            self._made[id(result)] = result

    def turned(self) -> None:
        """A turn is over."""
        self.calls |= self._now
        self.bytes = max(self.bytes, sum(map(len, self._made.values())))
        self._now.clear()
        self._made.clear()


class _Selector(selectors.DefaultSelector):
    work: Work | None = None

    def select(self, timeout: float | None = None) -> Any:
        if self.work is not None:
            self.work.turned()
        return super().select(timeout)


class Counting:
    """An event loop for one scene after another, each with a count of its own."""

    def __init__(self) -> None:
        self._selector = _Selector()
        self.runner = asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(self._selector))

    def run(self, scene: Coroutine[Any, Any, None], work: Work) -> None:
        """Run a scene; `Work.profile` is to be set where counting is to begin."""
        self._selector.work = work
        try:
            self.runner.run(scene)
        finally:
            sys.setprofile(None)
            self._selector.work = None


def counted(scene: Coroutine[Any, Any, None], work: Work) -> None:
    """The same, in a loop of its own."""
    counting = Counting()
    with counting.runner:
        counting.run(scene, work)
