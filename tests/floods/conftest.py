"""One server for all floods: each begins where the last one left it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .siege import Besieged, chatserver


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with chatserver(tmp_path_factory.mktemp("floods")) as running:
        yield running
