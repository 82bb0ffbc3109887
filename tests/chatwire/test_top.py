"""The table of streams: what it says of them, and that a terminal is as before when it ends."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.passage import Side
from chatroom.chatwire.top import table as limits
from chatroom.chatwire.top.screen import Drawn, Screen, amount, clipped, written
from chatroom.chatwire.top.table import SECOND, Line, Table
from chatroom.chatwire.top.terminal import ENTER, LEAVE
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from tests.interop.programs import SECONDS, running
from tests.launch.program import Program, started

from .programs import READY
from .wire import Talk


def read(talk: Talk, now: int | None = None, table: Table | None = None) -> list[Line]:
    """The lines after all that was said; `now` in milliseconds."""
    table = table or Table()
    for frame in talk.made:
        table.take(frame)
    return table.read(talk.now if now is None else now * 1_000_000)


# ---- What it says -----------------------------------------------------------------------


def test_rates_are_of_the_time_since_the_last_reading() -> None:
    """Messages and bytes of each direction."""
    table = Table()
    table.read(0)
    talk = Talk().begin()
    talk.call()
    body = envelope(b"\x12\x01a")
    for _ in range(4):
        talk.client(frames.data(1, body))
    talk.server(frames.data(1, body * 3))
    (line,) = read(talk, 2000, table)
    assert ((2.0, 1.5), (4 * len(body) / 2, 3 * len(body) / 2)) == (line.messages, line.bytes)
    assert ("/rpc.ChatService/Chat", 1) == (line.call, line.stream)
    (line,) = table.read(4 * SECOND)
    assert ((0.0, 0.0), (0.0, 0.0)) == (line.messages, line.bytes)


def test_a_closed_window_is_waited_for() -> None:
    """Of the stream or of the connection, by whoever has DATA to send; until it opens."""
    talk = Talk().begin()
    talk.call()
    talk.server(frames.data(1, bytes(65_535)))
    (line,) = read(talk, 1009)
    assert (0, "server for window, 1.0 s") == (line.windows[1], line.waits)
    talk.client(frames.window_update(1, 1000))
    assert read(talk)[0].waits.startswith("server for window")  # that of the connection
    talk.client(frames.window_update(0, 500))
    (line,) = read(talk)
    assert (500, "") == (line.windows[1], line.waits)


def test_an_answer_is_waited_for() -> None:
    """By the client that spoke last."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, envelope(b"")))
    assert "client for server, 3.0 s" == read(talk, 3008)[0].waits
    talk.server(frames.data(1, envelope(b"")))
    assert "" == read(talk)[0].waits


def test_round_trips_are_those_of_pings() -> None:
    """And one that is not answered shows how long it waits."""
    talk = Talk().begin()
    talk.call()
    assert read(talk)[0].round_trip is None
    talk.server(frames.ping(b"12345678"))
    talk.client(frames.ping(b"12345678", ack=True))
    assert 0.001 == read(talk)[0].round_trip
    talk.server(frames.ping(b"87654321"))
    sent = talk.now // 1_000_000 - 1
    assert 2.0 == read(talk, sent + 2000)[0].round_trip


def test_the_end_is_listed_for_a_while() -> None:
    """A status, a reset, or what became of the connection; then the stream is gone."""
    talk = Talk().begin()
    for stream in (1, 3, 5):
        talk.call(stream)
    talk.server(talk.headers(Side.SERVER, 1, [("grpc-status", "5")], end=True))
    talk.client(frames.data(1, b"", end=True))
    talk.client(frames.rst_stream(3, 8))
    talk.end(Side.SERVER, reset=True)
    table = Table()
    lines = {line.stream: line.waits for line in read(talk, table=table)}
    assert {
        1: "NOT_FOUND",
        3: "RST_STREAM CANCEL",
        5: "connection reset by the server",
    } == lines
    assert [] == table.read(talk.now + 6 * SECOND)
    assert 0 == table.connections


def test_what_is_followed_is_bounded() -> None:
    """Those that were silent longest are forgotten; frames of the forgotten do no harm."""
    talk = Talk().begin()
    table = Table()
    for stream in range(1, 2 * limits.STREAMS + 201, 2):
        talk.client(talk.headers(Side.CLIENT, stream, [(":method", "POST"), (":path", "/a/B")]))
        for frame in talk.made:
            table.take(frame)
        talk.made.clear()
    lines = table.read(talk.now)
    assert limits.STREAMS == len(lines)
    assert min(line.stream for line in lines) == 201


