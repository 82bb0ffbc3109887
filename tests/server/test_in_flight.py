"""What stopping waits for."""

from __future__ import annotations

import asyncio

from chatroom.server.port.in_flight import InFlight


def test_waiting_lasts_until_the_last_call_is_over() -> None:
    """Of the paths that count; others may go on."""

    async def scene() -> None:
        calls = InFlight(["/talk"])
        await calls.none()
        for path in ("/talk", "/watch", "/talk"):
            calls.begin(path)
        waiting = asyncio.create_task(calls.none())
        calls.end("/talk")
        await asyncio.sleep(0)
        assert not waiting.done()
        calls.end("/talk")
        await waiting
        calls.end("/watch")
        await calls.none()

    asyncio.run(scene())
