"""The tap's end of the pipe to the process that looks."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from chatroom.chatwire.copies import Copies

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.watch import Watching

FINISH_SECONDS = 15.0
"""How long the process may take to print what it still has, at the end."""


class Watcher:
    """Starts `watch.main` in a process and hands it copies, from a thread that may wait."""

    def __init__(self, watching: Watching, gone: Callable[[], None]) -> None:
        """`gone` is called, from a thread, when the process ends before it was told to."""
        self._gone = gone
        self._copies = Copies()
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
        """Hand over what waits, and wait until it is printed; the process's exit code."""
        self._copies.close()
        try:
            return self._process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _feed(self, watching: Watching) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pickle.dump(watching, pipe)
            pipe.flush()
            while (batch := self._copies.take()) is not None:
                pickle.dump(batch, pipe, protocol=pickle.HIGHEST_PROTOCOL)
                pipe.flush()
        except OSError:
            self._gone()
        finally:
            with contextlib.suppress(OSError):
                pipe.close()
