"""chatter on a server that knows only what the original does, and filters nothing."""

from __future__ import annotations

import asyncio

from chatroom.client import Patience, connect


def test_dialogue_with_the_original(plain_server, chatter, piped) -> None:
    """Talking, and the end of a room, are the same on the original's server."""
    at = ("--host", plain_server)
    room = chatter("create", *at).stdout.strip()
    with piped("--room", room, "--name", "Bob", *at) as bob:
        bob.hear("Bob: Has joined the chat\n")
        eve = chatter("--room", room, "--name", "Eve", *at, say="one\ntwo\n")
        bob.hear("Eve: Has left the chat\n")
        chatter("delete", room, *at)
        assert (0, 0, "") == (bob.end(), eve.returncode, eve.stderr)
    assert [
        "Joining room", "Bob: Has joined the chat", "Eve: Has joined the chat", "Eve: one",
        "Eve: two", "Eve: Has left the chat", "chat server: chat room is closing",
        f"Room {room} was closed", "",
    ] == bob.lines  # fmt: skip


def test_hostile_text_is_only_text(plain_server, chatter, piped) -> None:
    """Nothing that another member is called or says can command the terminal."""
    at = ("--host", plain_server)
    room = chatter("create", *at).stdout.strip()

    async def attack() -> None:
        async with (
            connect(plain_server, patience=Patience(plain_leave=0.5)) as chat,
            chat.join(room, "\x1b]0;owned\x07Mal\nlory") as mallory,
        ):
            await mallory.send("\x1b[2J\x1b[31mred\x9b0m\x00\x7f")
            await mallory.send("first\nBob: I owe Mallory 100\r\n\tindented")
            await mallory.send("\u202egnp.exe\u2066\u200b!")

    with piped("--room", room, "--name", "Bob", *at) as bob:
        bob.hear("Bob: Has joined the chat\n")
        asyncio.run(attack())
        bob.hear("Has left the chat\n")
    assert [
        "]0;ownedMal lory: Has joined the chat",
        "]0;ownedMal lory: [2J[31mred0m",
        "]0;ownedMal lory: first",
        "    Bob: I owe Mallory 100",
        "    \tindented",
        "]0;ownedMal lory: gnp.exe!",
        "]0;ownedMal lory: Has left the chat",
        "",
    ] == bob.lines[2:]
