"""Figures of the process: those of everybody's collector, and also where that says nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.process_collector import ProcessCollector

from chatroom.server.ops.process import process
from tests.carriers import run
from tests.faults.server_on_disk import DiskServer
from tests.interop.programs import missing, tool

from .looking import asked
from .scrapes import Scrape, parsed

OPERATORS = "chatserver: operators look at http://127.0.0.1:"
PROCESSES_ALONE = 'mount -t proc -o subset=pid none /proc && exec "$@"'

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")


def test_they_are_those_of_the_usual_collector() -> None:
    """Names, types and, as they are read a moment apart, nearly the values."""
    usual = Scrape(ProcessCollector(registry=None).collect())
    ours = Scrape(process())
    assert {(f.name, f.type, f.documentation) for f in usual.families.values()} == {
        (f.name, f.type, f.documentation) for f in ours.families.values()
    }
    assert sorted(usual.samples) == sorted(ours.samples)
    for key, value in usual.samples.items():
        assert ours.samples[key] == pytest.approx(value, rel=0.1, abs=2), key


def test_where_no_process_is_nothing_is_said(tmp_path: Path) -> None:
    assert [] == list(process(tmp_path))


def test_a_name_with_brackets_does_no_harm(tmp_path: Path) -> None:
    """It stands among the fields, and whoever starts a program chooses it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2]
    (tmp_path / "stat").write_text(f"7 (a) b (c){fields}")
    (tmp_path / "limits").write_text("Max open files  unlimited  unlimited  files\n")
    (tmp_path / "fd").mkdir()
    found = Scrape(process(tmp_path))
    assert 0 == found.of("process_open_fds")
    assert float("inf") == found.of("process_max_fds")
    assert 0 < found.of("process_resident_memory_bytes")


def test_under_the_unit_they_are_there_too(tmp_path: Path) -> None:
    """ProcSubset=pid of systemd hides all of /proc but the processes."""
    apart = [tool("unshare"), "--mount", "sh", "-c", PROCESSES_ALONE, "sh"]
    hidden = subprocess.run([*apart, "cat", "/proc/stat"], capture_output=True, check=False)
    if os.geteuid() or b"No such file" not in hidden.stderr:
        missing("a /proc with processes alone")
    data = tmp_path / "data"
    data.mkdir()

    async def scene() -> None:
        with DiskServer(data, "--ops-bind", "127.0.0.1:0", inside=apart) as server:
            (port,) = [int(s.removeprefix(OPERATORS)) for s in server.said if OPERATORS in s]
            scrape = parsed(await asked(port, "/metrics"))
            assert 0 < scrape.of("process_open_fds") < scrape.of("process_max_fds")
            assert 0 < scrape.of("process_cpu_seconds_total")
            began = scrape.of("chatroom_start_time_seconds")
            assert abs(began - scrape.of("process_start_time_seconds")) < 60

    run(scene())
