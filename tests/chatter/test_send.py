"""chatter send: said and stored, or exit code 1 with the reason."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess

import pytest

from chatroom.chatter.failures import Failure
from chatroom.chatter.sending import LOOK_BACK, send
from chatroom.chatter.turns import NAME_SECONDS, in_turn
from chatroom.client import Chat, Room, connect
from tests.chatter.conftest import command, environment
from tests.launch.program import ran, started

TOO_LONG = "chatter: a message of more than 61440 bytes is too long; --lines sends each line\n"


@pytest.fixture
def room(server, chatter) -> str:
    return chatter("create", "--host", server).stdout.strip()


@pytest.fixture
def said(server, chatter, room):
    """What was said in the room, in order: (name, text)."""

    def read() -> list[tuple[str, str]]:
        lines = chatter("history", room, "--json", "--host", server).stdout.splitlines()
        entries = map(json.loads, lines)
        return [(entry["name"], entry["text"]) for entry in entries if entry["kind"] == "said"]

    return read


def test_words_are_one_message(server, chatter, room, said) -> None:
    """The words are joined by spaces and stored when chatter ends; it prints nothing."""
    ended = chatter("send", "--room", room, "--name", "ci", "it", "is  green", "--host", server)
    assert (0, "", "") == (ended.returncode, ended.stdout, ended.stderr)
    assert [("ci", "it is  green")] == said()


def test_room_and_name_may_stand_before_the_command(server, chatter, room, said) -> None:
    """The options of the program are those of the command; what stands after it wins."""
    before = ("--host", server, "--room", room, "--name", "ci", "--json")
    assert "one" == json.loads(chatter(*before, "send", "one").stdout)["text"]
    chatter(*before, "send", "--name", "Bob", "two")
    chatter("send", "three", CHATTER_HOST=server, CHATTER_ROOM=room, CHATTER_NAME="env")
    assert [("ci", "one"), ("Bob", "two"), ("env", "three")] == said()


def test_input_is_one_message(server, chatter, room, said) -> None:
    """Without words standard input is one message, without the line breaks at its end."""
    at = ("send", "--host", server, "--room", room, "--name", "ci")
    assert 0 == chatter(*at, say="two\r\nlines\n\n").returncode
    assert [("ci", "two\nlines")] == said()


def test_lines_are_messages(server, chatter, room, said) -> None:
    """With --lines each line is one; the refused one is told by its number, the others said."""
    at = ("send", "--host", server, "--room", room, "--name", "ci", "--lines", "--json")
    ended = chatter(*at, say="one\n\n\x1b[31m\n" + "x" * 70_000 + "\nlast")
    stored = [json.loads(line) for line in ended.stdout.splitlines()]
    assert 1 == ended.returncode
    assert ["one", "last"] == [entry["text"] for entry in stored]
    assert [("ci", "one"), ("ci", "last")] == said()
    third, fourth = sorted(ended.stderr.splitlines())  # the server answers when it does
    assert third.startswith("chatter: line 3: a message may not contain the control character")
    assert fourth == "chatter: line 4: a line of more than 61440 bytes was skipped"


def test_more_lines_than_are_let_through_at_once(server, chatter, room, said) -> None:
    """A rate that makes chatter wait loses nothing and changes no order."""
    at = ("send", "--host", server, "--room", room, "--name", "ci", "--lines")
    ended = chatter(*at, say="".join(f"{number}\n" for number in range(30)))
    assert (0, "") == (ended.returncode, ended.stderr)
    assert [("ci", str(number)) for number in range(30)] == said()


def test_json_is_the_entry_as_stored(server, chatter, room) -> None:
    """With --json the entry is printed with its sequence and its nonce."""
    at = ("--host", server, "--room", room, "--name", "ci", "--json", "--nonce", "build 7")
    stored = json.loads(chatter("send", *at, "grün").stdout)
    assert ("grün", "said", "build 7", 2) == (
        stored["text"], stored["kind"], stored["nonce"], stored["sequence"],
    )  # fmt: skip
    history = chatter("history", room, "--json", "--since", "2", "--until", "2", "--host", server)
    assert stored == json.loads(history.stdout)


def test_nonce_is_said_once(server, chatter, room, said) -> None:
    """A script that tries again under the same nonce gets the first entry; other names do not."""
    at = ("send", "--host", server, "--room", room, "--json", "--nonce", "n1")
    first, second = (chatter(*at, "--name", "ci", text) for text in ("text", "other text"))
    chatter(*at, "--name", "Bob", "text")
    assert (0, 0) == (first.returncode, second.returncode)
    assert first.stdout == second.stdout
    assert [("ci", "text"), ("Bob", "text")] == said()


def test_nonce_is_looked_for_among_the_newest_entries(server, chatter, room, said) -> None:
    """It is found under other entries, on a page before the newest one too."""
    at = ("send", "--host", server, "--room", room)
    chatter(*at, "--name", "ci", "--nonce", "n1", "first")
    chatter(*at, "--name", "Bob", "--lines", say="talk\n" * 20)
    chatter(*at, "--name", "ci", "--nonce", "n1", "again")
    assert 1 == [text for _, text in said()].count("first")
    assert "again" not in [text for _, text in said()]
    assert LOOK_BACK == 1000  # as --help says


def test_several_at_once_under_one_name_take_turns(server, room, said) -> None:
    """Each of them is stored, once, and none fails."""
    at = ("send", "--host", server, "--room", room, "--name", "ci")
    texts = [f"job {number}" for number in range(5)]
    jobs = [
        started(
            command(*at, *nonce, text),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        for text, nonce in zip(texts, [(), ("--nonce", "a"), (), ("--nonce", "b"), ()], strict=True)
    ]
    try:
        complaints = [job.communicate(timeout=60)[1] for job in jobs]
    finally:
        for job in jobs:
            job.kill()
    assert ([0] * 5, [b""] * 5) == ([job.returncode for job in jobs], complaints)
    assert [("ci", text) for text in texts] == sorted(said())


class Knocking:
    """A chat of which one sees how often somebody has tried to join."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.history = chat.history
        self.refused = asyncio.Event()
        self._knocks = 0

    def join(self, *terms: str, **more: int) -> Room:
        self._knocks += 1
        if self._knocks == 2:
            self.refused.set()
        return self._chat.join(*terms, **more)


