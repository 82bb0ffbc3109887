"""Plays a story: a program for Node.js that leads browsers, and asks here for what they cannot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.interop.programs import missing, tool

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "src" / "chatroom" / "page"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Acts = dict[str, Callable[..., object]]


def browser() -> str:
    """The path of a Chromium, or the test is skipped."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing("chromium")
    return found


def packages() -> Path:
    """Where npm has put what the tests of the page want, or the test is skipped."""
    folder = HERE / "node_modules"
    if not (folder / "playwright-core").is_dir():
        missing("playwright-core (npm install in tests/page)")
    return folder


def play(story: str, address: str, acts: Acts | None = None, **environment: str) -> str:
    """Play `stories/STORY.mjs` to its end; what it prints, but for what it asks for.

    A line `do NAME ARGUMENT…`, in JSON from `do` on, has the act of that name carried out, and
    is answered by a line with its result. Fails as the story does.
    """
    packages()
    command = [tool("node"), str(HERE / "stories" / f"{story}.mjs"), address, browser()]
    told: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if not line.startswith("do "):
                    told.append(line)
                    continue
                name, *arguments = json.loads(line.removeprefix("do "))
                result = (acts or {})[name](*arguments)
                process.stdin.write(json.dumps(result) + "\n")
                process.stdin.flush()
            errors = process.stderr.read()
        finally:
            process.kill()
    assert 0 == process.wait(), "".join(told) + errors
    return "".join(told)
