"""Experiments whose chatserver is forked from a process that has its imports.

An interpreter of its own costs most of what a scene does. `test_command` has those, by playing
a scene with the program as it is. Where a scene waits for a server's time to pass, the server
waits a tenth of it; under `make soak` all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.experiment import Experiment
from chatroom.chatwire.lab.servers import ROOM, Server, chatserver
from tests.faults.scale import SOAK
from tests.faults.server_process import serving
from tests.launch.program import Program
from tests.launch.quick_server import QUICK

WAITING = () if SOAK else ("stalled-reader",)
"""The experiments in which a time of the server's passes."""
SLOW = ("deadline", "deadlock", "drain", "end-of-stream", "idle-cut", "pings", "slow-or-dead")
"""Those that wait for some seconds, whatever the server's times."""


def marked(names: Iterable[str]) -> list[pytest.ParameterSet]:
    """Names of experiments as parameters of a test: which are slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in names]


class Forked:
    """A program, as a process of asyncio's; it has what a `Server` asks for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.kill = program.kill
        self.send_signal = program.send_signal
        self.terminate = program.terminate

    @property
    def returncode(self) -> int | None:
        return self._program.poll()

    async def wait(self) -> int:
        return await asyncio.to_thread(self._program.wait)


@contextlib.asynccontextmanager
async def forked(
    *arguments: str, program: Sequence[str] = ("chatroom.server",)
) -> AsyncIterator[Server]:
    """As the lab's `chatserver`; `program` is its module."""
    running = serving("--in-memory", "--room", ROOM, *arguments, program=program)
    server = await asyncio.to_thread(running.__enter__)
    try:
        yield Server(server.address, cast("Any", Forked(server.process)))
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


def quick(name: str) -> Experiment:
    """An experiment of this name, with such a server."""
    experiment = experiments()[name]
    before: Any = experiment.server
    if before is chatserver:
        server = partial(forked, program=QUICK) if name in WAITING else forked
        return replace(experiment, server=server)
    assert before.func is chatserver
    return replace(experiment, server=partial(forked, *before.args))