def test_nonce_said_while_the_name_was_waited_for_is_found(server, room, said) -> None:
    """Whoever has the name says it meanwhile: the look is taken after entering."""

    async def scene() -> None:
        async with asyncio.timeout(60), connect(server) as chat, connect(server) as other:
            knocking = Knocking(other)
            async with chat.join(room, "ci") as holder:
                sending = asyncio.create_task(
                    send(knocking, room, "ci", "again", nonce="n1", as_json=False)
                )
                await knocking.refused.wait()
                await holder.send("first", nonce="n1")
            await sending

    asyncio.run(scene())
    assert [("ci", "first")] == said()


def test_name_that_stays_in_use_fails(server, room, said) -> None:
    """After as long as --help says, with the server's sentence; the other one stays."""

    async def scene() -> str:
        async with connect(server) as chat, chat.join(room, "ci") as holder:
            with pytest.raises(Failure) as refused:
                async with in_turn(chat, room, "ci", patience=0.05):
                    pytest.fail("two of one name in the room")
            await holder.send("still here")
        assert 3 == refused.value.exit_code
        return str(refused.value)

    sentence = "waited 0.05 s for the name: the name tag 'ci' is in use in this room; "
    assert f"{sentence}'ci 2' is free" == asyncio.run(scene())
    assert [("ci", "still here")] == said()
    assert NAME_SECONDS == 20  # as --help says


@pytest.mark.parametrize(
    ("arguments", "say", "sentence"),
    [
        (("bell \x07",), "", "chatter: a message may not contain the control character U+0007\n"),
        (("x" * 5000,), "", "chatter: a message may have 4096 bytes of text; this one has 5000\n"),
        ((), "\n \n", "chatter: there is nothing to say: the input is empty\n"),
        ((), "x" * 70_000, TOO_LONG),
    ],
)  # fmt: skip
def test_what_is_not_stored_fails(server, chatter, room, said, arguments, say, sentence) -> None:
    """Exit code 1, with the reason on standard error."""
    ended = chatter("send", "--host", server, "--room", room, "--name", "ci", *arguments, say=say)
    assert (1, "", sentence) == (ended.returncode, ended.stdout, ended.stderr)
    assert [] == said()


def test_unknown_room_fails(server, chatter) -> None:
    """The server's sentence is the message."""
    ended = chatter("send", "--host", server, "--room", "nowhere", "--name", "ci", "hi")
    assert (1, "chatter: there is no room nowhere\n") == (ended.returncode, ended.stderr)


def test_room_deleted_under_lines_fails(server, chatter, piped, present, room) -> None:
    """Who reads lines out is told that the room is gone, though nothing was to be said."""
    at = ("--host", server, "--room", room, "--name", "ci")
    with piped("send", *at, "--lines") as ci:
        present(server, room, "ci")
        chatter("delete", room, "--host", server)
        assert 1 == ci.end()
        assert ci.complaint().startswith(f"chatter: room {room} was closed")


def test_plain_server_takes_what_is_sent(plain_server, chatter, piped) -> None:
    """The original's server confirms nothing; the text arrives."""
    at = ("--host", plain_server)
    room = chatter("create", *at).stdout.strip()
    with piped("--room", room, "--name", "Bob", *at) as bob:
        bob.hear("Bob: Has joined the chat\n")
        assert 0 == chatter("send", *at, "--room", room, "--name", "ci", "hello").returncode
        bob.hear("ci: hello\n")


def test_input_that_cannot_be_read_is_told(server, chatter, tmp_path) -> None:
    """As one that is open for writing only."""
    room = chatter("create", "--host", server).stdout.strip()
    with (tmp_path / "written").open("wb") as written:
        ended = ran(
            command("send", "--host", server, "--room", room, "--name", "Bob"),
            stdin=written,
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
    expected = f"chatter: cannot read standard input: {os.strerror(errno.EBADF)}\n"
    assert (1, expected) == (ended.returncode, ended.stderr)
