"""One server of each kind for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .servers import OURS, PLAIN, running


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A chatserver without rooms."""
    with running(OURS) as address:
        yield address


@pytest.fixture(scope="module")
def plain_server() -> Iterator[str]:
    """A server that knows only what the original does."""
    with running(PLAIN) as address:
        yield address
