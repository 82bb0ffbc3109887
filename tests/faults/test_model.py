"""Everything that can happen to a conversation, in any order, against a list.

A Hypothesis state machine: members send, send again, lose the connection before and
after the echo, come back, leave; the server is restarted and killed; rooms trim their
logs, are deleted and made anew. `World` and `Client` check every message as it comes;
what the room keeps at the end must be what everybody was shown.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.faults.scale import scaled
from tests.faults.world import Client, World

ROOM = "lobby"
KEPT = 30
NAMES = st.sampled_from(["Alice", "Bob", "Carol"])


class Conversation(RuleBasedStateMachine):
    """Over one protocol and one journal; subclasses say which."""

    carrier = "grpc"
    on_disk = False

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory() if self.on_disk else None
        self.clients: dict[str, Client] = {}
        self.inside: set[str] = set()
        """Who has a stream. What rules may do depends on what rules did, never on timing."""
        self.sure: dict[str, list[str]] = {}
        """By name: nonces that were surely acknowledged."""
        self.said_since = 0
        """Messages since the room was created."""
        self.numbers = itertools.count()
        self.world: World

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self._runner.run(work)
        if hasattr(self, "world"):
            assert [] == self.world.problems

    @initialize(grace=st.sampled_from([0.0, 3600.0]))
    def begin(self, grace: float) -> None:
        self.world = self.new_world(
            Limits(
                message_rate=0,
                grace=grace,
                tail_bytes=2_000,
                write_bytes=1_500,
                rename_interval=0.0,
            )
        )

        async def start() -> None:
            await self.world.start()
            await self.create()

        self.run(start())
        for name in "Alice", "Bob":
            self.connect(name, subscribes=False)

    def new_world(self, limits: Limits) -> World:
        """What has none of it yet."""
        data = Path(self._directory.name) / "data" if self._directory else None
        return World(self.carrier, data, limits)

    async def create(self) -> None:
        await self.world.carrier.call(
            "CreateChatRoom", pb.CreateChatRoomRequest(room_id=ROOM, history=KEPT)
        )

    def connected(self) -> list[Client]:
        return [self.clients[name] for name in sorted(self.inside)]

    async def cut_all(self) -> None:
        for client in self.clients.values():
            await client.cut()
        self.inside.clear()

    async def acknowledged(self, client: Client) -> None:
        await client.acknowledgement()
        assert client.ended is None, client.ended
        self.sure[client.name] = sorted(client.acknowledged)

    # ---- Members ------------------------------------------------------------------------

    @rule(name=NAMES, subscribes=st.booleans(), nth=st.integers(0, 3))
    def connect(self, name: str, subscribes: bool, nth: int = 0) -> None:
        """Join, or resume, under any name it has had; also while a stream is open."""
        client = self.clients.get(name)
        if client is None:
            client = self.clients[name] = Client(self.world, ROOM, name, subscribes=subscribes)

        async def connect(client: Client) -> None:
            await client.cut()
            known = sorted(client.had) if client.session else [client.name]
            await client.connect(known[nth % len(known)])
            await self.acknowledged(client)
            self.inside.add(client.name)

        self.run(connect(client))

    @precondition(lambda self: self.connected())
    @rule(data=st.data(), count=st.integers(1, 5))
    def say(self, data: st.DataObject, count: int) -> None:
        self.talk(data.draw(st.sampled_from(self.connected())), count, wait=False)

    @precondition(lambda self: self.connected())
    @rule(data=st.data(), count=st.integers(1, 5))
    def say_and_wait(self, data: st.DataObject, count: int) -> None:
        self.talk(data.draw(st.sampled_from(self.connected())), count, wait=True)

    @precondition(lambda self: self.said_since >= 5 and self.connected())
    @rule(data=st.data())
    def talk_much(self, data: st.DataObject) -> None:
        """More than the room keeps: what is older goes."""
        self.talk(data.draw(st.sampled_from(self.connected())), KEPT + 20, wait=True)

    def talk(self, client: Client, count: int, *, wait: bool) -> None:
        async def say() -> None:
            for _ in range(count):
                number = next(self.numbers)
                await client.say(f"n{number}", f"text {number}")
            if wait:
                await self.acknowledged(client)

        self.said_since += count
        self.run(say())

    @precondition(lambda self: self.connected())
    @rule(data=st.data(), waits=st.booleans())
    def rename(self, data: st.DataObject, waits: bool) -> None:
        """Take a new name; perhaps the connection is lost before it is known to be stored."""
        client = data.draw(st.sampled_from(self.connected()))
        number = next(self.numbers)

        async def rename() -> None:
            await client.acknowledgement()
            await client.rename(f"n{number}", f"{client.name} {number}")
            if waits:
                await self.acknowledged(client)
            else:
                await client.cut()
                self.inside.remove(client.name)

        self.run(rename())

    @precondition(lambda self: any(self.sure.get(name) for name in self.inside))
    @rule(data=st.data(), other_text=st.booleans())
    def say_again(self, data: st.DataObject, other_text: bool) -> None:
        able = [client for client in self.connected() if self.sure.get(client.name)]
        client = data.draw(st.sampled_from(able))
        nonce = data.draw(st.sampled_from(self.sure[client.name]))
        if not client.acknowledged[nonce]:  # that of a rename: this gives no other name
            self.run(client.rename(nonce, client.called))
            return
        text = "other text" if other_text else client.acknowledged[nonce]
        self.run(client.say_again(nonce, text))

    @precondition(lambda self: self.connected())
    @rule(data=st.data(), sends_first=st.booleans())
    def cut(self, data: st.DataObject, sends_first: bool) -> None:
        """Lose the connection; with a message of which nobody knows whether it arrived."""
        client = data.draw(st.sampled_from(self.connected()))

        async def cut() -> None:
            if sends_first:
                number = next(self.numbers)
                await client.say(f"n{number}", f"text {number}")
            await client.cut()
            self.inside.remove(client.name)

        self.run(cut())

    @precondition(lambda self: self.connected())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.connected()))

        async def leave() -> None:
            await client.acknowledgement()
            await client.leave()
            del self.clients[client.name]
            self.inside.remove(client.name)
            self.sure.pop(client.name, None)

        self.run(leave())

    # ---- The server ------------------------------------------------------------------------

    @precondition(lambda self: self.connected())
    @rule()
    def restart(self) -> None:
        async def restart() -> None:
            await self.cut_all()
            await self.world.restart()

        self.run(restart())

    @precondition(lambda self: self.connected())
    @rule()
    def kill(self) -> None:
        """With everybody's streams open, and messages under way."""

        async def kill() -> None:
            for client in self.clients.values():
                client.stop_listening()  # to a server that is dead
            await self.world.kill()
            await self.cut_all()

        self.run(kill())

    @precondition(lambda self: self.said_since >= 10)
    @rule()
    def delete_and_create_anew(self) -> None:
        async def delete() -> None:
            await self.world.carrier.call("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id=ROOM))
            for client in self.connected():
                await client.end()
                assert client.ended is not None
                assert client.slow or "ROOM_CLOSED" == client.ended.reason
            for client in self.clients.values():
                client.unacknowledged.clear()
                client.acknowledged.clear()
                client.renaming.clear()
            self.inside.clear()
            self.sure.clear()
            self.said_since = 0
            await self.create()

        self.run(delete())

    # ---- The end -------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.run(self.finish())
        finally:
            if hasattr(self, "world"):
                self._runner.run(self.world.stop())
            self._runner.close()
            if self._directory is not None:
                self._directory.cleanup()

    async def finish(self) -> None:
        """Everybody comes back and has everything acknowledged; then the log is compared."""
        for client in self.clients.values():
            await client.cut()
            await client.connect()
            await client.acknowledgement()
            assert client.ended is None, client.ended
        epoch, kept = await self.world.all(ROOM)
        sequences = [message.sequence for message in kept]
        if sequences:
            assert list(range(sequences[0], sequences[-1] + 1)) == sequences
            assert len(sequences) >= min(sequences[-1], KEPT)
        for message in kept:
            self.world.note(epoch, message)
        request = pb.ListMembersRequest(room_id=ROOM)
        members = (await self.world.carrier.call("ListMembers", request)).members
        called = sorted(client.called for client in self.clients.values())
        assert called == sorted(member.name for member in members)
        for client in self.clients.values():
            await client.cut()


@pytest.mark.parametrize("carrier", ["grpc", "connect"])
@pytest.mark.parametrize("journal", ["memory", "sqlite"])
def test_no_order_of_events_loses_repeats_or_reorders_anything(journal: str, carrier: str) -> None:
    class Machine(Conversation):
        on_disk = journal == "sqlite"

    Machine.carrier = carrier
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=scaled(6, 250, brief=3),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
