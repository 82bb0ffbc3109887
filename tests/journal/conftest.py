"""The fixtures that run a test over every journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journal.journals import KINDS, Scene, Shelf, ShelfScene, play_shelf


@pytest.fixture(params=KINDS)
def shelve(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[ShelfScene], None]:
    """Run a scene that closes its journal and opens it again."""

    def run(scene: ShelfScene) -> None:
        play_shelf(request.param, tmp_path / "x", scene)

    return run


@pytest.fixture
def play(shelve: Callable[[ShelfScene], None]) -> Callable[[Scene], None]:
    """Run a scene on an open journal, and close it."""

    def run(scene: Scene) -> None:
        async def with_journal(shelf: Shelf) -> None:
            await scene(shelf.journal)

        shelve(with_journal)

    return run
