"""How soon chatter asks its first question, beside `python -c "import grpc.aio"`.

Run from the root of the repository as `python -m bench.startup`. Every round measures
each program once, one after the other, so that what else the machine does meets all.
"""

from __future__ import annotations

import argparse
import compileall
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from bench.builds import ROOT
from bench.machine import describe
from bench.servers import launched

BASE = 'python -c "import grpc.aio"'
MOST = 3.0
"""What chatter may take to its first question, in the time of BASE."""
PATIENCE_SECONDS = 30
ROOM = "1234"


def programs(address: str, name: str) -> dict[str, tuple[list[str], bytes]]:
    """What is measured: arguments of Python, and what is waited for; nothing: its end."""
    chatter = ["-m", "chatroom.chatter"]
    at = [*chatter, "--host", address]
    inside = [*at, "--room", ROOM, "--name", name]
    return {
        BASE: (["-c", "import grpc.aio"], b""),
        "chatter: Pick a room": (at, b"Pick a room: "),
        "chatter --plain: Pick a room": ([*at, "--plain"], b"Pick a room: "),
        "chatter --room --name: the input line": (inside, f"{name}>".encode()),
        "chatter list": ([*chatter, "list", "--host", address], b""),
        "chatter --help": ([*chatter, "--help"], b""),
    }


def seconds_until(arguments: list[str], shown: bytes) -> float:
    """Seconds from the start of Python, in a terminal, until it has shown that or ended."""
    ours, its = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(its)
    try:
        seen = b""
        while not shown or shown not in seen:
            patience = began + PATIENCE_SECONDS - time.perf_counter()
            if not select.select([ours], [], [], max(patience, 0))[0]:
                break
            try:
                seen += os.read(ours, 65536)
            except OSError:  # it has ended
                break
        if shown not in seen:
            raise SystemExit(f"{arguments} never showed {shown!r}, but {seen!r}")
        if not shown:
            process.wait(PATIENCE_SECONDS)
        return time.perf_counter() - began
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each program")
    rounds = parser.parse_args().rounds
    compileall.compile_dir(ROOT / "src", quiet=1)  # as an installed package is
    server = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory", "--room", ROOM]
    with (
        tempfile.TemporaryDirectory(prefix="chatroom-bench-") as directory,
        launched(server, Path(directory)) as running,
    ):
        times: dict[str, list[float]] = {}
        for done in range(rounds + 1):  # the first round fills the caches of the disk
            # Whoever was killed has its place for some time, so everybody is somebody else.
            for what, program in programs(f"127.0.0.1:{running.port}", f"Bob{done}").items():
                taken = seconds_until(*program)
                times.setdefault(what, []).extend([taken] if done else [])
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(" · ".join(f"{key} {value}" for key, value in describe().items()))
    print(f"{'median of ' + str(rounds) + ', milliseconds':40} {'min':>6} {'median':>7}  ratio")
    for what, median in medians.items():
        ratio = median / medians[BASE]
        print(f"{what:40} {min(times[what]) * 1e3:6.0f} {median * 1e3:7.0f} {ratio:6.2f}")
    asks = medians["chatter: Pick a room"] / medians[BASE]
    print(f"the first question after {asks:.2f} times {BASE}; at most {MOST:g} is the aim")


if __name__ == "__main__":
    main()
