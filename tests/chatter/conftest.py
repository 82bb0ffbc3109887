"""chatter as a program: run to its end, spoken with over pipes, or in a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from chatroom.api.rpc import chat_pb2, chat_pb2_grpc
from tests.chatter.emulator import Emulator, in_terminal
from tests.client.servers import OURS, PLAIN, running
from tests.launch.program import Program, executed, ran, started

SECONDS = 30.0
POLL_SECONDS = 0.02


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A chatserver whose rooms the tests of a module make."""
    with running(OURS) as address:
        yield address


@pytest.fixture
def fresh_server() -> Iterator[str]:
    """A server of one test's own, with the rooms of the dialogue."""
    with running([*OURS, "--room", "1234", "--room", "5678"]) as address:
        yield address


@pytest.fixture(scope="module")
def plain_server() -> Iterator[str]:
    """A server that knows only what the original does."""
    with running(PLAIN) as address:
        yield address


@pytest.fixture
def present() -> Callable[[str, str, str], None]:
    """Wait until a member is in the room of a server: its arrival is in the room's log."""

    def wait(address: str, room_id: str, name: str) -> None:
        request = chat_pb2.ListMessagesRequest(room_id=room_id)
        until = time.monotonic() + SECONDS
        with grpc.insecure_channel(address) as channel:
            stub = chat_pb2_grpc.ChatServiceStub(channel)
            while not any(
                entry.entered.name == name
                for entry in stub.ListMessages(request, timeout=SECONDS).messages
            ):
                assert time.monotonic() < until, f"{name!r} never entered room {room_id}"
                time.sleep(POLL_SECONDS)

    return wait


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATTER_")}
    nowhere = {"XDG_CONFIG_HOME": "/nonexistent", "XDG_STATE_HOME": "/dev/null/none"}
    return kept | {"TERM": "xterm"} | nowhere | more


def command(*arguments: str) -> list[str]:
    """What Python is given."""
    return ["-m", "chatroom.chatter", *arguments]


@pytest.fixture
def chatter() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run chatter to its end, with what it reads and variables of its environment."""

    def run(*arguments: str, say: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return ran(
            command(*arguments),
            input=say,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment(**variables),
            check=False,
        )

    return run


class Conversation:
    """A chatter that runs: what it shows is awaited, what it reads is said."""

    def __init__(self, process: Program, reads: int, writes: int) -> None:
        self.process = process
        self.shown = b""
        self._seen = 0
        self._complaints = b""
        self._reads = reads
        self._writes = writes

    def say(self, text: str) -> None:
        os.write(self._writes, text.encode())

    def hear(self, text: str) -> None:
        """Wait until the text is shown, after what was heard before."""
        wanted = text.encode()
        until = time.monotonic() + SECONDS
        while (found := self.shown.find(wanted, self._seen)) < 0:
            assert self._read_some(until - time.monotonic()), (
                f"{text!r} was never shown, but {self.shown!r}"
            )
        self._seen = found + len(wanted)

    def complaint(self) -> str:
        """Wait for the next line on standard error."""
        assert self.process.stderr is not None
        descriptor = self.process.stderr.fileno()
        while b"\n" not in self._complaints:
            assert select.select([descriptor], [], [], SECONDS)[0], "chatter did not complain"
            data = os.read(descriptor, 65536)
            assert data, f"chatter has ended, having shown {self.shown!r}"
            self._complaints += data
        line, _, self._complaints = self._complaints.partition(b"\n")
        return line.decode()

    def end_input(self) -> None:
        os.close(self._writes)
        self._writes = -1

    def deafen(self) -> None:
        """Read nothing any more, and let chatter know."""
        os.close(self._reads)
        self._reads = -1

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Wait for its end; its exit code. Then `shown` is all that it ever showed."""
        until = time.monotonic() + SECONDS
        while self._read_some(until - time.monotonic()):
            pass
        return self.process.wait(SECONDS)

    def close(self) -> None:
        for descriptor in {self._reads, self._writes} - {-1}:
            os.close(descriptor)

    def _read_some(self, patience: float) -> bool:
        assert select.select([self._reads], [], [], max(patience, 0))[0], (
            f"chatter hangs, and has shown {self.shown!r}"
        )
        try:
            data = os.read(self._reads, 65536)
        except OSError:  # a terminal whose program has ended
            data = b""
        self.shown += data
        return bool(data)

    @property
    def lines(self) -> list[str]:
        return re.split(r"\r?\n", self.shown.decode())


