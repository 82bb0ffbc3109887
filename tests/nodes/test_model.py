"""Everything that can happen to a conversation, in any order, over three nodes.

The state machine of `tests/faults/test_model.py`: every stream and every call goes to the next
node, and a kill is that of one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from chatroom.core.limits import Limits
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import CARRIERS, Carrier
from tests.faults.scale import scaled
from tests.faults.test_model import Conversation
from tests.faults.world import Client, World
from tests.nodes.nodes import AWAY, Memory, Postgres, Shared

NODES = 3


class Nodes(World):
    """Three servers on one journal; who asks for a carrier gets that of the next one."""

    def __init__(self, carrier: str, shared: Shared, limits: Limits) -> None:
        super().__init__(carrier, None, limits)
        self.said_again = AWAY
        self.refusals = frozenset({"ROOM_CLOSED"})  # another node was quicker to delete it
        self._shared = shared
        self._running: list[tuple[Service, Carrier]] = []
        self._turns = itertools.count()

    @property
    def carrier(self) -> Carrier:
        return self._running[next(self._turns) % NODES][1]

    @carrier.setter
    def carrier(self, _one: Carrier) -> None:
        raise AssertionError("there are several")

    async def start(self) -> None:
        await self._shared.begin()
        await self._start_all()

    async def _start_all(self) -> None:
        while len(self._running) < NODES:
            settings = Settings(bind=(Address("127.0.0.1", 0),), limits=self.limits)
            service = Service(settings, self._shared.journal())
            await service.start()
            carrier = CARRIERS[self.carrier_name](service.addresses[0].port)
            self._running.append((service, carrier))

    async def stop(self) -> None:
        while self._running:
            service, carrier = self._running.pop()
            await carrier.close()
            await service.stop()

    async def restart(self) -> None:
        await self.stop()
        await self._start_all()

    async def kill(self) -> None:
        """It stores nothing more; the others take it for dead when they look."""
        service, carrier = self._running.pop(0)
        journal = service.hub._journal  # the port of the node
        self._shared.cut(journal)
        await self._shared.lease_passes(journal)
        await carrier.close()
        await service.stop()
        for other, _ in self._running:
            assert other.hub.nodes is not None
            await other.hub.nodes.look()
        await self._start_all()


@pytest.mark.parametrize(
    "shared", [Memory, partial(Postgres, renew=2.0)], ids=["memory", "postgres"]
)
def test_no_order_of_events_loses_repeats_or_reorders_anything(
    shared: Callable[[], Shared],
) -> None:
    class Machine(Conversation):
        def new_world(self, limits: Limits) -> World:
            return Nodes("grpc", shared(), limits)

        async def acknowledged(self, client: Client) -> None:
            await client.acknowledgement()
            while client.ended is not None and client.ended.reason in AWAY:
                await client.cut()
                await client.connect()
                await client.acknowledgement()
            await super().acknowledged(client)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=scaled(6, 100, brief=3),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
