"""The page under load: a long history, a flood. Short in CI, at full length under `make soak`."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.faults.scale import report, scaled
from tests.interop.programs import running
from tests.launch.program import ran, started

from .playing import play

MESSAGES = scaled(ci=1_000, soak=20_000)
SECONDS = scaled(ci=5, soak=60)
RATE = 200
"""Messages a second."""
VISITS = scaled(ci=1, soak=9)
PART = 0.05
"""Seconds from one write of them to the next."""


def pipe(address: str, name: str) -> list[str]:
    """What says each line of standard input in the lobby."""
    return ["-m", "chatroom.chatter", "--host", address,
            "--room", "lobby", "--name", name, "--history", "0"]  # fmt: skip


def fill(address: str) -> None:
    """Say "line 1" and so on, as fast as that goes."""
    lines = "".join(f"line {number}\n" for number in range(1, MESSAGES + 1))
    ran(pipe(address, "ci"), input=lines, capture_output=True, text=True, timeout=600)


def flood(address: str, seconds: int) -> int:
    """Say `RATE` messages a second, "flood 1" and so on; how many."""
    said = 0
    with started(
        pipe(address, "flood"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        begun = time.monotonic()
        while said < RATE * seconds:
            due = min(int((time.monotonic() - begun) * RATE) + 1, RATE * seconds)
            process.stdin.writelines(f"flood {number}\n" for number in range(said + 1, due + 1))
            process.stdin.flush()
            said = due
            time.sleep(PART)  # this is the clock of who speaks; nothing is awaited
        process.communicate(timeout=60)
    return said


@pytest.mark.slow
def test_what_the_page_keeps_is_bounded() -> None:
    """However long the history and the flood are: nodes, and both heaps after a collection."""
    keep = f"--keep-entries={2 * MESSAGES + RATE * SECONDS}"  # else "line 1" is trimmed away
    with running("--room", "lobby", "--message-rate", "0", keep) as address:
        fill(address)
        acts = {"flood": lambda seconds: flood(address, seconds)}
        figures = play("flood", address, acts, MESSAGES=str(MESSAGES), SECONDS=str(SECONDS))
    report("What the page keeps under load", figures)


@pytest.mark.slow
def test_a_visit_costs_little() -> None:
    """Nothing is loaded twice, and nothing that is read moves; its times are printed."""
    with running("--room", "lobby") as address:
        figures = play("figures", address, ROUNDS=str(VISITS))
    report("A visit, on loopback", figures)
