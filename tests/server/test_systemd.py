"""systemd is told what the server does, and hands over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chatroom.server import systemd
from chatroom.server.port.sockets import BindError
from chatroom.server.systemd import STATUS_SECONDS, Manager, handed_over
from tests.faults.server_process import ROOT, SECONDS
from tests.interop.programs import tool
from tests.journal import postgres_databases

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no systemd")

SERVER = [sys.executable, "-m", "chatroom.server"]
HANDS_OVER = """
import os, sys
given = [os.dup(int(number)) for number in sys.argv[1].split(",")]
for place, number in enumerate(given, 3):
    os.dup2(number, place)
    os.set_inheritable(place, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes another program, with sockets from descriptor 3 on."""
Message = dict[str, str]


class Hears:
    """In the place of systemd."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(SECONDS)

    def next(self, *, beats: bool = True) -> Message:
        """What is told next; without `beats`, what is no beat."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            message = dict(line.split("=", 1) for line in lines)
            if beats or "WATCHDOG" not in message:
                return message


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hears]:
    monkeypatch.chdir(tmp_path)  # the path of such a socket has at most 107 bytes
    hears = Hears("notify")
    with hears.socket:
        yield hears


@contextlib.contextmanager
def running(
    command: Sequence[str], *, handed: Sequence[socket.socket] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """A program that is told this by its environment, and gets sockets as systemd gives them."""
    if handed:
        command = [
            sys.executable,
            "-c",
            HANDS_OVER,
            ",".join(str(each.fileno()) for each in handed),
            *command,
        ]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        pass_fds=[each.fileno() for each in handed],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], words: str) -> str:
    """The first line on standard error with these words."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError("".join(lines))


def answers(port: int) -> bytes:
    """What /healthz says."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as asking:
        asking.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: asking.recv(4096), b""))


def listening(host: str = "127.0.0.1") -> socket.socket:
    return socket.create_server((host, 0))


# ---- What it is told -----------------------------------------------------------------


def test_it_hears_of_a_start_of_beats_of_a_reload_and_of_a_stop(manager: Hears) -> None:
    address = str(Path("notify").resolve())
    command = [*SERVER, "--bind", "127.0.0.1:0", "--in-memory", "--room", "lobby"]
    with running(command, NOTIFY_SOCKET=address, WATCHDOG_USEC="400000") as process:
        status = "serving 0 members in 1 rooms"
        assert {"READY": "1", "STATUS": status} == manager.next()
        assert said(process, "listening on")
        for _ in range(3):
            assert {"WATCHDOG": "1", "STATUS": status} == manager.next()
        process.send_signal(signal.SIGHUP)
        reloading = manager.next(beats=False)
        assert "1" == reloading["RELOADING"]
        assert int(reloading["MONOTONIC_USEC"]) > 0
        assert "1" == manager.next(beats=False)["READY"]
        process.send_signal(signal.SIGTERM)
        assert "1" == manager.next(beats=False)["STOPPING"]
        assert 0 == process.wait(SECONDS)


def test_of_a_start_that_fails_nothing_is_told(manager: Hears) -> None:
    address = str(Path("notify").resolve())
    with listening() as taken:
        command = [*SERVER, "--bind", f"127.0.0.1:{taken.getsockname()[1]}", "--in-memory"]
        with running(command, NOTIFY_SOCKET=address) as process:
            assert 1 == process.wait(SECONDS)
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.next()


def test_workers_are_one_server_to_it(manager: Hears) -> None:
    address = str(Path("notify").resolve())
    asyncio.run(postgres_databases.empty())
    database = postgres_databases.own()
    command = [*SERVER, "--bind", "127.0.0.1:0", "--journal", database, "--workers", "2"]
    with running(command, NOTIFY_SOCKET=address, WATCHDOG_USEC="400000") as process:
        assert {"READY": "1", "STATUS": "2 workers"} == manager.next()
        for _ in range(3):
            assert {"WATCHDOG": "1", "STATUS": "2 workers"} == manager.next()
        process.send_signal(signal.SIGTERM)
        assert "1" == manager.next(beats=False)["STOPPING"]
        assert 0 == process.wait(SECONDS)


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, STATUS_SECONDS),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "own"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, STATUS_SECONDS),
        ({"WATCHDOG_USEC": "soon"}, STATUS_SECONDS),
    ],
)
def test_a_beat_comes_twice_as_often_as_it_must(
    environment: dict[str, str], seconds: float
) -> None:
    given = {k: str(os.getpid()) if v == "own" else v for k, v in environment.items()}
    assert seconds == Manager.of(given).beat
    assert {} == given  # children hear nothing of it


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux for abstract sockets")
def test_an_abstract_address_and_one_where_nobody_listens() -> None:
    name = f"chatroom-test-{os.getpid()}"
    with Hears(f"\0{name}").socket as listens:
        manager = Manager.of({"NOTIFY_SOCKET": f"@{name}"})
        assert manager.listens
        manager.ready("here")
        assert b"READY=1\nSTATUS=here" == listens.recv(100)
    manager.ready("nobody hears it")
    assert not Manager.of({}).listens
    Manager.of({}).ready("likewise")


# ---- Sockets -------------------------------------------------------------------------


def test_it_serves_on_sockets_that_are_handed_over() -> None:
    with listening() as one, listening() as other:
        ports = [each.getsockname()[1] for each in (one, other)]
        with running([*SERVER, "--in-memory"], handed=(one, other)) as process:
            for port in ports:
                assert f"listening on 127.0.0.1:{port}\n" in said(process, str(port))
                assert answers(port).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("arguments", "host", "words"),
    [
        (["--in-memory"], "0.0.0.0", "0.0.0.0:{port} can be reached from other machines"),
        (["--in-memory", "--bind", "127.0.0.1:0"], "127.0.0.1", "take one of the two away"),
        (["--journal", "postgresql://nobody@127.0.0.1:1/x", "--workers", "2"], "127.0.0.1",
         "start the server without a socket unit"),
    ],
    ids=["reached by others", "beside --bind", "workers"],
)  # fmt: skip
def test_a_socket_that_is_handed_over_changes_no_rule(
    arguments: list[str], host: str, words: str
) -> None:
    with listening(host) as handed:
        port = handed.getsockname()[1]
        with running([*SERVER, *arguments], handed=(handed,)) as process:
            assert said(process, words.format(port=port))
            assert 2 == process.wait(SECONDS)


def test_what_cannot_be_served_is_refused() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        running([*SERVER, "--in-memory"], handed=(datagrams,)) as process,
    ):
        assert said(process, "descriptor 3 is no TCP socket that listens")
        assert 2 == process.wait(SECONDS)


def test_what_is_for_another_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def adopted(number: int) -> socket.socket:
        raise BindError(f"{number} was taken")

    monkeypatch.setattr(systemd.sockets, "adopt", adopted)
    assert [] == handed_over({"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert [] == handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "none"})
    with pytest.raises(BindError, match="3 was taken"):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})


def test_systemd_starts_it_for_the_first_who_connects() -> None:
    with listening() as free:
        port = free.getsockname()[1]
    command = [tool("systemd-socket-activate"), "-l", f"127.0.0.1:{port}"]
    with running([*command, *SERVER, "--in-memory"]) as process:
        assert said(process, "Listening on")
        assert answers(port).startswith(b"HTTP/1.1 200")
