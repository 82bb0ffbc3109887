"""The scheduler is asked for short slices, and for nothing else."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatroom.server import scheduling
from chatroom.server.scheduling import SLICE_NS, SchedAttr, ask_for_short_slices

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

GETATTR = {"x86_64": 315, "aarch64": 275}
KERNEL = tuple(map(int, platform.release().split(".")[:2]))


def scheduled() -> SchedAttr:
    """How the calling thread is."""
    number = GETATTR.get(platform.machine())
    if number is None:
        pytest.skip(f"the number of the system call is not known on {platform.machine()}")
    found = SchedAttr()
    assert 0 == ctypes.CDLL(None).syscall(number, 0, ctypes.byref(found), ctypes.sizeof(found), 0)
    return found


def in_thread(work: Callable[[], None]) -> None:
    """In one of its own, since a thread keeps what it is given."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result()


@pytest.mark.skipif(KERNEL < (6, 12), reason="needs Linux 6.12")
def test_a_thread_gets_short_slices_and_keeps_its_niceness() -> None:
    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, 7)
        before = scheduled()
        assert SLICE_NS < before.runtime
        assert ask_for_short_slices()
        after = scheduled()
        assert (SLICE_NS, 7, os.SCHED_OTHER) == (after.runtime, after.nice, after.policy)

    in_thread(work)


def test_a_policy_that_somebody_has_chosen_stays() -> None:
    def work() -> None:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        before = scheduled()
        assert not ask_for_short_slices()
        assert bytes(before) == bytes(scheduled())

    in_thread(work)


def test_a_machine_that_is_not_known_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling.platform, "machine", lambda: "pdp11")
    assert not ask_for_short_slices()
