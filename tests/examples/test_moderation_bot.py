"""examples/moderation_bot.py, provoked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.client import Kind, Removed, connect
from tests.client.servers import OURS, running

from .programs import arrival, example, failed, until


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("admin") / "token"
    path.write_text("se-cret\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def server(token: Path) -> Iterator[str]:
    """A server on which only admins may remove members."""
    with running([*OURS, "--room", "lobby", "--admin-token-file", str(token)]) as address:
        yield address


WARNING = "Bob: please do not say that; next time you are removed"


def test_it_warns_and_then_removes(server: str, token: Path) -> None:
    """Whole words in any case; who was removed is warned again when they come back."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("lobby", name="Alice") as alice,
            example(
                "moderation_bot", "--host", server, "--word", "heck", "--word", "drat",
                "--token-file", str(token),
            ),
        ):  # fmt: skip
            await arrival(alice, "moderator")
            bob = await chat.join("lobby", name="Bob").__aenter__()
            await bob.send("checkered")
            await bob.send("what the Heck?")
            assert "moderator" == (await until(bob, WARNING)).name
            await bob.send("DRAT!")
            with pytest.raises(Removed, match="said 'DRAT' again"):
                await until(bob, "never said")
            await bob.__aexit__(None, None, None)
            left = await until(alice, "Has left the chat")
            assert ("Bob", "removed") == (left.event.name, left.event.reason)
            async with chat.join("lobby", name="Bob", history=0) as bob:  # else it reads the first
                await bob.send("heck")
                await until(bob, WARNING)
            warnings = [m for m in (await chat.history("lobby")).messages if m.text == WARNING]
            assert [Kind.SAID] * 2 == [message.kind for message in warnings]

    asyncio.run(scene())


def test_without_the_token_it_says_so_and_ends(server: str) -> None:
    """When it would have removed somebody."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("lobby", name="Bob") as bob,
            example("moderation_bot", "--host", server, "--word", "heck") as bot,
        ):
            await arrival(bob, "moderator")
            await bob.send("heck")
            await until(bob, WARNING)
            await bob.send("heck")
            _, stderr = await bot.communicate()
            assert stderr.decode().startswith("moderation_bot: this needs the grant 'moderate'")
            assert 1 == bot.returncode

    asyncio.run(scene())


def test_a_token_file_that_is_not_there_is_said(server: str, tmp_path: Path) -> None:
    code, stderr = failed(
        "moderation_bot", "--host", server, "--word", "x", "--token-file", str(tmp_path / "none")
    )
    assert (1, 1) == (code, stderr.count("\n"))
    assert "No such file" in stderr
