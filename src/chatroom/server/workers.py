"""Workers: processes that serve on the same ports, and the one that looks after them.

The supervisor serves nobody. It has no event loop and no thread, so it may fork whenever it
likes: a worker is a copy of it, with everything imported already. It holds the ports, starts a
worker again that has ended, and hands on what it is told by signals.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from chatroom.interrupts import INTERRUPTED

log = logging.getLogger("chatserver")

CANNOT_START = 3
"""The exit code if a worker could not be started, again and again."""
MOST = 64
"""Workers of one server: each has six connections to a database that by default allows 100."""
TOLD_BYTES = 4096
"""The most that a worker tells when it is ready: PIPE_BUF, so it comes whole."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Restarts:
    """How a worker is started again that has ended by itself."""

    pause: float = 1.0
    """Seconds before it is, the first time; twice as long each time after that."""
    longest: float = 30.0
    """Seconds; no pause is longer."""
    steady: float = 60.0
    """Seconds; who has served for so long counts as a new one."""
    tries: int = 8
    """Starts in a row that fail, of one worker, until all end: about two minutes."""


class Worker:
    """What a worker knows of itself, in its own process."""

    def __init__(self, number: int, life: int, tells: int) -> None:
        self.number = number
        """From 1 on."""
        self.life = life
        """A descriptor that is readable once the supervisor has gone."""
        self._tells = tells

    def ready(self, told: str) -> None:
        """It serves; the supervisor says on its behalf what is `told`, if it is the first."""
        os.write(self._tells, f"{told}\n".encode()[-TOLD_BYTES:])
        os.close(self._tells)


@dataclass(slots=True)
class _Post:
    """The place of a worker, whoever fills it."""

    number: int
    pid: int = 0
    """Its process; 0: it does not run."""
    told: int = -1
    """The descriptor by which it tells that it serves; -1: it has, or does not run."""
    served_at: float = 0.0
    """Since when it serves; 0: it does not."""
    due: float | None = 0.0
    """When it is to be started; None: it runs."""
    failures: int = 0
    """How often in a row it has ended before it served."""
    pause: float = 0.0
    """Seconds before it was started the last time."""


