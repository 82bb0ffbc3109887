"""The tap's end of the pipe to the process that looks."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from chatroom.chatwire.copies import OVERHEAD, Copies
from chatroom.chatwire.passage import Chunk, Missing
from chatroom.chatwire.watch import READER_GONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.watch import Watching

FINISH_SECONDS = 15.0
"""How long the process may take to print what it still has, at the end."""
LAST_SECONDS = 10.0
"""After that: for what it has begun, and for the summary. Then it is killed."""
PORTION = 64 * 1024
"""Bytes that are handed over at once, about: a second's work, where they are all PINGs."""


class Watcher:
    """Starts `watch.main` in a process and hands it copies, from a thread that may wait."""

    def __init__(
        self,
        watching: Watching,
        gone: Callable[[], None],
        say: Callable[[str], object],
        *,
        finish_seconds: float = FINISH_SECONDS,
    ) -> None:
        """`gone` is called, from a thread, when nobody reads what the process prints.

        `say` is told in a sentence when it ends otherwise before it was told to: then nothing
        is shown any more.
        """
        self._gone = gone
        self._say = say
        self._finish_seconds = finish_seconds
        self._copies = Copies()
        self._finishing = threading.Event()
        self._late = threading.Event()
        """Set when the time to finish is over: what was not handed over is only counted."""
        self._unshown = 0
        self._told = False
        """Whether it was said that the process has ended."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # what lies in the current directory is not chatwire's
                "-c",
                "import sys; from chatroom.chatwire.watch import main; sys.exit(main())",
            ],
            stdin=subprocess.PIPE,
        )
        self._feeder = threading.Thread(
            target=self._feed, args=(watching,), name="chatwire feeder", daemon=True
        )
        self._feeder.start()

    def observe(self, passage: Passage) -> None:
        """Hand in a copy; never waits."""
        self._copies.put(passage)

    def finish(self) -> int:
        """Hand over what waits, and wait until it is printed; the exit code.

        1: not all of it was, which is said, or could not be.
        """
        self._finishing.set()
        self._copies.close()
        try:
            code = self._process.wait(self._finish_seconds)
        except subprocess.TimeoutExpired:
            self._give_up()
            return 1
        self._feeder.join()
        if lost := self._copies.lost:
            self._say(f"{lost:,} bytes came quicker than they could be taken in: see MISSING")
        if code < 0 and not self._told:
            self._say(f"not all that passed is shown: {ended(code)}")
        return 0 if code in (0, READER_GONE) else 1

    def _give_up(self) -> None:
        """Have it finish what it has begun, and say how much is left."""
        self._late.set()
        try:
            self._process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._feeder.join()
        self._say(
            f"the last {self._unshown:,} bytes that passed are not shown: that would have taken "
            f"longer than {self._finish_seconds:g} s"
        )

    def _feed(self, watching: Watching) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pickle.dump(watching, pipe)
            pipe.flush()
            while (batch := self._copies.take()) is not None:
                for portion in portions(batch):
                    if not self._late.is_set():
                        pickle.dump(portion, pipe, protocol=pickle.HIGHEST_PROTOCOL)
                        pipe.flush()
                    if self._late.is_set():
                        # Begun, perhaps, but whether it was shown is not known.
                        self._unshown += size(portion)
        except OSError:
            self._ended_early()
        finally:
            with contextlib.suppress(OSError):
                pipe.close()

    def _ended_early(self) -> None:
        code = self._process.wait()
        if code == READER_GONE:
            self._gone()
        elif not self._finishing.is_set():
            self._told = True
            self._say(
                f"nothing is shown any more: {ended(code)}; everything is passed on as before, "
                "Ctrl-C ends that too"
            )
        # Nobody takes them any more, so that they must not be kept.
        while (batch := self._copies.take()) is not None:
            self._unshown += size(batch)


def ended(code: int) -> str:
    """How the process that decodes ended."""
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"the process that decodes {how}"


def portions(batch: Sequence[Passage]) -> Iterator[list[Passage]]:
    """The same in pieces that are shown quickly."""
    portion: list[Passage] = []
    weight = 0
    for passage in batch:
        portion.append(passage)
        weight += size([passage]) + OVERHEAD
        if weight >= PORTION:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion


def size(passages: Sequence[Passage]) -> int:
    """Bytes that passed in them."""
    chunks = sum(len(one.content) for one in passages if isinstance(one, Chunk))
    return chunks + sum(one.count or 0 for one in passages if isinstance(one, Missing))
