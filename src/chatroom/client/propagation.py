"""The trace that a call continues, where the program traces."""

from __future__ import annotations

import sys


def trace_context() -> tuple[tuple[str, str], ...]:
    """What a call that begins now carries of the present span, by `traceparent` as a rule.

    Nothing without OpenTelemetry: whoever traces has imported it, so it is not imported to see.
    """
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple((name.lower(), value) for name, value in carrier.items())
