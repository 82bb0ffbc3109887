"""Every server that is compared does the same work, and none is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.builds import ROOT, UnavailableError
from bench.contestants import Contest, Journal, crowd
from bench.workloads import Measurement, Workload, measure

from .tried import tried, unavailable

SMALL = (
    Workload("in flight", "2 rooms of 4", 2, 4, in_flight=8),
    Workload("paced", "a room of 4", 1, 4, rate=100, per_connection=2),
)


@pytest.mark.parametrize("peer", tried())
@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
def test_every_message_reaches_every_other_member_once(peer: str, workload: Workload) -> None:
    """Under either kind of workload, counted after everything has arrived."""
    contest = Contest(Journal(in_memory=True))
    try:
        contest.prepare(peer)
    except UnavailableError as reason:
        unavailable(reason)
    with contest.running(peer) as server, crowd(peer, server.port) as members:
        measured = measure(workload, server, members, seconds=0.3, warmup=0.1)
    assert 0 == measured.missing
    assert measured.deliveries > 0
    assert measured.samples > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process(number: signal.Signals) -> None:
    """Nor does one that is killed."""
    command = [sys.executable, "-m", "bench.fanout", "--peers", "chatroom", "--in-memory"]
    bench = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        children = Path(f"/proc/{bench.pid}/task/{bench.pid}/children")
        assert bench.stderr is not None
        assert b"round 1" in bench.stderr.readline()
        while not (server := children.read_text().split()):
            assert bench.poll() is None
        watched = os.pidfd_open(int(server[0]))
        bench.send_signal(number)
        bench.wait(20)
        assert select.select([watched], [], [], 20)[0]  # readable once the process has ended
        os.close(watched)
    finally:
        bench.kill()
        bench.wait()
        bench.stderr.close()


@pytest.mark.parametrize(
    ("generator", "server", "machine", "held", "limit"),
    [
        (0.9, 0.1, 1.0, 1.0, "the load generator"),
        (0.1, 0.9, 0.1, 1.0, "the server"),
        (0.1, 0.1, 100.0, 1.0, "the machine"),
        (0.1, 0.1, 0.2, 0.9, "windows"),
        (0.1, 0.1, 0.2, 0.1, "waiting"),
    ],
)
def test_what_was_full_is_the_limit(
    generator: float, server: float, machine: float, held: float, limit: str
) -> None:
    """A CPU before flow control, and that before nothing."""
    measurement = Measurement(
        seconds=1.0,
        messages=10,
        deliveries=100,
        missing=0,
        server_cpu=server,
        busiest_thread=server,
        generator_cpu=generator,
        machine_cpu=machine,
        p50_ms=1.0,
        p99_ms=1.0,
        samples=10,
        resident=1,
        peak=1,
        held=held,
    )
    assert measurement.limit(SMALL[0]).startswith(limit)
