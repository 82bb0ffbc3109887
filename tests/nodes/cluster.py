"""Three nodes in processes of their own, and a PostgreSQL that may be killed too."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import CARRIERS, Ended
from tests.faults.server_process import ServerProcess, serving
from tests.faults.test_cuts import Talker
from tests.faults.world import World
from tests.journal.postgres_server import Server

ROOM = "lobby"
FULL = ("max_wal_size=64MB",)
"""Settings of a database that keeps what it has acknowledged: the defaults."""
STUCK_SECONDS = 4.0
"""After which somebody gives a node up that does not answer a join."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


class Cluster(World):
    """Nodes that are killed, stopped and started again, each at its port."""

    def __init__(
        self,
        carrier: str,
        directory: Path,
        *,
        program: Sequence[str] = ("chatroom.server",),
        count: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(carrier, None, Limits())
        # Not in pytest's directory, which another user may not enter.
        self._temporary = tempfile.TemporaryDirectory(prefix="chatroom-")
        self.database = Server(Path(self._temporary.name) / "postgres", *FULL)
        self.journal = directory / "journal"
        self.ports = [free_port() for _ in range(count)]
        self.rng = random.Random(seed)
        self._program = program
        self._nodes: dict[int, tuple[ServerProcess, contextlib.ExitStack]] = {}
        """By port, those that run."""

    async def start(self) -> None:
        await asyncio.to_thread(self.database.make)
        await asyncio.to_thread(self.database.start)
        self.journal.write_text(self.database.url())
        for port in self.ports:
            await self.start_node(port)
        self.carrier = CARRIERS[self.carrier_name](self.ports[0])
        await self.carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id=ROOM))

    async def start_node(self, port: int) -> None:
        stack = contextlib.ExitStack()
        arguments = ("--journal-file", str(self.journal), "--message-rate", "0")
        process = await asyncio.to_thread(
            stack.enter_context,
            serving(*arguments, bind=[f"127.0.0.1:{port}"], program=self._program),
        )
        self._nodes[port] = process, stack

    async def kill_node(self, port: int) -> None:
        _, stack = self._nodes.pop(port)
        await asyncio.to_thread(stack.close)

    def stop_node(self, port: int) -> None:
        self._nodes[port][0].signal(signal.SIGSTOP)

    def wake_node(self, port: int) -> None:
        self._nodes[port][0].signal(signal.SIGCONT)

    async def restart_database(self, *, crash: bool = True) -> None:
        await asyncio.to_thread(self.database.stop, how=3 if crash else 2)
        await asyncio.to_thread(self.database.start)

    async def stop(self) -> None:
        await self.carrier.close()
        for port in list(self._nodes):
            self.wake_node(port)
            await self.kill_node(port)
        await asyncio.to_thread(self.database.stop)
        self._temporary.cleanup()


class Wanderer(Talker):
    """Says things, loses the connection, and comes back at any node, until it is told to stop."""

    world: Cluster

    def __init__(self, world: Cluster, name: str, *, subscribes: bool, seed: int) -> None:
        super(Talker, self).__init__(world, ROOM, name, subscribes=subscribes)
        self.rng = random.Random(seed)
        self.new_nonces = False
        self.said = 0
        self.came_back = 0
        self.going = True

    async def wander(self) -> None:
        await self.come_back()
        while self.going:
            for _ in range(self.rng.randrange(1, 6)):
                self.said += 1
                nonce = f"{self.name}{self.said}"
                await self.say(nonce, f"{self.name} says {self.said}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.rng.choice((0.02, 0.2, 1.0))):
                    await self.acknowledgement()
            if self.ended is not None or self.rng.random() < 0.1:
                await self.come_back()
        while self.unacknowledged:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STUCK_SECONDS):
                    await self.acknowledgement()
            if self.unacknowledged:
                await self.come_back()

    async def come_back(self) -> None:
        while True:
            await self.go()
            self.own_carrier = CARRIERS[self.world.carrier_name](self.rng.choice(self.world.ports))
            self.came_back += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STUCK_SECONDS):
                    await self.connect()
                    if self.ended is None:
                        return
            await asyncio.sleep(0.1)

    def _take(self, message: pb.Message) -> None:
        if message.refused.reason == "JOURNAL_UNAVAILABLE":  # it is said again, elsewhere
            self.ended = Ended("UNAVAILABLE", message.refused.reason)
            return
        super()._take(message)


async def verdict(world: Cluster, people: Sequence[Wanderer]) -> list[pb.Message]:
    """Compare the log with what everybody was shown, and with what was acknowledged."""
    epoch, log = await world.all(ROOM)
    for message in log:
        world.note(epoch, message)
    if [message.sequence for message in log] != list(range(1, len(log) + 1)):
        world.problems.append("the log has holes")
    missing = [key for key in world.shown if key not in {(epoch, m.sequence) for m in log}]
    if missing:
        world.problems.append(f"shown and lost: {missing[:5]}")
    said = {message.message for message in log if message.WhichOneof("event") is None}
    for each in people:
        world.problems += [
            f"{text!r} was acknowledged and is not in the log"
            for text in each.acknowledged.values()
            if text not in said
        ]
    seen = [m.WhichOneof("event") for m in log if m.WhichOneof("event") in ("entered", "left")]
    if seen != ["entered"] * len(people):
        world.problems.append(f"who could come back was seen: {seen}")
    return log
