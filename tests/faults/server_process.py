"""A chatserver in a process of its own: started, watched, and gone afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.launch.program import Program, executed, started

ROOT = Path(__file__).parents[2]
READY = "chatserver: listening on "
SECONDS = 60.0
"""How long starting or ending may take; it never decides a test that passes."""
MIB = 1024 * 1024


class ServerProcess:
    """A running server. `addresses` are those it listens on, in the order of `--bind`."""

    def __init__(self, process: Program, addresses: list[str]) -> None:
        self.process = process
        self.addresses = addresses

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def resident(self) -> int:
        """Bytes of it in memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None, "the server has ended"
        return int(found[1]) * 1024

    def descriptors(self) -> int:
        """How many descriptors it has open now."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def cpu_seconds(self) -> float:
        """What all its threads have spent so far, in the kernel too."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = fields[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait until it has ended; negative: the signal that ended it."""
        return self.process.wait(SECONDS)


def listening(said: Sequence[str]) -> list[str]:
    """The addresses that a server has said it listens on."""
    return [line.removeprefix(READY).strip() for line in said if line.startswith(READY)]


@contextlib.contextmanager
def serving(
    *arguments: str,
    bind: Sequence[str] = ("127.0.0.1:0",),
    program: Sequence[str] = ("chatroom.server",),
    inside: Sequence[str] = (),
    measured: bool = False,
) -> Iterator[ServerProcess]:
    """A server from when it listens to the end of the block, which kills it.

    `program` is the Python module to run, with arguments of its own before those of
    chatserver; `inside` a command that runs another one, as `ip netns exec` does. What it
    keeps in memory can be `measured` only if it has an interpreter of its own.
    """
    own = bool(inside) or measured
    start, python = (executed, [*inside, sys.executable]) if own else (started, [])
    command = [*python, "-m", *program]
    for address in bind:
        command += ["--bind", address]
    with start(
        [*command, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        stderr = process.stderr
        assert stderr is not None
        said: list[str] = []
        late = threading.Timer(SECONDS, process.kill)
        late.start()
        for line in stderr:
            said.append(line)
            if READY in line and len(listening(said)) == len(bind):
                break
        late.cancel()
        # Read on, so that the pipe never fills, and keep it for whoever asks why.
        drain = threading.Thread(target=lambda: said.extend(stderr), daemon=True)
        drain.start()
        try:
            addresses = listening(said)
            assert len(bind) == len(addresses), "the server did not start"
            yield ServerProcess(process, addresses)
        finally:
            process.kill()
            process.wait()
            drain.join()
            sys.stderr.writelines(said)
