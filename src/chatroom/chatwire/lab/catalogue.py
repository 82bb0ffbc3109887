"""Which experiments there are, in the order in which they are best read."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatroom.chatwire.lab.experiment import Experiment

MODULES = (
    "join",
    "join_by_hand",
    "refusal",
    "half_close",
    "half_close_or_cancel",
    "end_of_stream",
    "flow_control",
    "stalled_reader",
    "deadlock",
    "pings",
    "deadline",
    "drain",
    "resume",
    "streams",
    "envelopes",
    "lost_message",
    "withheld_window",
    "idle_cut",
    "doubled",
    "head_of_line",
    "slow_or_dead",
    "higher_goaway",
    "missing_trailers",
)  # fmt: skip
"""Of `lab.experiments`, each with an `EXPERIMENT`."""


@cache
def experiments() -> dict[str, Experiment]:
    """All of them by name, in order."""
    package = "chatroom.chatwire.lab.experiments"
    found = (import_module(f"{package}.{module}").EXPERIMENT for module in MODULES)
    return {experiment.name: experiment for experiment in found}
