"""A program of the project as a process of its own.

It is forked from a process that has its imports already, which saves a second of CPU for a
server and a third of one for a client. To whoever sees it from outside it is an ordinary
process: its number, its signals, its exit code, its streams, its terminal. What an
interpreter decides at its very start is decided by a new interpreter (`needs_its_own`).
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.launch.fork_server import Wanted, request

ROOT = Path(__file__).parents[2]
LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")


def needs_its_own(environment: Mapping[str, str]) -> bool:
    """Whether these variables tell an interpreter something new: PYTHON…, a character set."""
    names = {name for name in (*environment, *os.environ) if name.startswith("PYTHON")}
    changed = any(environment.get(name) != os.environ.get(name) for name in names)
    return changed or locale(environment) != locale(os.environ)


def locale(environment: Mapping[str, str]) -> str:
    """What decides the character set; without any, Python takes C.UTF-8 (PEP 538)."""
    return next((value for name in LOCALES if (value := environment.get(name))), "C.UTF-8")


def number_from(pipe: int) -> int:
    """The next line of a pipe; another one may stand behind it already."""
    line = b""
    while not line.endswith(b"\n"):
        octet = os.read(pipe, 1)
        assert octet, "the fork server has ended"
        line += octet
    return int(line)


class ForkServer:
    """The process that forks. One is enough for a process of tests."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._requests, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.launch.fork_server", str(its.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )

    def start(self, wanted: Wanted, streams: Sequence[int]) -> tuple[int, int]:
        """Start a program: its number, and the descriptor that will tell its end."""
        told, tells = os.pipe()
        data = request(wanted)
        with self._one_at_a_time:
            try:
                sent = socket.send_fds(self._requests, [data], [*streams, tells])
                self._requests.sendall(data[sent:])
            finally:
                os.close(tells)
            return number_from(told), told

    def close(self) -> None:
        """End it, and what it still runs."""
        self._requests.close()
        self._process.wait()


_server: ForkServer | None = None


def fork_server() -> ForkServer:
    """The one of this process."""
    global _server  # one for all who start programs here
    if _server is None:
        _server = ForkServer()
    return _server


def end_fork_server() -> None:
    """End it, if there is one."""
    global _server  # as above
    if _server is not None:
        _server.close()
        _server = None


class Program:
    """A program that runs or has ended; used as `subprocess.Popen`, of which it has a part."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        text: bool = False,
        encoding: str | None = None,
        start_new_session: bool = False,
        controlling_terminal: bool = False,
    ) -> None:
        """`arguments` are Python's: `-m MODULE …` or `SCRIPT …`."""
        self.args = [os.fspath(each) for each in arguments]
        self.returncode: int | None = None
        encoding = encoding or ("utf-8" if text else None)
        wanted = Wanted(
            arguments=self.args,
            environment=dict(os.environ if env is None else env),
            directory=str(Path(cwd or ".").absolute()),
            session=start_new_session,
            terminal=controlling_terminal,
        )
        with contextlib.ExitStack() as given:
            self.stdin, reads = self._stream(given, 0, stdin, encoding)
            self.stdout, writes = self._stream(given, 1, stdout, encoding)
            if stderr == subprocess.STDOUT:
                self.stderr, complains = None, writes
            else:
                self.stderr, complains = self._stream(given, 2, stderr, encoding)
            self.pid, self._told = fork_server().start(wanted, [reads, writes, complains])
        weakref.finalize(self, os.close, self._told)
        self._lock = threading.Lock()

    @staticmethod
    def _stream(
        given: contextlib.ExitStack, number: int, what: Any, encoding: str | None
    ) -> tuple[Any, int]:
        """Our end of a stream, if it has one, and the program's."""
        if what == subprocess.PIPE:
            ends = os.pipe()
            ours, its = ends if number else ends[::-1]
            given.callback(os.close, its)
            file: Any = os.fdopen(ours, "rb" if number else "wb")
            return (io.TextIOWrapper(file, encoding) if encoding else file), its
        if what == subprocess.DEVNULL:
            its = os.open(os.devnull, os.O_RDWR)
            given.callback(os.close, its)
            return None, its
        if what is None:
            return None, number
        return None, what if isinstance(what, int) else what.fileno()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_streams()
        self.wait()

    def _close_streams(self) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended; negative: the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            with self._lock:
                if self.returncode is None:
                    self.returncode = number_from(self._told)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing, if it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def communicate(self, say: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Say something and end its input; all that it writes, once it has ended."""
        heard: list[Any] = [None, None]

        def read(place: int, stream: Any) -> None:
            heard[place] = stream.read()

        def write() -> None:
            with contextlib.suppress(BrokenPipeError):
                if say:
                    self.stdin.write(say)
                self.stdin.close()

        threads = [
            threading.Thread(target=read, args=(place, stream), daemon=True)
            for place, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        if self.stdin is not None:
            threads.append(threading.Thread(target=write, daemon=True))
        for thread in threads:
            thread.start()
        until = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.join(None if until is None else max(until - time.monotonic(), 0))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(until - time.monotonic(), 0))
        self._close_streams()
        return heard[0], heard[1]


def started(arguments: Sequence[str | Path], **how: Any) -> Any:
    """Start a program: forked, or by an interpreter of its own where that is needed.

    `arguments` are Python's, `how` is as for `Program`. A Program or a Popen, used alike.
    """
    environment = how.get("env")
    if arguments[0] == "-c" or needs_its_own(os.environ if environment is None else environment):
        return executed([sys.executable, *map(os.fspath, arguments)], **how)
    return Program(arguments, **how)


def executed(
    command: Sequence[str], *, controlling_terminal: bool = False, **how: Any
) -> subprocess.Popen[Any]:
    """Start a command the ordinary way."""
    if controlling_terminal:
        # The first terminal that a session leader opens is the one that controls it.
        how["env"] = {**(how.get("env") or os.environ), "TTY": os.ttyname(how["stdin"])}
        command = ["sh", "-c", 'exec "$@" <"$TTY"', "sh", *command]
    return subprocess.Popen(command, **how)


def ran(
    arguments: Sequence[str | Path],
    *,
    input: Any = None,  # noqa: A002 # as subprocess.run has it
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **how: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a program to its end, as `subprocess.run` does."""
    if capture_output:
        how |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        how["stdin"] = subprocess.PIPE
    with started(arguments, **how) as program:
        try:
            out, error = program.communicate(input, timeout)
        except BaseException:
            program.kill()
            raise
    ended = subprocess.CompletedProcess(program.args, program.returncode, out, error)
    if check:
        ended.check_returncode()
    return ended
