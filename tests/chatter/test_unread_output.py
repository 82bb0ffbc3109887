"""Standard output that nobody reads, or that takes nothing more."""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chatter.conftest import POLL_SECONDS, SECONDS, command, environment
from tests.launch.program import ran, started

PIPE_BYTES = 4096
FULL = Path("/dev/full")
LONG = "x" * 4096
"""The longest text; its line does not fit into the pipe, whatever stands in front."""

pytestmark = pytest.mark.skipif(
    not hasattr(fcntl, "F_SETPIPE_SZ"), reason="only Linux has pipes of a chosen size"
)


@pytest.fixture
def room(server, chatter) -> tuple[str, str, str]:
    """The options that lead to a server, and a room in which much was said."""
    at = ("--host", server)
    room_id = chatter("create", *at).stdout.strip()
    chatter("send", *at, "--room", room_id, "--name", "Bob", "--lines", say=f"{LONG}\n" * 3)
    return (*at, room_id)


@pytest.fixture
def small_pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe that holds little."""
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield reads, writes
    os.close(reads)
    os.close(writes)


def unread(descriptor: int) -> int:
    """How many bytes are in the pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what can only be looked at from outside."""
    patience = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < patience, "it never came to be"
        time.sleep(POLL_SECONDS)


SIGNALS = pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)]
)


@SIGNALS
@pytest.mark.parametrize("reader", ["watch", "history"])
def test_unread_output_does_not_delay_a_signal(room, small_pipe, reader, sent, code) -> None:
    """A reader in the middle of a line that nobody reads ends as ever, without a word."""
    *at, room_id = room
    reads, writes = small_pipe
    with started(
        command(reader, room_id, "--last", "4", *at),
        stdout=writes,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        try:
            until(lambda: unread(reads) > 0)
            process.send_signal(sent)
            assert code == process.wait(SECONDS)
            assert b"" == process.stderr.read().strip()
        finally:
            process.kill()


@SIGNALS
def test_unread_output_does_not_stop_a_member(room, small_pipe, sent, code, chatter) -> None:
    """It still talks, and a signal has it leave rather than get lost."""
    *at, room_id = room
    _, writes = small_pipe
    os.write(writes, bytes(PIPE_BYTES))

    def log() -> list[dict[str, str]]:
        lines = chatter("history", room_id, "--last", "1", "--json", *at).stdout.splitlines()
        return [json.loads(line) for line in lines]

    with started(
        command(*at, "--room", room_id, "--name", "Alice"),
        stdin=subprocess.PIPE,
        stdout=writes,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        try:
            process.stdin.write(b"Hello\n")
            process.stdin.flush()
            until(lambda: log()[-1]["text"] == "Hello")
            process.send_signal(sent)
            assert code == process.wait(SECONDS)
            assert b"" == process.stderr.read().strip()
        finally:
            process.kill()
    assert ("left", "quit") == (log()[-1]["kind"], log()[-1]["reason"])


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("history", "ROOM"),
        ("watch", "ROOM", "--last", "3"),
        ("send", "--room", "ROOM", "--name", "Eve", "--json", "hi"),
        ("--room", "ROOM", "--name", "Eve"),
        ("config",),
        ("--help",),
    ],
    ids=lambda words: words[0],
)
def test_full_disk_is_told(words, room) -> None:
    """What cannot be written is a sentence and exit code 1."""
    *at, room_id = room
    where = [] if words == ("--help",) else at
    with FULL.open("wb") as full:
        ended = ran(
            command(*where, *(word.replace("ROOM", room_id) for word in words)),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            env=environment(),
            check=False,
        )
    expected = f"chatter: cannot write to standard output: {os.strerror(errno.ENOSPC)}\n"
    assert (1, expected) == (ended.returncode, ended.stderr)


def test_a_terminal_that_is_gone_does_not_change_the_exit_code() -> None:
    """Not by what Python has kept for standard error either, and would write at exit."""
    ends = (
        "import sys\nfrom chatroom.chatter.screen import forget_unwritten\nsys.stdin.read()\n"
        "try: print('chatter: it is gone', file=sys.stderr)\nexcept OSError: pass\n"
        "forget_unwritten(errors=True)\nsys.exit(129)"
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-Ec", ends], stdin=subprocess.PIPE, stdout=slave, stderr=slave
    ) as program:
        os.close(slave)
        os.close(master)
        program.communicate()
    assert 129 == program.returncode
