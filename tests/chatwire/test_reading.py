"""`chatwire read` and `chatwire --write`, as programs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import pytest

from chatroom.chatwire.capture import CaptureWriter
from tests.interop.programs import SECONDS, running
from tests.launch.program import Program, ran
from tests.launch.program import started as start

from .captures import CLIENT, ipv4, pcap
from .chat_by_hand import chat_by_hand, passages
from .test_capture_live import chat

PROGRAM = ["-m", "chatroom.chatwire"]


@contextmanager
def started(*arguments: str | Path) -> Iterator[Program]:
    """The program, going on; killed if the test is over before it."""
    command = [*PROGRAM, *map(str, arguments)]
    pipe = subprocess.PIPE
    with start(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(stream: IO[bytes] | None) -> Iterator[bytes]:
    """Each line as it comes; an AssertionError if there are no more."""
    assert stream is not None
    while line := stream.readline():
        yield line
    raise AssertionError("it has ended")


def chatwire(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return ran([*PROGRAM, *arguments], input=stdin, capture_output=True, timeout=SECONDS)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "chat.pcapng"
    with CaptureWriter(path, print) as writer:
        for each in passages(chat_by_hand()):
            writer.write(each)
    return path


def test_a_capture_is_printed_as_the_tap_prints(capture: Path) -> None:
    """One line for each thing that passed, with messages and the status."""
    run = chatwire("read", capture)
    assert (0, b"") == (run.returncode, run.stderr)
    lines = run.stdout.decode().splitlines()
    # Opened, the preface, and both ends beside the frames.
    assert len(chat_by_hand()) + 4 == len(lines)
    assert any("Hey Älice" in line for line in lines)
    assert any("NOT_FOUND (5)" in line for line in lines)


def test_a_capture_is_filtered_as_the_tap_filters(capture: Path) -> None:
    """The same options mean the same."""
    run = chatwire("read", "--json", "--stream", "3", "--frame", "rst-stream", capture)
    (line,) = run.stdout.splitlines()
    assert b'"kind":"RST_STREAM"' in line


def test_standard_input_is_read(capture: Path) -> None:
    """Under the name -."""
    assert chatwire("read", capture).stdout == (
        chatwire("read", "-", stdin=capture.read_bytes()).stdout
    )


def test_lines_come_while_a_capture_is_written(capture: Path) -> None:
    """What is in the pipe so far is printed before the pipe ends."""
    with started("read", "-") as process:
        assert process.stdin is not None
        process.stdin.write(capture.read_bytes())
        process.stdin.flush()
        lines = list(islice(lines_of(process.stdout), len(chat_by_hand()) + 4))
    assert b"ENDED" in lines[-1]


def test_a_damaged_capture_is_printed_up_to_there(capture: Path) -> None:
    """A sentence says where, and the exit code is 1."""
    whole = chatwire("read", capture).stdout.splitlines()
    capture.write_bytes(capture.read_bytes()[:-400])
    run = chatwire("read", capture)
    lines = run.stdout.splitlines()
    assert 1 == run.returncode
    assert 0 < len(lines) < len(whole)
    assert whole[: len(lines)] == lines
    assert f"chatwire: {capture}: the file ends within a packet, at byte" in run.stderr.decode()


@pytest.mark.parametrize("content", [b"", b"no capture"])
def test_what_is_no_capture_is_said(tmp_path: Path, content: bytes) -> None:
    """In one sentence, with exit code 1."""
    path = tmp_path / "x"
    path.write_bytes(content)
    run = chatwire("read", path)
    assert (1, b"", 1) == (run.returncode, run.stdout, len(run.stderr.splitlines()))


def test_a_port_on_which_nothing_is_captured_is_said(capture: Path) -> None:
    """And the exit code is 1."""
    run = chatwire("read", "--port", "5", capture)
    assert (1, b"") == (run.returncode, run.stdout)
    assert run.stderr == b"chatwire: no TCP connection on port 5 is in it\n"


def test_filters_that_leave_nothing_are_said(capture: Path) -> None:
    """Nothing on standard output would look like an empty capture."""
    run = chatwire("read", "--frame", "continuation", capture)
    assert (0, b"") == (run.returncode, run.stdout)
    assert run.stderr == b"chatwire: none of the frames in it is one of those asked for\n"


def test_hostile_text_in_a_capture_is_not_obeyed(tmp_path: Path) -> None:
    """Escapes of the terminal are shown as escapes."""
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([ipv4(CLIENT, b"GET /\x1b[2J HTTP/1.1\r\nx: \x1b]0;y\x07\r\n\r\n")]))
    run = chatwire("read", "-v", path)
    assert 0 == run.returncode
    assert b"HTTP/1.1" in run.stdout
    assert b"\x1b" not in run.stdout


def test_nobody_reading_on_is_no_error(capture: Path) -> None:
    """As with `chatwire read FILE | head -1`."""
    with started("read", "-v", capture) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"" == process.stderr.read()
        assert 0 == process.wait()


def test_the_tap_writes_what_it_prints(tmp_path: Path) -> None:
    """A chat through `chatwire --write`, then `chatwire read` of what was written."""
    path = tmp_path / "tap.pcapng"
    with (
        running("--room", "lobby") as address,
        started("--listen", "127.0.0.1:0", "--to", address, "--write", path) as process,
    ):
        ready = next(lines_of(process.stderr)).decode()
        chat(ready.removeprefix("chatwire: ").partition(" -> ")[0])
        printed, ended = [], 0
        for line in lines_of(process.stdout):
            printed.append(line)
            ended += b"ENDED" in line
            if ended == 2:
                break
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=SECONDS)
        assert (b"", 0) == (rest, process.returncode)
        assert b"cannot" not in said
    read = chatwire("read", path)
    assert (0, b"") == (read.returncode, read.stderr)
    # The addresses as well, though the packets have another port for the server.
    assert address.encode() in printed[0]
    assert printed == read.stdout.splitlines(keepends=True)


def test_a_capture_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    """Before anything listens."""
    path = tmp_path / "nowhere" / "x.pcapng"
    run = chatwire("--listen", "127.0.0.1:0", "--write", path)
    assert 1 == run.returncode
    assert f"chatwire: cannot write to {path}: No such file or directory\n" == run.stderr.decode()
