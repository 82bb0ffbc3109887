"""What the machine is, and what its processes cost it: read from /proc (Linux)."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
"""Units of CPU time in a second in /proc."""


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What one process has cost so far."""

    cpu: float
    """Seconds of user and system time of all its threads, in steps of 10 ms."""
    threads: dict[int, float]
    """The same for each thread."""
    resident: int
    """Bytes of it in memory now (VmRSS)."""
    peak: int
    """Bytes of it in memory at most (VmHWM)."""


def process_cost(pid: int) -> ProcessCost:
    proc = Path("/proc", str(pid))
    status = dict(
        line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line
    )
    threads = {}
    for task in (proc / "task").iterdir():
        try:
            threads[int(task.name)] = _cpu_seconds(task / "stat")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return ProcessCost(
        cpu=_cpu_seconds(proc / "stat"),
        threads=threads,
        resident=int(status["VmRSS"].split()[0]) * 1024,
        peak=int(status["VmHWM"].split()[0]) * 1024,
    )


def _cpu_seconds(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def machine_busy() -> float:
    """Seconds that the CPUs together were not idle since boot, stolen time included."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / TICK


def cpu_count() -> int:
    return len(os.sched_getaffinity(0))


def filesystem_of(path: Path) -> str:
    """The type of the file system that holds `path`, such as ext4 or tmpfs."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, found, *_ = line.split()
        if path.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def describe() -> dict[str, str | int]:
    """What a reader of figures wants to know of where they were taken."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpus": cpu_count(),
        "cpu": model,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
