"""A pytest fixture.

One line in conftest.py has it:

    pytest_plugins = ["chatroom.chatwire.faults.fixture"]

Then a test asks for taps, as many as it needs, and they end with it:

    def test_a_lost_answer(faulty_tap):
        tap = faulty_tap("127.0.0.1:50051", "drop down message 1")
        with grpc.insecure_channel(tap.address) as channel:
            ...
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from chatroom.chatwire.faults.taps import Background, running


@pytest.fixture
def faulty_tap() -> Iterator[Callable[..., Background]]:
    """Called as `taps.running` is, it gives a tap that ends with the test."""
    with contextlib.ExitStack() as stack:

        def tap(to: str, *rules: str, **options: object) -> Background:
            return stack.enter_context(running(to, *rules, **options))  # type: ignore[arg-type]  # `running` says what it takes

        yield tap
