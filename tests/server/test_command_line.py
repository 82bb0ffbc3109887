"""`chatserver` as an operator meets it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "chatroom.server"]


def usage(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of a server that does not get to serve."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server process and its port; it has ended afterwards."""
    process = subprocess.Popen(
        [*COMMAND, "--bind", "127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line.startswith("chatserver: listening on "):
                yield process, int(line.rpartition(":")[2])
                break
        else:
            raise AssertionError("the server did not start")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bind", "nonsense"], "write host:port"),
        (["--bind", "127.0.0.1:99999"], "write host:port"),
        (["--room", "No Such"], "a room id has"),
        (["--in-memory", "--data", "x"], "exclude each other"),
        (["--tls-cert", __file__], "go together"),
        (["--message-rate", "-1"], "--message-rate"),
        (["--sync", "never"], "--sync"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(arguments: list[str], sentence: str) -> None:
    """Nothing is started, and what to write instead is said."""
    code, stderr = usage(*arguments)
    assert 2 == code
    assert sentence in stderr


def test_a_port_in_use_is_exit_code_1_and_a_sentence() -> None:
    """As is a directory that cannot be written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stderr = usage("--bind", f"127.0.0.1:{port}", "--in-memory")
    assert (1, f"chatserver: cannot listen on 127.0.0.1:{port}: address already in use\n") == (
        code,
        stderr,
    )


def test_a_data_directory_in_use_is_exit_code_1_and_a_sentence(tmp_path: Path) -> None:
    """Two servers never write to one journal."""
    with serving("--data", str(tmp_path)):
        code, stderr = usage("--bind", "127.0.0.1:0", "--data", str(tmp_path))
    assert 1 == code
    assert "in use by another chatserver" in stderr


def test_the_environment_sets_what_flags_set(tmp_path: Path) -> None:
    """CHATSERVER_ and the flag's name."""
    code, stderr = usage(CHATSERVER_BIND="nonsense")
    assert 2 == code
    assert "'nonsense' is not an address" in stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0, and the port is free."""
    with serving("--data", str(tmp_path), "--room", "lobby") as (process, port):
        process.send_signal(number)
        assert 0 == process.wait(timeout=30)
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_a_room_of_the_command_line_is_made_once(tmp_path: Path) -> None:
    """Starting again with --room finds the room that is there."""
    for _ in range(2):
        with serving("--data", str(tmp_path), "--room", "lobby") as (process, _):
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=30)
