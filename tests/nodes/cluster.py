"""Three nodes in processes of their own, and two PostgreSQL servers, of which all may die."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import CARRIERS, Ended, Stream
from tests.faults.namespaces import Network, inside
from tests.faults.server_process import ServerProcess, serving
from tests.faults.test_cuts import Talker
from tests.faults.world import World
from tests.nodes.nodes import AWAY
from tests.nodes.pair import Pair
from tests.nodes.relay import Relay

ROOM = "lobby"
STUCK_SECONDS = 4.0
"""After which somebody gives a node up that does not answer."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


class Cluster(World):
    """Nodes that are killed, stopped and started again, each at its port.

    Where there is a network, the last of them is on a host of its own, and the others are on
    that of the databases; members reach all of them whether it is cut or not.
    """

    def __init__(
        self,
        carrier: str,
        directory: Path,
        *,
        program: Sequence[str] = ("chatroom.server",),
        synchronous: bool = True,
        net: Network | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(carrier, None, Limits())
        self.said_again = AWAY
        # Not in pytest's directory, which another user may not enter.
        self._temporary = tempfile.TemporaryDirectory(prefix="chatroom-")
        self.net = net
        self.database = Pair(
            Path(self._temporary.name) / "postgres",
            synchronous=synchronous,
            host=net.CLIENT if net is not None else "127.0.0.1",
        )
        self.journal = directory / "journal"
        self.ports = [free_port() for _ in range(3)]
        self.rng = random.Random(seed)
        self._program = program
        self._nodes: dict[int, tuple[ServerProcess, contextlib.ExitStack]] = {}
        """By port, those that run."""
        self._relays: list[Relay] = []

    @property
    def far(self) -> int:
        """The port of the node that has a host of its own."""
        return self.ports[-1]

    def _host(self, port: int) -> str | None:
        """The namespace in which a node is."""
        if self.net is None:
            return None
        return self.net.server if port == self.far else self.net.client

    async def to_database(self, act: Callable[[], None]) -> None:
        """Do something on the databases' host."""

        def there() -> None:
            with contextlib.ExitStack() as stack:
                if self.net is not None:
                    stack.enter_context(inside(self.net.client))
                act()

        await asyncio.to_thread(there)

    async def start(self) -> None:
        await self.to_database(self.database.start)
        self.journal.write_text(self.database.url())
        for port in self.ports:
            if (host := self._host(port)) is not None:
                relay = Relay(port, host)
                await relay.start()
                self._relays.append(relay)
            await self.start_node(port)
        self.carrier = CARRIERS[self.carrier_name](self.ports[0])
        await self.carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id=ROOM))

    async def start_node(self, port: int) -> None:
        stack = contextlib.ExitStack()
        arguments = [
            "--journal-file", str(self.journal), "--message-rate", "0",
            "--keep-entries", "2000000", "--keep-bytes", "1G", "--keep-total", "2G",
        ]  # fmt: skip
        host = self._host(port)
        process = await asyncio.to_thread(
            stack.enter_context,
            serving(
                *arguments,
                bind=[f"127.0.0.1:{port}"],
                program=self._program,
                inside=("ip", "netns", "exec", host) if host is not None else (),
            ),
        )
        self._nodes[port] = process, stack

    async def kill_node(self, port: int) -> None:
        _, stack = self._nodes.pop(port)
        await asyncio.to_thread(stack.close)

    def stop_node(self, port: int) -> None:
        self._nodes[port][0].signal(signal.SIGSTOP)

    def wake_node(self, port: int) -> None:
        self._nodes[port][0].signal(signal.SIGCONT)

    async def stop(self) -> None:
        if self._nodes:
            await self.carrier.close()
        for port in list(self._nodes):
            self.wake_node(port)
            await self.kill_node(port)
        for relay in self._relays:
            await relay.stop()
        await self.to_database(self.database.stop)
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
        loop = asyncio.get_running_loop()
        await self.come_back()
        heard = loop.time()
        while self.going:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STUCK_SECONDS):
                    for _ in range(self.rng.randrange(1, 6)):
                        self.said += 1
                        nonce = f"{self.name}{self.said}"
                        await self.say(nonce, f"{self.name} says {self.said}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.rng.choice((0.02, 0.2, 1.0))):
                    await self.acknowledgement()
            if not self.unacknowledged:
                heard = loop.time()
            stuck = loop.time() - heard > STUCK_SECONDS
            if self.ended is not None or stuck or self.rng.random() < 0.1:
                await self.come_back()
                heard = loop.time()
        while self.unacknowledged:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STUCK_SECONDS):
                    await self.acknowledgement()
            if self.unacknowledged:
                await self.come_back()

    async def come_back(self) -> None:
        """At any node, but not twice in a row at one that does not answer: so do balancers."""
        silent = None
        while True:
            await self.go()
            port = self.rng.choice([port for port in self.world.ports if port != silent])
            self.own_carrier = CARRIERS[self.world.carrier_name](port)
            self.came_back += 1
            try:
                async with asyncio.timeout(STUCK_SECONDS):
                    await self.connect()
            except TimeoutError:
                silent = port
            else:
                silent = None
                if self.ended is None:
                    return
            await asyncio.sleep(0.1)

    async def _read(self, stream: Stream) -> None:
        try:
            await super()._read(stream)
        except TimeoutError:  # nothing came for long: whoever waits for more has gone
            self.ended = Ended("DEADLINE_EXCEEDED")
            self._changed.set()


async def verdict(world: Cluster, people: Sequence[Wanderer]) -> list[pb.Message]:
    """Compare the log with what everybody was shown, and with what was acknowledged."""
    epoch, log = await world.all(ROOM)
    for message in log:
        world.note(epoch, message)
    if [message.sequence for message in log] != list(range(1, len(log) + 1)):
        world.problems.append("the log has holes")
    kept = {(epoch, message.sequence) for message in log}
    missing = [key for key in world.shown if key not in kept]
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
