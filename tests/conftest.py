"""What holds for all tests."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def heed_signals() -> None:
    """Undo what tests in the background inherit, and hand on: signals that are ignored.

    A shell has its background jobs ignore SIGINT, nohup what it starts ignore SIGHUP.
    """
    for name, heeded in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heeded)