Starter = Callable[..., contextlib.AbstractContextManager[Conversation]]


@pytest.fixture
def piped() -> Starter:
    """Start a chatter whose standard streams are pipes."""

    @contextlib.contextmanager
    def start(*arguments: str, **variables: str) -> Iterator[Conversation]:
        reads, its_output = os.pipe()
        its_input, writes = os.pipe()
        with started(
            command(*arguments),
            stdin=its_input,
            stdout=its_output,
            stderr=subprocess.PIPE,
            env=environment(**variables),
        ) as process:
            os.close(its_input)
            os.close(its_output)
            conversation = Conversation(process, reads, writes)
            try:
                yield conversation
            finally:
                process.kill()
                conversation.close()

    return start


@pytest.fixture
def terminal() -> Starter:
    """Start a chatter in a terminal of its own, which echoes what is typed."""

    @contextlib.contextmanager
    def start(*arguments: str, **variables: str) -> Iterator[Conversation]:
        ours, its = pty.openpty()
        with started(
            command(*arguments),
            stdin=its,
            stdout=its,
            stderr=its,
            env=environment(**variables),
            start_new_session=True,
            controlling_terminal=True,
        ) as process:
            os.close(its)
            conversation = Conversation(process, ours, ours)
            try:
                yield conversation
            finally:
                process.kill()
                conversation.close()

    return start


@pytest.fixture
def emulator(
    request: pytest.FixtureRequest,
) -> Callable[..., contextlib.AbstractContextManager[Emulator]]:
    """Start a chatter in a terminal whose screen can be looked at; `size` is (rows, columns).

    Of the variables that say what a terminal can do, only those given are set. What shows
    while chatter is still being imported is for tests marked `imports`.
    """
    imports = request.node.get_closest_marker("imports") is not None
    python = [sys.executable] if imports else []
    how = executed if imports else started

    def start(
        *arguments: str,
        size: tuple[int, int] = (24, 80),
        answers: bool = True,
        **variables: str,
    ) -> contextlib.AbstractContextManager[Emulator]:
        unset = {"NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "LC_ALL"}
        kept = {name: value for name, value in environment().items() if name not in unset}
        given = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC"} | variables
        program = [*python, *command(*arguments)]
        return in_terminal(program, kept | given, size, answers=answers, start=how)

    return start


@pytest.fixture
def dialogue(
    fresh_server: str,
    piped: Starter,
    chatter: Callable[..., subprocess.CompletedProcess[str]],
    present: Callable[[str, str, str], None],
) -> Callable[..., list[int]]:
    """Play the documented dialogue with Johnny Boi; how he, Bob and Alice ended."""
    at = ("--host", fresh_server)
    room = (*at, "--room", "5678")

    def play(johnny: Conversation, *, newline: str) -> list[int]:
        johnny.hear("Pick a room: ")
        johnny.say("2\n")
        johnny.hear("Enter a Name Tag: ")
        johnny.say("Johnny Boi\n")
        present(fresh_server, "5678", "Johnny Boi")
        with piped(*room, "--name", "Bob") as bob:
            johnny.hear(f"Bob: Has entered the chat{newline}")
            bob.say("Hey Johnny\n")
            johnny.hear(f"Bob: Hey Johnny{newline}")
            johnny.say("Hey bob\n")
            bob.hear("Johnny Boi: Hey bob\n")
            with piped(*room, "--name", "Alice") as alice:
                johnny.hear(f"Alice: Has entered the chat{newline}")
                alice.say("Greetings!\n")
                johnny.hear(f"Alice: Greetings!{newline}")
                chatter("delete", "5678", *at)
                return [johnny.end(), bob.end(), alice.end()]

    return play
