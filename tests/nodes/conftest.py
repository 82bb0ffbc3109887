"""Three nodes, over each kind of shared journal."""

from __future__ import annotations

import pytest

from tests.carriers import run
from tests.nodes.nodes import KINDS, Play, Scene, Shared, nodes


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest) -> Shared:
    """What the nodes share."""
    return KINDS[request.param]()


@pytest.fixture
def play(shared: Shared) -> Play:
    """Run a scene of three nodes."""

    def play(scene: Scene) -> None:
        async def whole() -> None:
            async with nodes(shared, 3) as hubs:
                await scene(*hubs)

        run(whole())

    return play
