"""`chatserver top` in a terminal, with a real server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.cli import chatserver
from chatroom.server.top.sorts import SORTS
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import SUBSCRIBE
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK, Setting, data
from tests.chatter.emulator import Emulator, in_terminal
from tests.chatter.terminal.tmux import tmux
from tests.faults.server_on_disk import DiskServer
from tests.floods.hostile import headers
from tests.launch.program import ran, started
from tests.server.ops.deaf import WINDOW

OPERATORS = "chatserver: operators look at http://"
COMMAND = ["-m", "chatroom.server", "top"]
ENVIRONMENT = {**os.environ, "TERM": "xterm"}
QUICK = ("--interval", "0.1")


@contextlib.contextmanager
def serving(
    data: Path, *options: str, ops: str = "127.0.0.1:0"
) -> Iterator[tuple[DiskServer, str]]:
    """A server, and where it is watched."""
    data.mkdir(exist_ok=True)
    with DiskServer(data, "--room", "lobby", "--ops-bind", ops, *options) as server:
        (address,) = [s.removeprefix(OPERATORS).strip() for s in server.said if OPERATORS in s]
        yield server, address


@contextlib.contextmanager
def top(address: str, *options: str, size: tuple[int, int] = (24, 80)) -> Iterator[Emulator]:
    command = [*COMMAND, address, *(options or QUICK)]
    with in_terminal(command, ENVIRONMENT, size, start=started) as terminal:
        yield terminal


def keys_are_lines(terminal: Emulator) -> bool:
    """Whether the terminal keeps what is typed until Enter, and stops at Ctrl-S."""
    return bool(terminal.modes & termios.ICANON and terminal.modes & termios.ECHO)


def left_in_order(terminal: Emulator) -> None:
    assert not terminal.alternate
    assert not terminal.cursor_hidden
    assert b"\x1b[?7h" in terminal.raw.rpartition(b"\x1b[?7l")[2]


def test_it_shows_what_goes_on_until_q(tmp_path: Path) -> None:
    """On a screen of its own: what was there before is there again afterwards."""
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("ready  127.0.0.1:", "messages   0.0/s", "lobby", "no reader is behind")
        assert terminal.alternate
        assert terminal.cursor_hidden
        assert not keys_are_lines(terminal)
        terminal.press("q")
        assert 0 == terminal.end()
        left_in_order(terminal)
        assert "" == terminal.text.strip()


def test_a_room_that_misbehaves_is_the_first(tmp_path: Path) -> None:
    """Where most is said; and whoever cannot keep up with it is told by name and address."""
    with (
        serving(tmp_path / "data", "--room", "a-quiet-one", "--room", "noisy") as (server, address),
        top(address) as terminal,
        stalled(server.port, "noisy", "Slow") as slow,
        started(chatter(server.port, "noisy", "Bee"), stdin=subprocess.PIPE, text=True) as bee,
    ):

        def said_more(rows: list[str]) -> bool:
            bee.stdin.write("buzz " * 50 + "\n")
            bee.stdin.flush()
            at = [number for number, row in enumerate(rows) if row.startswith("ROOM ")]
            found = [row for row in rows if row.endswith(f"  noisy  {slow}  Slow")]
            return bool(at and found and rows[at[0] + 1].startswith("noisy "))

        terminal.wait(said_more)
        terminal.press("n")
        terminal.until_gone("Slow")
        terminal.press("q")
        assert 0 == terminal.end()


def chatter(port: int, room: str, name: str) -> list[str]:
    host = f"127.0.0.1:{port}"
    return ["-m", "chatroom.chatter", "--host", host, "--room", room, "--name", name]


@contextlib.contextmanager
def stalled(port: int, room: str, name: str) -> Iterator[str]:
    """A reader that takes a few bytes and then nothing; its address and port."""
    join = pb.JoinChat(room_id=room, name=name).SerializeToString()
    with socket.create_connection(("127.0.0.1", port)) as reader:
        window = frames.settings((Setting.INITIAL_WINDOW_SIZE, WINDOW))
        call = headers(1, SUBSCRIBE) + data(1, envelope(join), end=True)
        reader.sendall(PREFACE + window + SETTINGS_ACK + call)
        yield "{}:{}".format(*reader.getsockname())


def test_keys(tmp_path: Path) -> None:
    """Sort, hide names, pause; other keys do nothing."""
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("s sort: messages", "n hide names", "p pause")
        for sort in (*list(SORTS)[1:], "messages"):
            terminal.press("s")
            terminal.until(f"s sort: {sort}")
        terminal.press("n")
        terminal.until("n show names")
        terminal.type("xyz?7")
        terminal.press("up", "f1")
        terminal.press("p")
        terminal.until("p go on", "paused  ")
        uptime = re.search(r"up \d+ s", terminal.text)
        terminal.press("n")
        terminal.until("n hide names")
        assert uptime is not None
        assert uptime[0] in terminal.text
        terminal.press("p")
        terminal.until("p pause")
        terminal.until_gone("paused")
        terminal.press("q")
        assert 0 == terminal.end()


def test_a_pause_keeps_what_is_shown(tmp_path: Path) -> None:
    """Though the server says other things meanwhile; going on shows these at once."""
    with serving(tmp_path / "data") as (server, address), top(address) as terminal:
        terminal.until("ready  ")
        terminal.press("p")
        terminal.until("paused  ")
        server.kill()
        moment = terminal.moment
        terminal.press("n")
        terminal.wait(lambda _: terminal.moment > moment)
        assert "nothing listens" not in terminal.text
        terminal.press("p")
        terminal.until("nothing listens on 127.0.0.1:")
        terminal.press("q")
        assert 0 == terminal.end()


@pytest.mark.parametrize("size", [(24, 80), (40, 120), (12, 40), (3, 20), (1, 1)])
def test_every_size(size: tuple[int, int], tmp_path: Path) -> None:
    """It draws no row that is not there, and scrolls nothing off."""
    with serving(tmp_path / "data") as (_, address), top(address, size=size) as terminal:
        terminal.wait(lambda rows: rows[0].startswith("ready"[: size[1] - 1]))
        if size[0] > 5:
            terminal.wait(lambda rows: rows[-1].startswith("q quit"))
        assert [] == terminal.scrollback
        terminal.press("q")
        assert 0 == terminal.end()


def is_whole(rows: list[str]) -> bool:
    """Whether a frame fills a screen, with nothing of another one."""
    first = [row.startswith("ready") for row in rows]
    last = [row.startswith("q quit  p pause") for row in rows]
    return first[0] and last[-1] and 1 == sum(first) == sum(last)


def test_it_follows_the_size(tmp_path: Path) -> None:
    """At once, and not with the next frame; nothing of the old one is left."""
    with (
        serving(tmp_path / "data") as (_, address),
        top(address, "--interval", "3000") as terminal,
    ):
        for rows, columns in ((24, 80), (12, 40), (30, 100), (5, 20), (40, 120)):
            terminal.resize(rows, columns)
            terminal.wait(is_whole)
        terminal.press("q")
        assert 0 == terminal.end()


def test_a_server_that_goes_and_comes_back(tmp_path: Path) -> None:
    """What was last said stays, with a line above it; then there are figures again."""
    with serving(tmp_path / "data") as (server, address), top(address) as terminal:
        terminal.until("ready  ", "lobby")
        server.kill()
        terminal.until(f"nothing listens on {address}", "lobby")
        with serving(tmp_path / "data", ops=address):
            terminal.until_gone("nothing listens")
            terminal.until("ready  ", "messages   0.0/s")
            terminal.press("q")
            assert 0 == terminal.end()


def test_a_server_that_drains(tmp_path: Path) -> None:
    """It says so as long as somebody can be asked."""
    with (
        serving(tmp_path / "data", "--drain-delay", "60") as (server, address),
        top(address) as terminal,
    ):
        terminal.until("ready  ")
        os.kill(server.pid, signal.SIGTERM)
        terminal.until("drains  ", "told to stop ")
        os.kill(server.pid, signal.SIGTERM)  # the second one ends it at once
        terminal.until("nothing listens on")
        terminal.press("q")
        assert 0 == terminal.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_that_end_it_leave_the_terminal_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    """It ends by them, as whoever sent them expects."""
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("ready  ")
        terminal.process.send_signal(number)
        assert -number == terminal.end()
        left_in_order(terminal)


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """It ends as by SIGHUP, whether that comes first or the next frame."""
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("ready  ")
        terminal.vanish()
        assert -signal.SIGHUP == terminal.process.wait(30)


def test_paper_that_is_full(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (_, address), Path("/dev/full").open("w") as full:
        ended = ran(
            [*COMMAND, address, "--once", *QUICK], stdout=full, stderr=subprocess.PIPE, text=True
        )
        said = "chatserver: cannot print: No space left on device\n"
        assert (1, said) == (ended.returncode, ended.stderr)


def test_ctrl_c(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("ready  ")
        terminal.press("c-c")
        assert 130 == terminal.end()
        left_in_order(terminal)


def test_stopped_from_outside(tmp_path: Path) -> None:
    """Another program has had the terminal: everything is drawn anew, and keys are keys."""
    with serving(tmp_path / "data") as (_, address), top(address) as terminal:
        terminal.until("ready  ")
        terminal.stop()
        terminal.until("another program's")
        assert keys_are_lines(terminal)
        terminal.go_on()
        terminal.until("ready  ", "lobby")
        terminal.until_gone("another program's")
        assert terminal.alternate
        terminal.wait(lambda _: not keys_are_lines(terminal))
        terminal.press("q")
        assert 0 == terminal.end()
        left_in_order(terminal)


def test_stopped_and_continued_by_a_shell(tmp_path: Path) -> None:
    """Ctrl-Z gives the screen to the shell, `fg` brings it back; and `kill` ends one that stands
    still, without taking the screen again."""
    shell = ("exec", "env", "PS1=shell> ", "bash", "--norc", "--noprofile")
    with serving(tmp_path / "data") as (_, address):
        command = f"{sys.executable} -m chatroom.server top --interval 0.1 {address}"
        with tmux(*shell, environment={"LANG": "C.UTF-8"}) as terminal:
            terminal.until("shell>")
            terminal.type(command)
            terminal.press("Enter")
            terminal.until("ready  ", "lobby")
            terminal.press("C-z")
            terminal.until("shell>", "Stopped")
            assert "ready  " not in "\n".join(terminal.screen)
            terminal.type("echo typed-in-$((40 + 2))")
            terminal.press("Enter")
            terminal.until("typed-in-42")
            terminal.type("fg")
            terminal.press("Enter")
            terminal.until("ready  ", "lobby", "q quit")
            terminal.press("C-z")
            terminal.until("shell>", "Stopped")
            terminal.type("kill %1")
            # A shell tells what has become of its jobs before it prompts.
            terminal.wait(lambda rows: terminal.press("Enter") or "Terminated" in "\n".join(rows))
            assert "ready  " not in "\n".join(terminal.screen)


def test_one_frame_for_a_pipe(tmp_path: Path) -> None:
    """Text without a byte for terminals, and exit code 0."""
    with serving(tmp_path / "data") as (_, address):
        ended = ran([*COMMAND, address, "--once", *QUICK], capture_output=True, text=True)
        assert (0, "") == (ended.returncode, ended.stderr)
        assert ended.stdout.isascii() or "–" in ended.stdout
        assert "\x1b" not in ended.stdout
        assert ended.stdout.startswith(f"ready  {address}  up ")
        assert re.search(r"^messages +0\.0/s", ended.stdout, re.MULTILINE)
        assert re.search(r"^lobby +0\.0/s +0 +0 +0 ", ended.stdout, re.MULTILINE)


def test_who_is_not_there_is_told_before_the_screen_is_taken() -> None:
    with top("127.0.0.1:1") as terminal:
        assert 1 == terminal.end()
        assert "chatserver: nothing listens on 127.0.0.1:1: " in terminal.text
        assert b"\x1b[?1049h" not in terminal.raw


def test_the_port_where_people_chat_is_the_wrong_one(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (server, _):
        address = f"127.0.0.1:{server.port}"
        ended = ran([*COMMAND, "--once", address], capture_output=True, text=True)
        assert (1, "") == (ended.returncode, ended.stdout)
        assert f"what listens on {address} is not for operators" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "top needs a terminal; --once prints one frame"),
        (["--once", "127.0.0.1"], "has no port"),
        (["--once", "127.0.0.1:70000"], "is not a port"),
        (["--once", "--interval", "0"], "--interval"),
        (["--once", "--interval", "nan"], "--interval"),
        (["--once", "--sort", "names"], "--sort"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    ended = ran(
        [*COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )  # fmt: skip
    assert (2, "") == (ended.returncode, ended.stdout)
    assert said in ended.stderr


def test_a_start_of_the_server_imports_nothing_of_it() -> None:
    """But what it can be sorted by."""
    assert "top" in chatserver.commands
    script = (
        "import sys; import chatroom.server.cli; "
        "found = {n for n in sys.modules if n.startswith('chatroom.server.top.')}; "
        "assert found == {'chatroom.server.top.sorts'}, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
