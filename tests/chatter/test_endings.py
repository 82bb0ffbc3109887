"""How chatter ends: interrupts, lost servers, closed pipes, odd input."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chatroom.chatter.cli import run
from tests.launch.program import ran, started


@pytest.fixture
def room(server, chatter) -> tuple[str, ...]:
    """The options that lead to a new room."""
    return ("--host", server, "--room", chatter("create", "--host", server).stdout.strip())


def test_interrupt_ends_with_130_and_leaves(room, piped) -> None:
    """Ctrl-C ends with 130, without a traceback, and the others see the member leave."""
    with piped(*room, "--name", "Alice") as alice, piped(*room, "--name", "Bob") as bob:
        alice.say("Hello\n")
        bob.hear("Alice: Hello\n")
        bob.interrupt()
        assert 130 == bob.end()
        assert b"" == bob.process.stderr.read().strip()
        alice.hear("Bob: Has left the chat\n")


def test_interrupt_of_a_question_ends_with_130(server, piped) -> None:
    """Ctrl-C at a question ends with 130 as well."""
    with piped("--host", server) as bob:
        bob.hear("Pick a room: ")
        bob.interrupt()
        assert 130 == bob.end()
        assert b"" == bob.process.stderr.read().strip()


def test_unreachable_server_is_told(chatter) -> None:
    """Nobody listening is a sentence with advice on standard error, and exit code 1."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        ended = [chatter("--host", address), chatter("list", CHATTER_HOST=address)]
    expected = (
        f"chatter: cannot reach {address}: connection refused (is the server running? "
        "start one with chatserver, or name it with --host)\n"
    )
    assert [(1, "", expected)] * 2 == [(e.returncode, e.stdout, e.stderr) for e in ended]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            "http://localhost:8080",
            "'http://localhost:8080' is not a server address; write it as HOST:PORT",
        ),
        ("localhost:99999", "'99999' is not a port; a port is a number from 1 to 65535"),
    ],
)
def test_bad_address_is_told(chatter, address, sentence) -> None:
    """What cannot be an address is told with how to write one."""
    ended = chatter("list", "--host", address)
    assert (1, f"chatter: {sentence}\n") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nonsense",),
        ("nonsense",),
        ("--private",),
        ("--create", "--private", "--room", "1"),
        ("create", "--private", "1"),
        ("delete",),
    ],
)
def test_wrong_usage_ends_with_2(arguments, capsys) -> None:
    """Wrong usage is told before anything is done."""
    assert 2 == run(list(arguments))
    assert capsys.readouterr().err.startswith("Usage: chatter")


def test_removed_member_is_told(room, piped, present) -> None:
    """Who is removed by an admin is told so, and chatter fails."""
    server, room_id = room[1], room[3]
    script = """
import asyncio, sys
from chatroom.client import connect
async def remove():
    async with connect(sys.argv[1]) as chat:
        await chat.remove_member(sys.argv[2], "Bob", "spam")
asyncio.run(remove())
"""
    with piped(*room, "--name", "Bob") as bob:
        present(server, room_id, "Bob")
        subprocess.run([sys.executable, "-c", script, server, room_id], check=True)
        assert 1 == bob.end()
        assert b"chatter: you were removed from the room: spam\n" == bob.process.stderr.read()


def test_killed_server_is_told(chatter, piped) -> None:
    """If that is asked for, a server that dies under a chat is the end: exit code 1, at once."""
    command = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory", "--room", "1"]
    with started(command, stderr=subprocess.PIPE, text=True) as killed_server:
        try:
            ready = "chatserver: listening on "
            line = next(line for line in killed_server.stderr if line.startswith(ready))
            address = line.removeprefix(ready).strip()
            room = ("--host", address, "--room", "1")
            chatter(*room, "--name", "Alice", say="Hello\n")
            with piped(*room, "--name", "Bob", "--reconnect", "0") as bob:
                bob.hear("Alice: Hello\n")
                killed_server.kill()
                assert 1 == bob.end()
                expected = f"chatter: lost the connection to {address}\n"
                assert expected == bob.process.stderr.read().decode()
        finally:
            killed_server.kill()


def test_closed_output_ends_quietly(room) -> None:
    """When nobody reads the output any more, chatter ends without a word."""
    reads, writes = os.pipe()
    os.close(reads)
    arguments = ["-m", "chatroom.chatter", *room, "--name", "Bob"]
    ended = ran(
        arguments, stdin=subprocess.DEVNULL, stdout=writes, stderr=subprocess.PIPE, check=False
    )
    os.close(writes)
    assert (1, b"") == (ended.returncode, ended.stderr)


def test_input_may_be_nothing(room) -> None:
    """Without any input chatter joins, shows what was said, and leaves."""
    arguments = [sys.executable, "-m", "chatroom.chatter", *room, "--name", "Bob"]
    for redirection in ("</dev/null", "<&-"):
        ended = subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *arguments],
            capture_output=True,
            check=False,
        )
        assert (0, b"Joining room\n", b"") == (
            ended.returncode, ended.stdout, ended.stderr,
        )  # fmt: skip


def test_input_may_be_a_file(room, chatter, tmp_path: Path) -> None:
    """A regular file is read like a pipe; bytes that are no text are told, and not said."""
    script = tmp_path / "said.txt"
    script.write_bytes(b"from a file\n\xff\xfe\n")
    arguments = ["-m", "chatroom.chatter", *room, "--name", "Bob"]
    with script.open("rb") as said:
        ended = ran(arguments, stdin=said, capture_output=True, check=False)
    assert 1 == ended.returncode
    assert b"chatter: a line was skipped: this is not UTF-8, in which" in ended.stderr
    shown = chatter(*room, "--name", "Eve").stdout
    assert "Joining room\nBob: from a file\n" == shown


def test_closing_room_does_not_wait_for_input(room, chatter, piped, present) -> None:
    """A chatter whose input is idle ends as soon as its room does."""
    with piped(*room, "--name", "Bob") as bob:
        present(room[1], room[3], "Bob")
        chatter("delete", room[3], "--host", room[1])
        assert 0 == bob.end()


def test_help_and_usage_need_no_grpc() -> None:
    """Help is shown without importing gRPC, so that it is there at once."""
    script = (
        "import sys; from chatroom.chatter.cli import run; "
        "assert run(['--help']) == 0; assert run(['create', '--help']) == 0; "
        "assert 'grpc' not in sys.modules; assert 'asyncio' not in sys.modules"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (0, b"") == (ended.returncode, ended.stderr)
