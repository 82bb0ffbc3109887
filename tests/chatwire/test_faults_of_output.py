"""Bytes go on whatever becomes of what shows them: output, standard error, the decoder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.chatwire.passage import Chunk, Side
from chatroom.chatwire.show.lines import Lines, dropped_object
from chatroom.chatwire.tap import BACKLOG, Tap
from chatroom.chatwire.watch import Watching
from chatroom.chatwire.watcher import Watcher
from chatroom.wire.addresses import Address
from chatroom.wire.http2.frames import PREFACE
from tests.launch.program import Program, started

from .loops import run
from .programs import SECONDS, chatwire
from .wire import OPENED

COMMAND = ["-m", "chatroom.chatwire", "--no-reflection"]


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that sends back what it gets, to any number of clients."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while content := client.recv(65536):
                client.sendall(content)

    threading.Thread(target=accept, daemon=True).start()
    yield str(Address(*listening.getsockname()))
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def connected(address: str) -> socket.socket:
    return socket.create_connection(Address.parse(address), SECONDS)


def answered(client: socket.socket, content: bytes = b"x") -> bool:
    client.sendall(content)
    answer = b""
    while len(answer) < len(content) and (more := client.recv(len(content))):
        answer += more
    return content == answer


def decoder_of(tap: Program) -> int:
    """The process id of the child that decodes."""
    (child,) = Path(f"/proc/{tap.pid}/task/{tap.pid}/children").read_text().split()
    return int(child)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def unconnectable(address: str) -> None:
    """A connection that the tap accepts, fails to pass on, and cuts."""
    with pytest.raises(ConnectionResetError), connected(address) as client:
        client.recv(1)


@pytest.mark.parametrize("gone", [False, True])
def test_nobody_reads_standard_error(gone: bool) -> None:
    """A connection that is there goes on, and those that cannot be are cut at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        to = str(Address(*server.getsockname()))
        listen = f"127.0.0.1:{free_port()}"
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        with started(
            [*COMMAND, "--listen", listen, "--to", to],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer,
        ) as tap:  # fmt: skip
            try:
                os.close(writer)
                said = b""
                while b"window" not in said:
                    said += os.read(reader, 4096)
                if gone:
                    os.close(reader)
                client = connected(listen)
                passed, _ = server.accept()
                server.close()
                for _ in range(100):
                    unconnectable(listen)
                client.sendall(b"x")
                passed.settimeout(SECONDS)
                assert b"x" == passed.recv(1)
                tap.send_signal(signal.SIGINT)
                assert 0 == tap.wait(SECONDS)
                client.close()
                passed.close()
            finally:
                tap.kill()
        if not gone:
            os.close(reader)


def test_a_signal_to_both_processes_loses_no_summary(echo: str) -> None:
    """As `timeout` sends it: to the group."""
    with started(
        [*COMMAND, "--listen", "127.0.0.1:0", "--to", echo, "--summary"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as tap:  # fmt: skip
        try:
            assert tap.stderr is not None
            assert tap.stdout is not None
            ready = re.search(r"chatwire: (\S+) ->", tap.stderr.readline())
            assert ready is not None
            with connected(ready[1]) as client:
                assert answered(client, b"GET / HTTP/1.1\r\n\r\n")
                # Its first line: from then on it takes signals as it means to.
                assert "OPENED" in tap.stdout.readline()
                os.killpg(tap.pid, signal.SIGTERM)
                assert "\nsummary" in tap.stdout.read()
                assert 0 == tap.wait(SECONDS)
        finally:
            tap.kill()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk(echo: str) -> None:
    """Is said once; everything is passed on, and the exit code is 1."""
    with Path("/dev/full").open("w") as full, started(
        [*COMMAND, "--listen", "127.0.0.1:0", "--to", echo],
        stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
    ) as tap:  # fmt: skip
        try:
            assert tap.stderr is not None
            ready = re.search(r"chatwire: (\S+) ->", tap.stderr.readline())
            assert ready is not None
            with connected(ready[1]) as client:
                said: list[str] = []
                drain = threading.Thread(target=said.extend, args=[tap.stderr], daemon=True)
                drain.start()
                while not any("cannot print any more" in line for line in said):
                    assert answered(client)
                assert answered(client)
                tap.send_signal(signal.SIGINT)
                assert 1 == tap.wait(SECONDS)
                drain.join(SECONDS)
                assert 1 == sum(os.strerror(errno.ENOSPC) in line for line in said)
        finally:
            tap.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_the_decoder_is_killed(echo: str) -> None:
    """That is said, everything is passed on, and the exit code is 1."""
    with chatwire(echo, "--no-reflection") as tap, connected(tap.address) as client:
        assert answered(client)
        os.kill(decoder_of(tap.process), signal.SIGKILL)
        while not any("nothing is shown any more" in line for line in tap.said):
            assert answered(client)
        assert answered(client, bytes(1 << 16))
        tap.stop()
    assert 1 == tap.process.returncode
    assert "was ended by signal 9" in tap.errors
    assert "Traceback" not in tap.errors


def test_more_than_can_be_shown_in_time(capfd: pytest.CaptureFixture[str]) -> None:
    """How much is not shown is said, the summary is there, and the exit code is 1."""
    said: list[str] = []
    pings = (b"\0\0\x08\x06\0\0\0\0\0" + b"12345678") * 4096
    watching = Watching()
    watcher = Watcher(watching, pytest.fail, said.append, finish_seconds=0)
    watcher.observe(OPENED)
    for content in (PREFACE, b"\0\0\0\4\0\0\0\0\0", *[pings] * 50):
        watcher.observe(Chunk(connection=1, time=1, sender=Side.CLIENT, content=content))
    assert 1 == watcher.finish()
    (sentence,) = said
    found = re.match(r"the last ([\d,]+) bytes that passed are not shown", sentence)
    assert found is not None
    assert 0 < int(found[1].replace(",", "")) <= 50 * len(pings) + len(PREFACE) + 9
    assert "Traceback" not in capfd.readouterr().err


class Held(io.StringIO):
    """Takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.released.wait(SECONDS)
        return super().write(text)


def test_dropped_lines_of_json_are_counted_in_json() -> None:
    """So that every line of the output is."""
    out = Held()
    lines = Lines(out, 2, dropped_object)
    lines.offer("{}\n")
    assert out.reached.wait(SECONDS)
    for _ in range(5):
        lines.offer("{}\n")
    out.released.set()
    lines.finish('{"summary":{}}\n')
    written = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [{}, {}, {}, {"dropped": 3}, {"summary": {}}] == written


def test_a_burst_of_connections_does_not_wait() -> None:
    """They are accepted by the system, while the event loop does something else."""
    most = int(Path("/proc/sys/net/core/somaxconn").read_text())
    burst = min(400, most, BACKLOG)

    async def scene() -> None:
        async with Tap(("127.0.0.1", free_port()), lambda _passage: None) as tap:
            for client in [socket.create_connection(tap.bound, 5) for _ in range(burst)]:
                client.close()

    run(scene())
