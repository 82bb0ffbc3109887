"""The code of docs/library.md does what the page says."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatroom.client import Banned, Chat, Removed, Room, connect

from .certificates import authority, signed
from .recovering import rest, until
from .servers import OURS, Restartable, running

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "library.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r'"(localhost|127\.0\.0\.1):\d+"')


@dataclass(frozen=True)
class Block:
    """Code of the page, and what the page says that it prints."""

    code: str
    prints: str

    async def run(self, address: str, show: Callable[..., None] = print) -> None:
        """Run it with the server at this address in place of the page's; `show` prints."""
        code = ADDRESS.sub(repr(address), self.code)
        compiled = compile(code, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(compiled, {"print": show})
        assert inspect.isawaitable(running)
        await running


def blocks() -> dict[str, Block]:
    """Every block, by its heading and its number below that."""
    parts = re.split(r"^##? (.*)\n", GUIDE.read_text(), flags=re.MULTILINE)[1:]
    return {
        f"{heading} {number}": Block(*found)
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
        for number, found in enumerate(BLOCK.findall(text), 1)
    }


BLOCKS = blocks()
ALONE = ("Say 1", "Say 2", "Keep a room in order 2", "Cancelling and timeouts 1", "Bounds 1")
"""Those that need nobody else; each of the others has a test of its own."""
DRIVEN = {
    "The client library 1", "The client library 2", "Connect 1", "Join and listen 1",
    "History and rooms 1", "History and rooms 2", "Keep a room in order 1",
    "When something goes wrong 1", "When the connection is lost 1",
}  # fmt: skip


def play(address: str, scene: Callable[[Chat], Awaitable[None]]) -> None:
    async def stage() -> None:
        async with asyncio.timeout(60), connect(address) as chat:
            await scene(chat)

    asyncio.run(stage())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A new one with a lobby, whose admin token is the page's."""
    token = tmp_path / "token"
    token.write_text("se-cret")
    token.chmod(0o600)
    with running([*OURS, "--room", "lobby", "--admin-token-file", str(token)]) as address:
        yield address


@contextlib.asynccontextmanager
async def under_way(
    name: str, address: str, alice: Room, member: str
) -> AsyncIterator[asyncio.Queue[str]]:
    """What a block prints that goes on until cancelled, once its member is in Alice's room."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(BLOCKS[name].run(address, lines.put_nowait))
    task.add_done_callback(lambda _: lines.put_nowait("(the block has ended)"))
    try:
        while member not in [each.name for each in alice.members or ()]:
            await anext(alice)
        yield lines
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait({task})


def test_every_block_is_run_here() -> None:
    """The tests below name them all."""
    assert set(BLOCKS) == {*DRIVEN, *ALONE}


@pytest.mark.parametrize("name", ALONE)
def test_what_it_prints_is_on_the_page(
    name: str, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the blocks that need nobody else."""

    async def scene(_: Chat) -> None:
        await BLOCKS[name].run(server)

    play(server, scene)
    assert BLOCKS[name].prints == capsys.readouterr().out


def test_the_first_program_answers(server: str) -> None:
    """Ten lines are a bot."""

    async def scene(chat: Chat) -> None:
        async with (
            chat.join("lobby", name="Alice") as alice,
            under_way("The client library 1", server, alice, "bot"),
        ):
            await alice.send("good morning")
            await until(alice, "Alice said good morning")

    play(server, scene)


def test_a_name_in_use_is_tried_again(server: str) -> None:
    """As by a bot that was started again before the place of its last life was given up."""

    async def scene(chat: Chat) -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        async with chat.join("lobby", name="Alice") as alice:
            async with chat.join("lobby", name="bot"):
                block = BLOCKS["The client library 2"].run(server, lines.put_nowait)
                trying = asyncio.create_task(block)
                assert "the name tag 'bot' is in use" in str(await lines.get())
            await until(alice, "here again")
            await trying

    play(server, scene)


def test_files_of_ones_own_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a server that asks for a certificate, and has one for another name."""
    ca = authority(tmp_path, "ca")
    localhost = signed(tmp_path, ca, "localhost")
    signed(tmp_path, ca, "bot")
    monkeypatch.chdir(tmp_path)
    files = (
        "--tls-cert", str(localhost.certificate), "--tls-key", str(localhost.key),
        "--client-ca", str(ca.certificate),
    )  # fmt: skip
    with running([*OURS, "--room", "lobby", *files]) as address:
        asyncio.run(BLOCKS["Connect 1"].run(address))
    assert "['lobby']\n" == capsys.readouterr().out


def test_what_was_said_and_who_left_is_printed(server: str) -> None:
    """And nothing that was said before."""

    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Alice") as alice:
            await alice.send("too early")
            async with under_way("Join and listen 1", server, alice, "Bob") as lines:
                await alice.send("hello")
                async with chat.join("lobby", name="Carol"):
                    pass
                assert "Alice: hello" == await lines.get()
                assert "Carol left (quit)" == await lines.get()

    play(server, scene)


def test_history_is_printed_to_its_end(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Alice") as alice:
            await alice.send("good morning")
            await alice.send("is anybody there?")
        await BLOCKS["History and rooms 1"].run(server)

    play(server, scene)
    assert BLOCKS["History and rooms 1"].prints == capsys.readouterr().out


def test_an_admin_has_the_token(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Alice"):
            async with chat.join("lobby", name="Mallory") as mallory:
                await BLOCKS["History and rooms 2"].run(server)
                _, failure = await rest(mallory)
            assert isinstance(failure, Removed)
            assert "spam" in str(failure)
        assert ["lobby"] == [room.room_id for room in await chat.rooms()]

    play(server, scene)
    assert BLOCKS["History and rooms 2"].prints == capsys.readouterr().out


def test_a_room_is_kept_in_order(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Mallory is muted, loses what it said, and is sent out until it is let in again."""

    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Mallory") as mallory:
            said = await mallory.send("buy this")
            await BLOCKS["Keep a room in order 1"].run(server)
            _, failure = await rest(mallory)
            assert isinstance(failure, Banned)
        page = await chat.history("lobby", after=said.sequence - 1, page_size=1)
        assert [True] == [message.withdrawn for message in page.messages]

    play(server, scene)
    assert BLOCKS["Keep a room in order 1"].prints == capsys.readouterr().out


def test_a_free_name_is_taken(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Alice"):
            await BLOCKS["When something goes wrong 1"].run(server)

    play(server, scene)
    assert BLOCKS["When something goes wrong 1"].prints == capsys.readouterr().out


def test_a_lost_connection_is_only_told_of(tmp_path: Path) -> None:
    """Here the server is stopped and started again."""
    restarted = Restartable("--data", str(tmp_path), "--room", "lobby")
    restarted.start()

    async def scene(chat: Chat) -> None:
        async with chat.join("lobby", name="Alice") as alice:
            name = "When the connection is lost 1"
            async with under_way(name, restarted.address, alice, "Bob") as lines:
                await alice.send("before")
                assert "Alice: before" == await lines.get()
                await asyncio.to_thread(restarted.kill)
                await asyncio.to_thread(restarted.start)
                await alice.send("after")
                assert re.fullmatch(r"\(.*; reconnecting\)", await lines.get())
                assert "(connected again)" == await lines.get()
                assert "Alice: after" == await lines.get()

    try:
        play(restarted.address, scene)
    finally:
        restarted.kill()
