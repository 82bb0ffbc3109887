"""Every scene, over every journal and every protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import CARRIERS, run
from tests.journal import postgres_databases
from tests.scenes.player import Player, scripts

ON_POSTGRES = ("postgres", "nodes")
"""One server, and three."""


def journals(script: Path) -> list[str]:
    """What does not survive its process has no place in a scene with a restart."""
    kept = ["sqlite", "postgres", "nodes"]
    return kept if "\nrestart\n" in script.read_text() else ["memory", *kept]


def carriers(journal: str) -> list[str]:
    """What carries a call knows nothing of journals: over PostgreSQL one is enough."""
    return ["grpc"] if journal in ON_POSTGRES else list(CARRIERS)


@pytest.mark.parametrize(
    ("script", "journal", "carrier"),
    [
        pytest.param(script, journal, carrier, id=f"{script.stem}-{journal}-{carrier}")
        for script in scripts()
        for journal in journals(script)
        for carrier in carriers(journal)
    ],
)
def test_scene(script: Path, journal: str, carrier: str, tmp_path: Path) -> None:
    """The conversation goes as the script says."""
    settings = Settings(
        bind=(Address("127.0.0.1", 0),),
        data=tmp_path if journal == "sqlite" else None,
        database=postgres_databases.own() if journal in ON_POSTGRES else "",
    )
    if journal in ON_POSTGRES:
        asyncio.run(postgres_databases.empty())
    nodes = 3 if journal == "nodes" else 1
    run(Player(carrier, settings, nodes=nodes).play(script.read_text()))


def test_without_a_grace_a_lost_connection_is_seen_by_the_others() -> None:
    """A control: the scene that shows that nobody sees it must then fail."""
    script = next(script for script in scripts() if script.stem == "resume").read_text()
    assert "\ngrace 3600\n" in script
    settings = Settings(bind=(Address("127.0.0.1", 0),), data=None)
    with pytest.raises(AssertionError, match="line"):
        run(Player("grpc", settings).play(script.replace("\ngrace 3600\n", "\ngrace 0\n")))
