"""A real terminal that a test can look at: tmux, without configuration, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.interop.programs import tool

SECONDS = 30.0
POLL_SECONDS = 0.02


class Tmux:
    """One window of a tmux server."""

    def __init__(self, program: str, socket: Path, environment: Mapping[str, str]) -> None:
        self._command = [program, "-S", str(socket), "-f", "/dev/null", "-u"]
        self._environment = environment

    def do(self, *arguments: str, given: str | None = None) -> str:
        """What a command of tmux prints."""
        return subprocess.run(
            [*self._command, *arguments],
            input=given,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout

    def type(self, text: str) -> None:
        self.do("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: "Enter", "Left", "BSpace", "C-c"."""
        self.do("send-keys", *keys)

    def paste(self, text: str, *, brackets: bool = False) -> None:
        """As prefix ] does; with brackets if the program has asked for them."""
        self.do("load-buffer", "-", given=text)
        self.do("paste-buffer", *(["-p"] if brackets else []))

    @property
    def screen(self) -> list[str]:
        return self.do("capture-pane", "-p").split("\n")[:-1]

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column."""
        row, column = self.do("display", "-p", "#{cursor_y} #{cursor_x}").split()
        return int(row), int(column)

    def wait(self, condition: Callable[[list[str]], object]) -> None:
        """Wait until a condition of the screen's rows holds."""
        until = time.monotonic() + SECONDS
        while not condition(rows := self.screen):
            assert time.monotonic() < until, "not shown:\n" + "\n".join(rows)
            time.sleep(POLL_SECONDS)

    def until(self, *texts: str) -> None:
        """Wait until all these texts are on the screen at once."""
        self.wait(lambda rows: all(text in "\n".join(rows) for text in texts))


@contextlib.contextmanager
def tmux(
    *command: str, size: tuple[int, int] = (24, 80), environment: Mapping[str, str]
) -> Iterator[Tmux]:
    """Run a command in a tmux of this size, (rows, columns)."""
    program = tool("tmux")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TMUX")}
    with tempfile.TemporaryDirectory(prefix="tmux-") as directory:
        window = Tmux(program, Path(directory) / "socket", kept | environment)
        rows, columns = size
        window.do(
            "new-session", "-d", "-x", str(columns), "-y", str(rows), shlex.join(command), ";",
            "set", "-g", "status", "off", ";", "set", "-g", "escape-time", "0",
        )  # fmt: skip
        try:
            yield window
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # gone with its program
                window.do("kill-server")
