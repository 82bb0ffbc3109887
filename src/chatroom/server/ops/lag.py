"""The event loop's lag: by how much it is later than it was asked to be."""

from __future__ import annotations

import asyncio

from chatroom.server.counters import Histogram

LOOK_SECONDS = 0.1
"""From one look to the next: a turn of the loop that takes longer is seen for certain."""
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """Measures as long as it runs."""

    def __init__(self) -> None:
        self.seconds = Histogram(BOUNDS)

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.seconds.note(max(loop.time() - due, 0.0))
