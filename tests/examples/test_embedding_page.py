"""The code of docs/embedding.md does what the page says."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import chatroom.server.service  # noqa: F401 - a loop of a test may not wait for an import
from chatroom.client import ChatError, connect
from chatroom.server.access.key_file import KeyFile
from chatroom.server.access.keys import Algorithm
from chatroom.server.access.new_keys import new_key
from tests.client.servers import OURS, running
from tests.interop.programs import ROOT

PAGE = (ROOT / "docs" / "embedding.md").read_text()
BLOCKS = [
    textwrap.dedent(each)
    for each in re.findall(r"^ *```python\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
]


async def run(code: str) -> dict[str, Any]:
    """Run a block of the page in the working directory; what it has named."""
    names: dict[str, Any] = {}
    compiled = compile(code, "embedding.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(compiled, names)
    if inspect.isawaitable(running):
        await running
    return names


def test_a_token_that_the_page_makes_lets_one_person_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it: with the key that the page's command makes, under the one name, in the one room;
    the server has the public key alone."""
    monkeypatch.chdir(tmp_path)
    made = new_key(Path("keys.toml"), "shop", Algorithm.EDDSA)
    public = tmp_path / "public.toml"
    public.touch(0o600)
    public.write_text(
        f'[keys.shop]\nalgorithm = "EdDSA"\npublic_key = """\n{made.public.strip()}\n"""\n'
    )
    assert KeyFile(public).read().keys["shop"].signing is None
    token = asyncio.run(run(BLOCKS[0]))["token"]

    async def scene(address: str) -> None:
        async with asyncio.timeout(60), connect(address, token=token) as chat:
            async with chat.join("orders", name="Ann") as room:
                assert "hello" == (await room.send("hello")).text
            for room_id, name, reason in (
                ("orders", "Bob", "NAME_FIXED"),
                ("lobby", "Ann", "GRANT_MISSING"),
            ):
                with pytest.raises(ChatError) as refused:
                    async with chat.join(room_id, name=name):
                        pass
                assert reason == refused.value.reason

    command = [*OURS, "--room", "orders", "--room", "lobby", "--keys", str(public)]
    with running(command) as address:
        asyncio.run(scene(address))


def test_the_server_in_the_program_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same process: it prints what the page says, and what is said there is kept."""
    monkeypatch.chdir(tmp_path)
    talking = textwrap.indent(
        "from chatroom.client import connect\n"
        "async with connect(service.addresses[0]) as chat:\n"
        "    async with chat.join('orders', name='Ann') as room:\n"
        "        await room.send('kept')\n",
        "    ",
    )
    asyncio.run(run(BLOCKS[1] + talking))
    prints = re.search(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert prints is not None
    assert prints[1] == capsys.readouterr().out

    async def again() -> list[str]:
        looking = BLOCKS[1].replace('print(len(service.addresses), "address")', "told = service")
        looking += textwrap.indent(
            "from chatroom.client import connect\n"
            "async with connect(service.addresses[0]) as chat:\n"
            "    page = await chat.history('orders')\n",
            "    ",
        )
        return [message.text for message in (await run(looking))["page"].messages]

    assert "kept" in asyncio.run(again())
