"""A forked program finds the world as one with an interpreter of its own does."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.launch.program import Program, executed, needs_its_own, ran, started

FACTS = """
import json, os, signal, sys, threading
streams = [sys.stdin, sys.stdout, sys.stderr]
signals = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP)
print(json.dumps({
    "arguments": sys.argv[1:],
    "directory": os.getcwd(),
    "environment": dict(os.environ),
    "name": __name__,
    "path": sys.path[0],
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:3],
    "threads": threading.active_count(),
    "signals": [repr(signal.getsignal(number)) for number in signals],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "streams": [[s.encoding, s.errors, s.line_buffering, s.isatty()] for s in streams],
    "at once": [s.write_through for s in streams],
    "leads": os.getsid(0) == os.getpid(),
    "said": sys.stdin.readline(),
}), flush=True)
sys.exit(7)
"""


@pytest.fixture
def facts(tmp_path: Path) -> str:
    script = tmp_path / "facts.py"
    script.write_text(FACTS)
    return str(script)


def own(arguments: list[str], **how: Any) -> Any:
    """The same with an interpreter of its own."""
    return executed([sys.executable, *arguments], **how)


@pytest.mark.parametrize("session", [False, True])
def test_it_finds_what_an_interpreter_finds(facts: str, tmp_path: Path, session: bool) -> None:
    """Arguments, directory, environment, streams, signals, session; and it decides its end."""
    found = []
    for start in (own, started):
        with start(
            [facts, "one", "two words"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "CHATTER_NAME": "Bob"}, cwd=tmp_path, start_new_session=session,
        ) as program:  # fmt: skip
            out, _ = program.communicate(b"hello\r\n")
            assert 7 == program.returncode
            found.append(json.loads(out))
    assert found[0] == found[1]
    assert "hello\r\n" == found[1]["said"]
    assert isinstance(program, Program)


def test_it_has_a_terminal(facts: str) -> None:
    """Its streams are the terminal, which begins and ends what it reads."""
    for start in (own, started):
        ours, its = pty.openpty()
        with start(
            [facts], stdin=its, stdout=its, stderr=its,
            start_new_session=True, controlling_terminal=True,
        ) as program:  # fmt: skip
            os.close(its)
            os.write(ours, b"hello\n")
            shown = b""
            while b"}" not in shown.partition(b'"said"')[2]:
                shown += os.read(ours, 65536)
            assert 7 == program.wait(30)
        os.close(ours)
        told = json.loads(shown[shown.index(b"{") :])
        assert [True, True, True] == [stream[3] for stream in told["streams"]]
        assert told["leads"]


WAITS = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(tmp_path: Path, number: int) -> None:
    """And the exit code says which."""
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    pipe = subprocess.PIPE
    with started([script], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as program:
        assert b"here\n" == program.stdout.readline()
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        program.send_signal(number)
        assert -number == program.wait(30)


def test_what_is_for_the_interpreter_gets_one() -> None:
    """PYTHON… variables and other character sets; the rest does not."""
    assert not needs_its_own({**os.environ, "CHATTER_ROOM": "1", "TERM": "dumb"})
    assert needs_its_own({**os.environ, "PYTHONPROFILEIMPORTTIME": "1"})
    assert needs_its_own({**os.environ, "LC_ALL": "en_US.ISO-8859-1"})
    with started(["-c", "pass"]) as program:
        assert isinstance(program, subprocess.Popen)


def test_an_error_is_told() -> None:
    """By its traceback and exit code 1, as ever."""
    ended = ran(["-m", "chatroom.no_such_module"], capture_output=True, text=True)
    assert 1 == ended.returncode
    assert "No module named chatroom.no_such_module" in ended.stderr
