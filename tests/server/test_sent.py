"""When a message was said, beside a clock that jumps."""

from __future__ import annotations

import asyncio

from chatroom.core.clock import NS
from chatroom.journal.memory import MemoryJournal
from tests.carriers import run
from tests.core.clocks import HOUR, Clocks
from tests.server.listeners import Listener, lobby


def test_what_is_said_after_a_short_jump_has_the_right_time() -> None:
    """Before, `sent` stayed an hour ahead until the clock had caught up."""
    clocks = Clocks()

    async def scene() -> None:
        journal = MemoryJournal()
        async with lobby(journal, clock=clocks.wall, monotonic=clocks.monotonic) as hub:
            alice = await Listener(hub, "Alice").open()
            bob = await Listener(hub, "Bob").open()
            clocks.elapsed, clocks.wrong = NS, HOUR
            alice.say("while it is wrong")
            assert clocks.right == (await bob.said()).sent.ToNanoseconds()
            clocks.elapsed, clocks.wrong = 3 * NS, 0
            alice.say("when it is right")
            assert clocks.right == (await bob.said()).sent.ToNanoseconds()
            await asyncio.gather(alice.close(), bob.close())

    run(scene())
