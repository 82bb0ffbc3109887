"""A chatserver that says on SIGUSR1 how many tasks its event loop has.

Before it does, it gives back what memory it does not use: what the allocator keeps for later, of
a moment when much came at once, is no leak.

Its first argument is a named pipe, into which it writes the number; the rest are chatserver's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import signal
import sys
from pathlib import Path
from types import FrameType

from chatroom.server import cli


def main() -> None:
    """The program."""
    pipe = Path(sys.argv.pop(1))

    def tell(_number: int, _frame: FrameType | None) -> None:
        gc.collect()
        with contextlib.suppress(AttributeError):  # the C library is not glibc
            ctypes.CDLL(None).malloc_trim(0)
        pipe.write_text(str(len(asyncio.all_tasks())))

    signal.signal(signal.SIGUSR1, tell)
    cli.main()


if __name__ == "__main__":
    main()
