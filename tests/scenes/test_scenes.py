"""Every scene, over every journal and every protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.server.settings import Settings
from chatroom.server.sockets import Address
from tests.carriers import CARRIERS, run
from tests.scenes.player import Player, scripts


def journals(script: Path) -> list[str]:
    """What does not survive its process has no place in a scene with a restart."""
    return ["sqlite"] if "\nrestart\n" in script.read_text() else ["memory", "sqlite"]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("script", "journal"),
    [
        pytest.param(script, journal, id=f"{script.stem}-{journal}")
        for script in scripts()
        for journal in journals(script)
    ],
)
def test_scene(script: Path, journal: str, carrier: str, tmp_path: Path) -> None:
    """The conversation goes as the script says."""
    settings = Settings(
        bind=(Address("127.0.0.1", 0),), data=None if journal == "memory" else tmp_path
    )
    run(Player(carrier, settings).play(script.read_text()))
