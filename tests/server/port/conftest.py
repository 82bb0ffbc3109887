"""Certificates, once for all tests of the port."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.certificates import Pair, authority, signed


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="session")
def localhost(ca: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    directory: Path = tmp_path_factory.mktemp("localhost")
    return signed(directory, ca, "localhost")
