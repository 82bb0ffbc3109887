"""The programs that interop needs: our server, and tools that may not be installed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

import pytest

from tests.launch.program import started

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
READY = "chatserver: listening on "
SECONDS = 60.0
"""How long a tool may take; it never decides a test that passes."""


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`; fail it where CI promises that everything is there."""
    reason = f"{what} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The path of a program: in .tools/bin, where Go installs, or on the PATH."""
    places = [str(ROOT / ".tools" / "bin"), os.environ.get("GOBIN", ""), os.environ["PATH"]]
    found = shutil.which(name, path=os.pathsep.join(filter(None, places)))
    if found is None:
        missing(name)
    return found


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS)


def output(*command: str, cwd: Path | None = None) -> str:
    """What a command prints; a failing one raises an AssertionError that says what it said."""
    run = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS)
    assert 0 == run.returncode, f"{command}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run a chatserver; the address it listens on, once it says so."""
    command = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory"]
    with started(
        [*command, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        stderr = process.stderr
        assert stderr is not None
        said: list[str] = []
        for line in stderr:
            said.append(line)
            if line.startswith(READY):
                break
        else:
            raise AssertionError(f"the server did not start: {''.join(said)}")
        # Read on, so that the pipe never fills, and keep it for whoever asks why.
        drain = threading.Thread(target=lambda: said.extend(stderr), daemon=True)
        drain.start()
        address = said[-1].removeprefix(READY).strip()
        try:
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            finally:
                process.kill()
                drain.join()
                sys.stderr.writelines(said)


class JsonStream:
    """A program that reads requests as JSON and prints responses as JSON; a context manager.

    Both go on as long as the stream does; whatever is left of it then is killed.
    """

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_answers, self._read_errors)
        ]

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()

    def send(self, request: object) -> None:
        """Hand in one request."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next answer; an AssertionError with what the program said if there is none."""
        answer = self._heard.get(timeout=SECONDS)
        assert answer is not None, "".join(self._errors)
        return answer

    def heard(self) -> tuple[str, str]:
        """The next answer, a chat message, as its name and text."""
        answer = self.hear()
        return answer["name"], answer["message"]

    def half_close(self) -> None:
        """Say that no request will follow."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def end(self) -> tuple[int, str]:
        """The exit code and what was said on standard error, once all answers were heard."""
        code = self._process.wait(SECONDS)
        for reader in self._readers:
            reader.join()
        rest = self._heard.get()
        assert rest is None, f"not the end yet: {rest}"
        return code, "".join(self._errors)

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        text = ""
        for line in self._process.stdout:
            text += line
            # An object ends where a line begins with its brace, or with itself.
            if line.startswith("}") or (line.startswith("{") and line.rstrip().endswith("}")):
                self._heard.put(json.loads(text))
                text = ""
        self._heard.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)
