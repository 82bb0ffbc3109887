"""`python -m tests.launch.fork_server DESCRIPTOR`: forks a process for each program wanted.

What the programs import is imported here, once. It has one thread, no event loop and no gRPC
core that is at work (importing grpc starts nothing; a channel does), so a fork is a program
at its very beginning. It ends, and whatever it still runs with it, when the socket is closed.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from chatroom.core import names
from tests.faults.scale import SOAK

PRELOADED = (
    "chatroom.chatter.cli",
    "chatroom.chatter.commands.messages",
    "chatroom.chatter.dialogue",
    "chatroom.chatter.printing",
    "chatroom.chatter.running",
    "chatroom.chatter.settings",
    "chatroom.chatter.terminal.screen",
    "chatroom.chatter.writer",
    "chatroom.chatwire.cli",
    "chatroom.chatwire.lab.catalogue",
    "chatroom.chatwire.lab.experiments.stalled_reader",
    "chatroom.chatwire.lab.story",
    "chatroom.chatwire.live",
    "chatroom.chatwire.watch",
    "chatroom.client",
    "chatroom.client.channel",
    "chatroom.client.connections",
    "chatroom.client.stream",
    "chatroom.server.cli",
    "click._textwrap",
    "encodings.idna",
    "google.protobuf.json_format",
    "grpc.aio",
    "prompt_toolkit",
    "uvloop",
)
"""What takes long to import; the tables of names are read as well.

A program that is asked for is not among them: it runs as it would.
"""
STREAMS = 3
STDERR = 2
REQUEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Wanted:
    """A program to run. `arguments` are Python's: `-m MODULE …` or `SCRIPT …`."""

    arguments: list[str]
    environment: dict[str, str]
    directory: str
    session: bool
    """In a session of its own."""
    terminal: bool
    """Of which standard input becomes the terminal that sends it Ctrl-C."""


def request(wanted: Wanted) -> bytes:
    """The bytes that ask for it; sent with its three standard streams and a pipe.

    Into the pipe come a line with the process's number and, when it has ended, one with
    its exit code, negative for a signal.
    """
    return json.dumps(vars(wanted)).encode() + b"\n"


class Forks:
    """Every program that runs, by its process's number: the pipe for its exit code."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._running: dict[int, int] = {}
        self._ended, wakes = os.pipe()
        for descriptor in (self._ended, wakes):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes)
        self._wakes = wakes

    def next_program(self) -> Wanted | None:
        """In a new process: what it is to run. In this one it returns at the end only: None."""
        while True:
            ready, _, _ = select.select([self._requests, self._ended], [], [])
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._reap()
            if self._requests in ready:
                data, descriptors, _, _ = socket.recv_fds(
                    self._requests, REQUEST_BYTES, STREAMS + 1
                )
                if not data:
                    self._kill()
                    return None
                while not data.endswith(b"\n"):
                    data += self._requests.recv(REQUEST_BYTES)
                wanted = Wanted(**json.loads(data))
                if self._fork(descriptors):
                    return wanted

    def _fork(self, descriptors: list[int]) -> bool:
        """Whether this is the new process."""
        *streams, status = descriptors
        if pid := os.fork():
            os.write(status, b"%d\n" % pid)
            self._running[pid] = status
            for each in streams:
                os.close(each)
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._requests.close()
        for own in (self._ended, self._wakes, status, *self._running.values()):
            os.close(own)
        for number, each in enumerate(streams):
            os.dup2(each, number)
            os.close(each)
        return True

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            pipe = self._running.pop(pid)
            with contextlib.suppress(BrokenPipeError):  # nobody asks any more
                os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(pipe)

    def _kill(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)


def become(wanted: Wanted) -> None:
    """Make of this process what a new interpreter would be just before it runs the program."""
    if wanted.session:
        os.setsid()
    if wanted.terminal:
        # The first terminal that a session leader opens is the one that controls it.
        os.close(os.open(os.ttyname(0), os.O_RDWR))
    os.chdir(wanted.directory)
    os.environ.clear()
    os.environ.update(wanted.environment)
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    first, *rest = wanted.arguments
    if first == "-m":
        sys.argv = rest
        sys.path[0] = wanted.directory
    else:
        sys.argv = wanted.arguments
        sys.path[0] = str(Path(first).parent)


def _stream(number: int, before: io.TextIOWrapper) -> io.TextIOWrapper:
    """A standard stream as an interpreter opens it, in the character set of the one `before`."""
    at_once = before.write_through  # with PYTHONUNBUFFERED
    return io.TextIOWrapper(
        os.fdopen(number, "wb" if number else "rb", 0 if at_once else -1, closefd=False),
        before.encoding,
        before.errors,
        newline="\n",
        line_buffering=not at_once and (number == STDERR or os.isatty(number)),
        write_through=at_once,
    )


class End:
    """The end of a program, without the taking apart of every module that it shares.

    Taking them apart copies their memory: 50 ms of CPU for each program. Before it, all is
    as ever: threads are waited for, `atexit` is heeded, garbage is collected, streams are
    flushed. An end by an error, and every end in `make soak`, is Python's own.
    """

    def __init__(self) -> None:
        """Register it: what is registered first is called last."""
        self.code: int | None = None
        """With what it ends; None while nobody knows."""
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.code is None or SOAK:
            return
        gc.collect()
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:
                    stream.flush()
        except (OSError, ValueError):
            return  # Python says so, and ends with another code
        os._exit(self.code & 0xFF)


def run(wanted: Wanted, end: End) -> None:
    """Run it, and know its exit code."""
    try:
        if wanted.arguments[0] == "-m":
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            end.code = ended.code or 0
        raise
    end.code = 0


def main() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    names.load()
    gc.collect()
    gc.freeze()
    wanted = Forks(socket.socket(fileno=int(sys.argv[1]))).next_program()
    if wanted is None:
        return
    end = End()
    become(wanted)
    run(wanted, end)


if __name__ == "__main__":
    main()