@dataclass(slots=True)
class Supervisor:
    """Keeps so many workers going until it is told to stop."""

    count: int
    work: Callable[[Worker], int]
    """What a worker does, in a process of its own; returns the exit code."""
    on_ready: Callable[[str], None]
    """Called once, with what the first one told, when all serve."""
    restarts: Restarts = field(default_factory=Restarts)
    on_stop: Callable[[], None] = lambda: None
    """Called when it is told to stop."""
    on_beat: Callable[[], None] | None = None
    """Called every `beat` seconds while all serve, to show that this process is alive."""
    beat: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    """In seconds."""
    _posts: list[_Post] = field(default_factory=list)
    _signals: list[int] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _stopping: bool = False
    _code: int = 0
    _first: str | None = None
    """What the first worker that served has told."""
    _announced: bool = False
    _beaten: float = 0.0
    """When `on_beat` was called."""
    _life: tuple[int, int] = (-1, -1)

    def run(self) -> int:
        """The exit code, once all workers have ended.

        0: they were told to; 1: one has failed while it stopped, or the very first start has
        failed; CANNOT_START; 130: a second signal has ended them at once.
        """
        self._posts = [_Post(number) for number in range(1, self.count + 1)]
        self._life = os.pipe()
        gc.collect()
        gc.freeze()  # what is here now stays, and is shared by all
        with self._hearing_signals() as wakes:
            self._selector.register(wakes, selectors.EVENT_READ)
            while not self._stopping or any(post.pid for post in self._posts):
                self._start_due()
                for key, _ in self._selector.select(self._wait()):
                    if key.fileobj == wakes:
                        with contextlib.suppress(BlockingIOError):
                            os.read(wakes, 4096)
                    else:
                        self._hear(key.data)
                self._reap()
                self._beat()
                signals, self._signals = self._signals, []
                for number in signals:
                    if self._on_signal(number):
                        return INTERRUPTED
        return self._code

    # ---- Signals ------------------------------------------------------------------

    @contextlib.contextmanager
    def _hearing_signals(self) -> Iterator[int]:
        """In the block signals are noted; the descriptor is readable when there was one."""
        woken, wakes = os.pipe()
        for descriptor in (woken, wakes):
            os.set_blocking(descriptor, False)
        handled = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP}
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            handled.add(signal.SIGINT)
        before = {
            each: signal.signal(each, lambda number, _: self._signals.append(number))
            for each in handled
        }
        before_wakes = signal.set_wakeup_fd(wakes)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(before_wakes)
            for each, handler in before.items():
                signal.signal(each, handler)
            for descriptor in (woken, wakes, *self._life):
                os.close(descriptor)

    def _on_signal(self, number: int) -> bool:
        """Hand it on; whether everything has ended at once."""
        if number == signal.SIGHUP:
            # Who does not serve yet reads everything anyway, and would be ended by it.
            self._tell(signal.SIGHUP, [post for post in self._posts if post.served_at])
        elif number in (signal.SIGTERM, signal.SIGINT):
            if self._stopping:
                # What was acknowledged is in the journal already.
                self._tell(signal.SIGKILL, self._posts)
                return True
            self.on_stop()
            self._stop()
        return False

    def _beat(self) -> None:
        now = self.monotonic()
        if self.on_beat is not None and self._announced and now - self._beaten >= self.beat:
            self._beaten = now
            self.on_beat()

    def _stop(self) -> None:
        self._stopping = True
        self._tell(signal.SIGTERM, self._posts)

    def _tell(self, number: signal.Signals, posts: list[_Post]) -> None:
        for post in posts:
            if post.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(post.pid, number)

    # ---- Starting -----------------------------------------------------------------

    def _wait(self) -> float | None:
        """Seconds until something is to be done; None: until something happens."""
        due = [post.due for post in self._posts if post.due is not None and not self._stopping]
        if due and self._first is None:
            return None if any(post.pid for post in self._posts) else 0.0
        if self.on_beat is not None and self._announced:
            due.append(self._beaten + self.beat)
        return max(0.0, min(due) - self.monotonic()) if due else None

    def _start_due(self) -> None:
        """Start whoever is due; at first one alone, which makes what is missing in the database."""
        if self._stopping:
            return
        posts = self._posts if self._first is not None else self._posts[:1]
        for post in posts:
            if post.due is not None and post.due <= self.monotonic():
                self._start(post)

    def _start(self, post: _Post) -> None:
        told, tells = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            os.close(told)
            self._become(post.number, tells)
        os.close(tells)
        self._selector.register(told, selectors.EVENT_READ, post)
        post.pid, post.told, post.due, post.served_at = pid, told, None, 0.0

    def _become(self, number: int, tells: int) -> NoReturn:
        """In the process of a worker: be it, and end."""
        code = 1
        try:
            # Ctrl-C in a terminal is for the supervisor, which hands it on.
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.close(self._life[1])
            self._selector.close()
            for post in self._posts:
                if post.told >= 0:
                    os.close(post.told)
            code = self.work(Worker(number, self._life[0], tells))
        except BaseException:  # noqa: BLE001 # this process must never go on as the supervisor
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _hear(self, post: _Post) -> None:
        """It has told that it serves, or ended before."""
        told = os.read(post.told, TOLD_BYTES).decode(errors="replace").strip()
        self._selector.unregister(post.told)
        os.close(post.told)
        post.told = -1
        if not told:
            return
        post.served_at = self.monotonic()
        post.failures = 0
        if self._first is None:
            self._first = told
        if not self._announced and all(each.served_at for each in self._posts):
            self._announced = True
            self.on_ready(self._first)

    # ---- Ending -------------------------------------------------------------------

    def _reap(self) -> None:
        for post in self._posts:
            if not post.pid:
                continue
            pid, status = os.waitpid(post.pid, os.WNOHANG)
            if pid:
                if post.told >= 0:  # it may have served for a moment
                    self._hear(post)
                self._ended(post, os.waitstatus_to_exitcode(status))

    def _ended(self, post: _Post, code: int) -> None:
        pid, post.pid = post.pid, 0
        if self._stopping:
            if code:
                log.error("worker %d (process %d) %s", post.number, pid, _how(code))
                self._code = self._code or 1
            return
        if self._first is None:
            self._code = 1  # as one server would end; it has said why
            self._stop()
            return
        served = self.monotonic() - post.served_at if post.served_at else 0.0
        if not post.served_at:
            post.failures += 1
        if post.failures >= self.restarts.tries:
            log.error(
                "worker %d (process %d) %s, and could not be started %d times: all workers end",
                post.number, pid, _how(code), post.failures,
            )  # fmt: skip
            self._code = CANNOT_START
            self._stop()
            return
        steady = served >= self.restarts.steady
        pause = self.restarts.pause if steady or not post.pause else 2 * post.pause
        post.pause = min(pause, self.restarts.longest)
        post.due = self.monotonic() + post.pause
        log.error(
            "worker %d (process %d) %s; it is started again in %.3g s",
            post.number, pid, _how(code), post.pause,
        )  # fmt: skip
        post.served_at = 0.0


def _how(code: int) -> str:
    """How a process has ended, in words."""
    if code >= 0:
        return f"has ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
