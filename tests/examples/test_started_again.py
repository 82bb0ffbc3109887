"""Every example started again, its ghost killed, and told to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from chatroom.client import Kind, Room, connect
from tests.client.servers import running
from tests.launch.quick_server import QUICK

from .programs import arrival, command

BOTS = {
    "echo_bot": ("echo", ()),
    "bridge": ("bridge", ("--to-room", "annex")),
    "moderation_bot": ("moderator", ("--word", "heck")),
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """It keeps the place of a lost member for 1.5 s."""
    rooms = ("--room", "lobby", "--room", "annex")
    with running(["-m", *QUICK, "--bind", "127.0.0.1:0", "--in-memory", *rooms]) as address:
        yield address


async def departure(room: Room, name: str) -> str:
    """How somebody goes."""
    async for message in room:
        if message.kind is Kind.LEFT and message.event.name == name:
            return message.event.reason
    raise AssertionError(f"{name} stays")


@pytest.mark.parametrize("bot", BOTS)
def test_it_waits_for_its_ghost_and_leaves_none(server: str, bot: str) -> None:
    """It says that it waits for its name, and comes; after SIGTERM the others see it leave.

    It is there before the other one is killed: how long a program takes to start decides nothing.
    """
    name, options = BOTS[bot]
    arguments = command(bot, "--host", server, *options)

    async def started() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("lobby", name="Bob") as bob,
        ):
            killed = await started()
            await arrival(bob, name)
            again = await started()
            try:
                assert again.stderr is not None
                told = (await again.stderr.readline()).decode()
                sentence = f"the name tag '{name}' is in use in this room; '{name} 2' is free"
                assert f"{sentence}; waiting for it\n" == told
                killed.kill()
                await killed.communicate()
                assert "lost" == await departure(bob, name)
                await arrival(bob, name)
                again.terminate()
                assert "quit" == await departure(bob, name)
                _, stderr = await again.communicate()
                assert (0, False) == (again.returncode, b"Traceback" in stderr)
            finally:
                if again.returncode is None:
                    again.kill()
                    await again.wait()

    asyncio.run(scene())
