"""A chatserver that says on SIGUSR1 how many tasks its event loop has.

Its first argument is a named pipe, into which it writes the number; the rest are chatserver's.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from types import FrameType

from chatroom.server import cli


def main() -> None:
    """The program."""
    pipe = Path(sys.argv.pop(1))

    def tell(_number: int, _frame: FrameType | None) -> None:
        pipe.write_text(str(len(asyncio.all_tasks())))

    signal.signal(signal.SIGUSR1, tell)
    cli.main()


if __name__ == "__main__":
    main()