# ---- How it is drawn --------------------------------------------------------------------


def test_a_line_is_safe_and_fits() -> None:
    """Whatever the path of a call is."""
    line = Line(1, 1, "/\x1b[31m\u202e名前", 1.0, (0, 1), (0, 10**7), (None, 0), 0.5, "")
    text = written(line)
    assert text.isprintable()
    assert "10.0M" in text
    for columns in range(len(text) + 5):
        assert clipped(text, columns) == text[: len(clipped(text, columns))]
    assert "a名" == clipped("a名前", 4)
    assert ["    999", "   1.0k", "  12.3M", "   1.0G"] == [
        amount(octets) for octets in (999, 1000, 12_345_678, 10**9)
    ]


def test_a_pipe_gets_one_table_after_another() -> None:
    """Without a control character; and a reader that is gone ends it."""

    class Gone(io.StringIO):
        left = 2

        def flush(self) -> None:
            self.left -= 1
            if not self.left:
                raise BrokenPipeError

    out, over = Gone(), threading.Event()
    screen = Screen(Drawn(every=0.1), out, over.set)
    screen.start()
    assert over.wait(SECONDS)
    screen.finish()
    assert 2 == out.getvalue().count("0 connections, 0 streams")
    assert out.getvalue().replace("\n", "").isprintable()


# ---- The program ------------------------------------------------------------------------


@contextmanager
def talking(address: str) -> Iterator[None]:
    """Somebody who joins and says something."""
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        stub = ChatServiceStub(channel)  # type: ignore[no-untyped-call] # generated
        said = iter([joining("Ann"), saying("Hello")])
        stream = stub.Chat(said)
        for message in stream:
            if message.message == "Hello":
                break
        yield
        stream.cancel()


@pytest.mark.slow
def test_once_prints_a_table_and_ends() -> None:
    """Exit code 0, and nothing but text: for scripts."""
    with running("--room", "lobby") as server, top(server, "--once", "--every", "3") as process:
        with talking(address_of(process)):
            out, errors = process.communicate(timeout=SECONDS)
        assert (0, True) == (process.returncode, out.isprintable() or "\x1b" not in out), errors
        assert "1 connections, 1 streams" in out
        assert "/rpc.ChatService/Chat" in out


def top(server: str, *options: str) -> AbstractContextManager[Program]:
    return started(
        ["-m", "chatroom.chatwire", "top", "--listen", "127.0.0.1:0", "--to", server,
         "--no-reflection", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def address_of(process: Program) -> str:
    assert process.stderr is not None
    first = process.stderr.readline()
    ready = READY.fullmatch(first.strip())
    assert ready, first
    return ready[1]


@dataclass
class Terminal:
    """A terminal, and what was written to it."""

    master: int
    slave: int
    text: str = ""

    def until(self, wanted: str) -> None:
        """Read until this has been written."""
        end = time.monotonic() + SECONDS
        while wanted not in self.text:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.text
            self.text += os.read(self.master, 1 << 16).decode()


@contextmanager
def terminal() -> Iterator[Terminal]:
    master, slave = pty.openpty()
    try:
        yield Terminal(master, slave)
    finally:
        os.close(master)
        os.close(slave)


def children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in told.split()]


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGKILL", "who draws is killed"])
def test_the_terminal_is_as_before_however_it_ends(how: str) -> None:
    """The other screen is left, the cursor is there, and no mode of it has changed."""
    with running("--room", "lobby") as server, terminal() as screen:
        modes = termios.tcgetattr(screen.slave)
        with started(
            ["-m", "chatroom.chatwire", "top", "--listen", "127.0.0.1:0", "--to", server,
             "--no-reflection", "--every", "0.2"],
            stdin=screen.slave, stdout=screen.slave, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            address_of(process)
            screen.until("0 connections, 0 streams")
            assert ENTER in screen.text
            if how == "who draws is killed":
                (drawing,) = children(process.pid)
                os.kill(drawing, signal.SIGKILL)
                process.send_signal(signal.SIGINT)
            else:
                process.send_signal(getattr(signal, how))
            screen.until(LEAVE)
            process.wait(SECONDS)
        assert modes == termios.tcgetattr(screen.slave)
        assert screen.text.rindex(LEAVE) > screen.text.rindex(ENTER)
