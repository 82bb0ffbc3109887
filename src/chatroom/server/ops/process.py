"""Figures of the process, as Linux tells them, under the names that all collectors have.

prometheus-client's own collector says nothing at all where `/proc/stat` cannot be read, and the
`ProcSubset=pid` of systemd hides it: what is asked for here is in the process's own directory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from .families import counter, gauge

OWN = Path("/proc/self")
FILES = "Max open files"


def process(directory: Path = OWN) -> Iterator[Metric]:
    """What there is to say; nothing where no such directory is. It may block.

    The fields of `stat` are counted as in proc_pid_stat(5), less the two before the state.
    """
    try:
        fields = (directory / "stat").read_bytes().rpartition(b")")[2].split()
        limits = (directory / "limits").read_text()
        files = len(os.listdir(directory / "fd"))  # noqa: PTH208 # names alone
    except OSError:
        return
    ticks = os.sysconf("SC_CLK_TCK")
    utime, stime, started, size, pages = (int(fields[at - 3]) for at in (14, 15, 22, 23, 24))
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    yield gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", size)
    yield gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
                pages * os.sysconf("SC_PAGE_SIZE"))  # fmt: skip
    yield gauge("process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                booted + started / ticks)  # fmt: skip
    yield counter("process_cpu_seconds_total",
                  "Total user and system CPU time spent in seconds.",
                  (utime + stime) / ticks)  # fmt: skip
    yield gauge("process_open_fds", "Number of open file descriptors.", files)
    (most,) = [line.split()[3] for line in limits.splitlines() if line.startswith(FILES)]
    yield gauge("process_max_fds", "Maximum number of open file descriptors.",
                float("inf" if most == "unlimited" else most))  # fmt: skip
