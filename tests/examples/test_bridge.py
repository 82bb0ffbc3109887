"""examples/bridge.py, between two rooms of one server and of two."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.client import Chat, Room, connect
from tests.client.servers import OURS, Restartable, running

from .programs import all_said, arrival, example, failed, until


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--room", "a", "--room", "b", "--room", "c"]) as address:
        yield address


def test_what_is_said_in_either_room_is_said_in_the_other(server: str) -> None:
    """With who said it; its own messages do not come back."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("a", name="Alice") as alice,
            chat.join("b", name="Bob") as bob,
        ):
            await alice.send("too early")
            async with example("bridge", "--host", server, "--room", "a", "--to-room", "b"):
                await arrival(alice, "bridge")
                await arrival(bob, "bridge")
                await alice.send("hello there")
                await until(bob, "<Alice> hello there")
                await bob.send("hello yourself")
                await until(alice, "<Bob> hello yourself")
                await alice.send("x" * 4096)  # too long with a name before it
                await alice.send("bye")
                await until(bob, "<Alice> bye")
            in_a, in_b = await all_said(chat, "a"), await all_said(chat, "b")
            assert [("bridge", "<Bob> hello yourself")] == [m for m in in_a if m[0] != "Alice"]
            assert [("bridge", "<Alice> hello there"), ("bridge", "<Alice> bye")] == [
                m for m in in_b if m[0] != "Bob"
            ]

    asyncio.run(scene())


def test_a_ring_of_bridges_ends(server: str) -> None:
    """A message crosses one bridge, and does not go round."""

    async def scene() -> None:
        async with (
            asyncio.timeout(60),
            connect(server) as chat,
            chat.join("a", name="Al") as al,
            chat.join("b", name="Bo") as bo,
            chat.join("c", name="Cy") as cy,
            example("bridge", "--host", server, "--room", "a", "--to-room", "b", "--name", "ab"),
            example("bridge", "--host", server, "--room", "b", "--to-room", "c", "--name", "bc"),
            example("bridge", "--host", server, "--room", "c", "--to-room", "a", "--name", "ca"),
        ):
            for room, names in ((al, ("ab", "ca")), (bo, ("ab", "bc")), (cy, ("bc", "ca"))):
                for name in names:
                    await arrival(room, name)
            await al.send("round?")
            await until(bo, "<Al> round?")
            await until(cy, "<Al> round?")
            # What would go on would have been said before these.
            await bo.send("from b")
            await until(al, "<Bo> from b")
            await until(cy, "<Bo> from b")
            await cy.send("from c")
            await until(al, "<Cy> from c")
            await until(bo, "<Cy> from c")
            for room_id in "abc":
                said = await all_said(chat, room_id)
                assert 1 == len([text for _, text in said if text.endswith("round?")])

    asyncio.run(scene())


@pytest.mark.parametrize("restarts", ["source", "target"])
def test_a_restarted_server_costs_nothing(tmp_path: Path, restarts: str) -> None:
    """Either may be killed under it: nothing is lost, doubled or out of order."""
    servers = {
        name: Restartable("--data", str(tmp_path / name), "--room", "lobby", "--message-rate", "0")
        for name in ("source", "target")
    }
    said = [f"message {number}" for number in range(60)]

    async def speak(alice: Room, halfway: asyncio.Event) -> None:
        for number, text in enumerate(said):
            if number == len(said) // 2:
                halfway.set()
            await alice.send(text)

    async def scene(source: Chat, target: Chat) -> None:
        halfway = asyncio.Event()
        async with (
            source.join("lobby", name="Alice") as alice,
            target.join("lobby", name="Bob") as bob,
            example(
                "bridge", "--host", servers["source"].address, "--room", "lobby",
                "--to-host", servers["target"].address, "--to-room", "lobby",
            ),
        ):  # fmt: skip
            await arrival(alice, "bridge")
            await arrival(bob, "bridge")
            speaking = asyncio.create_task(speak(alice, halfway))
            await halfway.wait()
            await asyncio.to_thread(servers[restarts].kill)
            await asyncio.to_thread(servers[restarts].start)
            await speaking
            await until(bob, f"<Alice> {said[-1]}")
            assert [("bridge", f"<Alice> {text}") for text in said] == await all_said(
                target, "lobby"
            )

    async def stage() -> None:
        for server in servers.values():
            server.start()
        try:
            async with (
                asyncio.timeout(120),
                connect(servers["source"].address) as source,
                connect(servers["target"].address) as target,
            ):
                await scene(source, target)
        finally:
            for server in servers.values():
                server.kill()

    asyncio.run(stage())


def test_a_room_that_closes_ends_it(server: str) -> None:
    """With a sentence, and it leaves the other room."""

    async def scene() -> None:
        async with asyncio.timeout(60), connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with (
                chat.join("a", name="Alice") as alice,
                chat.join(room_id, name="Bob") as bob,
                example("bridge", "--host", server, "--room", "a", "--to-room", room_id) as bridge,
            ):
                await arrival(alice, "bridge")
                await arrival(bob, "bridge")
                await chat.delete_room(room_id, reason="moved")
                _, stderr = await bridge.communicate()
                assert f"bridge: room {room_id} was closed: moved\n" == stderr.decode()
                assert 1 == bridge.returncode
                await until(alice, "Has left the chat")

    asyncio.run(scene())


def test_a_room_that_is_not_there_is_said(server: str) -> None:
    assert (1, "bridge: there is no room nowhere\n") == failed(
        "bridge", "--host", server, "--room", "a", "--to-room", "nowhere"
    )
