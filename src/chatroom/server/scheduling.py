"""The kernel's scheduler: short slices for the thread that serves, on Linux from 6.12 on.

A write to a socket wakes whoever reads it: a proxy on the same machine, say. The scheduler lets
run whose deadline is nearest, and that is a slice from when it may go on: who asks for a short
one is not interrupted by everybody that it wakes. Why: docs/decisions/0036-short-slices.md.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

SLICE_NS = 500_000
"""In ns: long enough for a message to some hundred members, and shorter than what others have who
ask for nothing (0.7 to 2.8 ms). It is no more of the CPU, but sooner."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""The number of the system call, by machine: only new C libraries have a function for it."""
_SIZE = 48
"""Bytes of the first version of what it takes, which has all that is needed."""


class SchedAttr(ctypes.Structure):
    """`struct sched_attr`, see sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def ask_for_short_slices() -> bool:
    """Have the calling thread scheduled in short slices; whether the kernel was asked.

    Older ones take it and change nothing. A thread to which somebody has given another policy
    than the usual one is left alone, and so is its niceness.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None or sys.maxsize < 2**32:
        return False
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    asked = SchedAttr(size=_SIZE, policy=os.SCHED_OTHER, nice=nice, runtime=SLICE_NS)
    refused: int = ctypes.CDLL(None).syscall(number, 0, ctypes.byref(asked), 0)
    return not refused
