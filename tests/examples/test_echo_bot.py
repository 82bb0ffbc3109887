"""examples/echo_bot.py, talked to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from chatroom.client import Kind, connect
from tests.client.servers import OURS, running

from .programs import arrival, example, failed, until


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--room", "lobby"]) as address:
        yield address


def test_it_repeats_what_is_said_to_it(server: str) -> None:
    """And nothing else; it leaves when interrupted."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("lobby", name="Bob") as bob,
        ):
            await bob.send("echo: too early")
            async with example("echo_bot", "--host", server):
                await arrival(bob, "echo")
                await bob.send("is anybody there?")
                await bob.send("echo: " + "x" * 4090)  # the answer would be too long
                await bob.send("echo: hello")
                heard = []
                async for message in bob:
                    heard.append(message)
                    if message.text == 'Bob said "hello"':
                        break
                assert ["echo"] == [m.name for m in heard if m.kind is Kind.SAID]
            left = await until(bob, "Has left the chat")
            assert ("echo", "quit") == (left.event.name, left.event.reason)

    asyncio.run(scene())


def test_two_of_them_do_not_talk_for_ever(server: str) -> None:
    """One asked to address the other is not answered by it."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("lobby", name="Bob") as bob,
            example("echo_bot", "--host", server, "--name", "one"),
            example("echo_bot", "--host", server, "--name", "two"),
        ):
            await arrival(bob, "one")
            await arrival(bob, "two")
            await bob.send("one: two: hello")
            await until(bob, 'Bob said "two: hello"')
            await bob.send("two: your turn")
            answer = await anext(bob)
            assert ("two", 'Bob said "your turn"') == (answer.name, answer.text)

    asyncio.run(scene())


def test_what_goes_wrong_is_one_sentence(server: str) -> None:
    """Not a traceback."""
    assert (1, "echo_bot: there is no room nowhere\n") == failed(
        "echo_bot", "--host", server, "--room", "nowhere"
    )
    code, stderr = failed("echo_bot", "--host", "not an address")
    assert (1, 1) == (code, stderr.count("\n"))
    assert "write it as HOST:PORT" in stderr
