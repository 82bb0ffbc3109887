"""Event loops to run a test in: the one that the program uses, and asyncio's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

SECONDS = 30.0
"""How long anything may take; it never decides a test that passes."""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run(scene: Coroutine[Any, Any, Any], loop: str = "asyncio") -> Any:
    """Run a scene to its end."""

    async def bounded() -> Any:
        async with asyncio.timeout(SECONDS):
            return await scene

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(bounded())
