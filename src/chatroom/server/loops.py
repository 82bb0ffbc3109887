"""Which event loop a server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

LoopName = Literal["auto", "uvloop", "asyncio"]


class LoopMissing(Exception):
    """The event loop that was asked for is not installed."""


def loop_factory(name: LoopName) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes a loop; "auto": uvloop's where it is installed. Raises LoopMissing."""
    if name != "asyncio":
        try:
            import uvloop  # not on every system
        except ImportError:
            if name == "uvloop":
                raise LoopMissing("uvloop is not installed here") from None
        else:
            factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
            return factory
    return asyncio.new_event_loop
