"""What the server tells a tracer, whichever that is: of calls, and of turns of the journal.

`otel` is the one that there is. Where nobody traces there is none, and nothing here is called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

PROVIDER = "OTEL_PYTHON_TRACER_PROVIDER"
"""The variable by which OpenTelemetry's API loads a provider that nobody has set."""


class CallTrace(Protocol):
    """One call that is traced, from its head to its status."""

    def at_work(self) -> AbstractContextManager[None]:
        """Have what is done within the block count as this call's."""

    def end(self, code: int) -> None:
        """It has its status code."""


class Traces(Protocol):
    """Begins what is traced."""

    def call(self, path: str, fields: Iterable[tuple[str, str]]) -> CallTrace:
        """A call with these header fields, by their names in lower case."""

    def calling(self) -> tuple[int, Any] | None:
        """The call that is at work, by a number of its own, if that is traced; else None."""

    def storing(
        self, calls: Iterable[Any], *, rooms: int, entries: int
    ) -> AbstractContextManager[None]:
        """Stand around an append of the journal, of what these calls have drafted.

        Whatever that raises is told, and goes on.
        """


def traces_of_process() -> Traces | None:
    """What traces, if a provider was set for this process; nothing is imported to find out.

    Who has set one has imported the API.
    """
    if "opentelemetry.trace" not in sys.modules and PROVIDER not in os.environ:
        return None
    # Here alone: it is an extra that need not be installed.
    from .otel import found

    return found()
