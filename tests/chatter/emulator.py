"""A terminal that a test can look at: a program in a pseudo-terminal, and what it shows.

A thread reads all the while, so that a program is never held up by a test that is busy
elsewhere; a test waits for a condition on the screen, never for time to pass.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyte

from tests.chatter.keys import sequence
from tests.chatter.terminal_screen import (
    APPLICATION_CURSOR,
    BRACKETED_PASTE,
    Cell,
    Style,
    TerminalScreen,
)
from tests.launch.program import Program, executed

SECONDS = 30.0
CLOCK = {r"\b\d\d:\d\d\b": "HH:MM", r"\b\d\d:\d\d:\d\d\b": "HH:MM:SS"}
"""A mask for `expect`: times of day, at their width."""


class Emulator:
    """A terminal with a program in it. Rows and columns count from 0, sizes are (rows, columns).

    Everything that can be seen may be read at any time, from any thread; `raw` has all
    bytes that ever came. What waits fails after 30 s with a picture of the screen.
    """

    def __init__(
        self, process: Program, ours: int, size: tuple[int, int], *, answers: bool = True
    ) -> None:
        """Without `answers` it tells the program nothing of itself."""
        self.process = process
        self._ours = ours
        self._cooked = termios.tcgetattr(ours)
        self._changed = threading.Condition()
        self._raw = bytearray()
        self._unsent = bytearray()
        self._closing = False
        self._ended = False
        self._failure: Exception | None = None
        answer = self._send if answers else lambda _: None
        self._screen = TerminalScreen(size[1], size[0], answer)
        self._stream = pyte.ByteStream(self._screen)
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="terminal")
        self._thread.start()

    # ---- What a person does -----------------------------------------------------------

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._send(text)

    def send_bytes(self, typed: bytes) -> None:
        """Send what is perhaps no text, as a terminal of another encoding does."""
        with self._changed:
            self._unsent += typed
        os.write(self._wake, b"!")

    def press(self, *keys: str) -> None:
        """Press keys by name: "enter", "up", "pageup", "esc", "c-c", "a-enter", "s-tab"."""
        application = APPLICATION_CURSOR in self._screen.mode
        for key in keys:
            self._send(sequence(key, application_cursor=application))

    def paste(self, text: str) -> None:
        """Paste, in brackets if the program has asked for them. Terminals send CR for LF."""
        text = text.replace("\n", "\r")
        if BRACKETED_PASTE in self._screen.mode:
            text = f"\x1b[200~{text}\x1b[201~"
        self._send(text)

    def resize(self, rows: int, columns: int) -> None:
        """Change the size; the kernel sends SIGWINCH."""
        with self._changed:
            self._screen.resize(rows, columns)
            set_size(self._ours, rows, columns)

    def hang_up(self) -> None:
        """Send what the program gets when its terminal's window is closed."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop the program from outside, and take the terminal from it as a shell does.

        Its keys are lines again, and another program has written on the screen.
        """
        self.process.send_signal(signal.SIGSTOP)
        with Path(f"/proc/{self.process.pid}/stat").open() as state:
            while state.read().rpartition(")")[2].split()[0] != "T":
                state.seek(0)
        with self._changed:
            termios.tcsetattr(self._ours, termios.TCSANOW, self._cooked)
            self._stream.feed(b"\x1b[?1049l\x1b[?2004l\x1b[Hanother program's\x1b[J")

    def go_on(self) -> None:
        """Let a program that was stopped go on."""
        self.process.send_signal(signal.SIGCONT)

    # ---- What a person sees -----------------------------------------------------------

    @property
    def screen(self) -> list[str]:
        """The text of every row, without the spaces at its end."""
        with self._changed:
            return self._screen.rows

    @property
    def text(self) -> str:
        """The screen as one string."""
        return "\n".join(self.screen)

    @property
    def scrollback(self) -> list[str]:
        """The rows that have left the main screen at its top."""
        with self._changed:
            return list(self._screen.scrollback)

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column; the column is the width of the screen after its last cell."""
        with self._changed:
            return self._screen.cursor.y, self._screen.cursor.x

    @property
    def cursor_hidden(self) -> bool:
        with self._changed:
            return self._screen.cursor.hidden

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        with self._changed:
            return self._screen.alternate

    @property
    def title(self) -> str:
        """The window's."""
        with self._changed:
            return self._screen.title

    @property
    def raw(self) -> bytes:
        """All bytes that ever came; those since a moment: `raw[moment:]`, see `moment`."""
        with self._changed:
            return bytes(self._raw)

    @property
    def modes(self) -> int:
        """What the kernel does with what is typed: termios' local flags."""
        local: int = termios.tcgetattr(self._ours)[3]
        return local

    @property
    def moment(self) -> int:
        """How many bytes have come."""
        with self._changed:
            return len(self._raw)

    def attributes(self, row: int, column: int) -> Style:
        with self._changed:
            return self._screen.style(row, column)

    def cells(self) -> list[list[Cell]]:
        """Every cell of every row."""
        with self._changed:
            screen = self._screen
            return [
                [screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)
            ]

    def column_of(self, text: str) -> int:
        """Where the text is in the last row, by the terminal's own count of cells."""
        with self._changed:
            columns = self._screen.columns_of(self._screen.lines - 1, text)
        return columns[0] if columns else -1

    def style_of(self, text: str, *, row: int | None = None) -> Style:
        """How the first occurrence of a text is drawn, on the screen or in a row of it.

        Fails if it is not there, or not all of it is drawn alike (spaces do not count).
        """
        with self._changed:
            for y in range(self._screen.lines) if row is None else [row]:
                columns = self._screen.columns_of(y, text)
                if columns is not None:
                    marks = zip(text, columns, strict=True)
                    styles = {self._screen.style(y, x) for mark, x in marks if mark != " "}
                    assert len(styles) == 1, f"{text!r} is drawn in several styles: {styles}"
                    return styles.pop()
        raise AssertionError(f"{text!r} is not shown:\n{self.picture()}")

    def picture(self) -> str:
        """The screen in a frame, its cursor's place and the program's state below it."""
        with self._changed:
            columns = self._screen.columns
            state = "program has ended" if self._ended else "program runs"
        edge = "+" + "-" * columns + "+"
        rows = "\n".join(f"|{row}" for row in self.screen)
        return f"{edge}\n{rows}\n{edge}\ncursor at {self.cursor}, {state}"

    # ---- Waiting ------------------------------------------------------------------------

    def wait(self, condition: Callable[[list[str]], object]) -> None:
        """Wait until a condition of the screen's rows holds."""
        assert self._wait(lambda: condition(self.screen)), (
            f"what was waited for did not happen:\n{self.picture()}"
        )

    def until(self, *texts: str) -> None:
        """Wait until all these texts are on the screen at once."""
        assert self._wait(lambda: all(map(self._shows, texts))), (
            f"{[text for text in texts if not self._shows(text)]} not shown:\n{self.picture()}"
        )

    def until_gone(self, text: str) -> None:
        """Wait until a text is not on the screen."""
        assert self._wait(lambda: not self._shows(text)), f"{text!r} stays:\n{self.picture()}"

    def expect(self, picture: str, masks: Mapping[str, str] | None = None) -> None:
        """Wait until the screen is this block of text, else fail with the difference.

        The block may be indented and begin with a newline; rows that are missing at its
        end are blank. What `masks` maps (patterns to texts) is replaced on both sides.
        """
        wanted = textwrap.dedent(picture.removeprefix("\n")).rstrip().split("\n")

        def masked(rows: list[str]) -> list[str]:
            rows = [row.rstrip() for row in rows]
            for pattern, text in (masks or {}).items():
                rows = [re.sub(pattern, text, row) for row in rows]
            while rows and not rows[-1]:
                rows.pop()
            return rows

        if not self._wait(lambda: masked(self.screen) == masked(wanted)):
            difference = difflib.ndiff(masked(wanted), masked(self.screen))
            raise AssertionError(
                "the screen is not as expected (-) but as shown (+):\n" + "\n".join(difference)
            )

    def end(self) -> int:
        """Wait for the program's end and all that it showed; its exit code."""
        assert self._wait(lambda: self._ended), f"the program hangs:\n{self.picture()}"
        return self.process.wait(SECONDS)

    def vanish(self) -> None:
        """Be gone, as a terminal's window that is closed: the program's end is its own."""
        if self._ours < 0:
            return
        with self._changed:
            self._closing = True
        os.write(self._wake, b"!")
        self._thread.join()
        for descriptor in (self._woken, self._wake, self._ours):
            os.close(descriptor)
        self._ours = -1

    def close(self) -> None:
        """End the program if it runs, and the terminal."""
        self.process.kill()
        self.vanish()

    def _shows(self, text: str) -> bool:
        """Whether a text is on the screen; it may end with the space after a prompt."""
        return text in " \n".join([*self.screen, ""])

    def _wait(self, condition: Callable[[], object]) -> bool:
        until = time.monotonic() + SECONDS
        with self._changed:
            while not condition():
                self._check()
                patience = until - time.monotonic()
                if self._ended or patience <= 0 or not self._changed.wait(patience):
                    return bool(condition())
        return True

    def _check(self) -> None:
        if self._failure is not None:
            raise AssertionError("the terminal does not understand") from self._failure

    def _send(self, text: str) -> None:
        """Have the thread write: it does both, so neither side can hold up the other."""
        self.send_bytes(text.encode())

    def _run(self) -> None:
        while not (self._ended or self._closing):
            writing = [self._ours] if self._unsent else []
            ready = select.select([self._ours, self._woken], writing, [])
            if self._woken in ready[0]:
                os.read(self._woken, 65536)
            with self._changed:
                if self._ours in ready[1]:
                    self._write()
                if self._ours in ready[0]:
                    self._read()
                self._changed.notify_all()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # it takes nothing after all, or is gone
            del self._unsent[: os.write(self._ours, self._unsent)]

    def _read(self) -> None:
        try:
            data = os.read(self._ours, 65536)
        except BlockingIOError:
            return
        except OSError:  # nothing has the terminal open any more
            data = b""
        self._ended = not data
        self._raw += data
        try:
            self._stream.feed(data)
        except Exception as failure:  # noqa: BLE001 - told to whoever waits
            self._failure = failure


def set_size(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def in_terminal(
    command: list[str],
    environment: Mapping[str, str],
    size: tuple[int, int] = (24, 80),
    *,
    answers: bool = True,
    start: Callable[..., Any] = executed,
) -> Iterator[Emulator]:
    """Run a command in a terminal of its own, which sends it Ctrl-C and the like.

    With `start=started`, `command` is what Python is given.
    """
    ours, its = pty.openpty()
    os.set_blocking(ours, False)
    set_size(ours, *size)
    process = start(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        env=environment,
        start_new_session=True,
        controlling_terminal=True,
    )
    os.close(its)
    with process:
        emulator = Emulator(process, ours, size, answers=answers)
        try:
            yield emulator
        finally:
            emulator.close()
