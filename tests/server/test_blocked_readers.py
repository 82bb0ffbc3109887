"""A reader whose window is closed stays where it is; nobody waits for it, and it misses nothing.

By hand over HTTP/2: a server in the test's loop, and a client that gives window as it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.port.http2 import Http2Protocol
from chatroom.server.port.port import Accepted
from chatroom.wire.envelopes import cut, envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.frames import Kind, Setting
from chatroom.wire.http2.reader import Frame
from tests.carriers import run
from tests.server.services import Running, running

UNLIMITED = Limits(message_rate=0)
LIST_MEMBERS = "/rpc.ChatService/ListMembers"
ROUND_BYTES = 16 * 1024


def request(path: str) -> list[tuple[bytes, bytes]]:
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    ]


def joining(name: str, *features: pb.Feature, history: int = 0) -> bytes:
    join = pb.JoinChat(room_id="lobby", name=name, features=features, history=history)
    return envelope(pb.ChatMessage(join=join).SerializeToString())


def saying(text: str) -> bytes:
    return envelope(pb.ChatMessage(message=pb.Message(message=text)).SerializeToString())


class Body:
    """What has come of a response."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False

    @property
    def messages(self) -> list[str]:
        return [pb.Message.FromString(self.data[b:e]).message for _, b, e in cut(self.data)]


class Connection:
    """One connection; the test says when window is given."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.bodies: dict[int, Body] = {}
        self.pongs: set[bytes] = set()
        self.resets: dict[int, int] = {}
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    def call(self, path: str, data: bytes, *, end: bool = False) -> int:
        stream_id = self.client.request(request(path))
        self.bodies[stream_id] = Body()
        self.client.send(stream_id, data, end=end)
        self.flush()
        return stream_id

    def flush(self) -> None:
        self.writer.write(self.client.data_to_send())

    async def until(self, done: Callable[[], bool]) -> None:
        self.flush()
        while not done():
            data = await self.reader.read(1 << 16)
            assert data, "the server has closed the connection"
            for frame in self.client.receive_data(data):
                self._take(frame)
            self.flush()

    def _take(self, frame: Frame) -> None:
        if frame.kind == Kind.PING and frame.ack:
            self.pongs.add(frame.payload)
        elif frame.kind == Kind.RST_STREAM:
            self.resets[frame.stream_id] = frame.code
        elif frame.kind == Kind.GOAWAY:
            raise AssertionError(f"GOAWAY, error {frame.code}: {frame.debug!r}")
        elif frame.stream_id in self.bodies:
            body = self.bodies[frame.stream_id]
            if frame.kind == Kind.DATA:
                body.data += frame.payload
            body.ended = body.ended or frame.end

    async def ping(self) -> None:
        """Return when the server has read everything that was sent."""
        opaque = len(self.pongs).to_bytes(8, "big")
        self.client.ping(opaque)
        await self.until(lambda: opaque in self.pongs)


@asynccontextmanager
async def connected(server: Running, client: Client) -> AsyncIterator[Connection]:
    connection = Connection(client)
    connection.reader, connection.writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield connection
    finally:
        connection.writer.close()
        await connection.writer.wait_closed()


@pytest.mark.parametrize("step", [50, 700, 40_000])
@pytest.mark.parametrize("window", [0, 1, 100, 1_000, 70_000])
def test_a_blocked_reader_gets_everything_once_its_window_opens(window: int, step: int) -> None:
    """In order, once, whatever the steps; until then it has no more than its window."""

    async def scene() -> None:
        async with running(limits=UNLIMITED) as server:
            await server.create()
            client = Client(
                (Setting.INITIAL_WINDOW_SIZE, window), connection_window=1 << 24, gives_back=False
            )
            async with connected(server, client) as slow:
                stream = slow.call(CHAT, joining("Slow"))
                body = slow.bodies[stream]
                texts = [f"{n} {'x' * (n * 37 % 900)}" for n in range(60 if step == 50 else 250)]
                room = server.service.hub.rooms.get("lobby")
                await slow.ping()
                while not room.member_count:
                    await asyncio.sleep(0)
                alice = await server.join("lobby", "Alice", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
                for text in texts:
                    await server.say(alice, text)
                while (await alice.receive()).message != texts[-1]:
                    pass
                await slow.ping()
                assert len(body.data) <= window
                [place] = [p for p in server.service.hub._streams if p.member.name == "Slow"]
                if window < 70_000:
                    assert place.member.cursor < room.newest
                expected = ["Has entered the chat"] * 2 + texts
                given = window
                while body.messages[-1:] != texts[-1:]:
                    assert len(body.data) <= given
                    given += step
                    client.window_update(stream, step)
                    await slow.ping()
                    assert not slow.resets
                assert expected == body.messages
                assert not body.ended

    run(scene())


class Pipe(asyncio.Transport):
    """A transport whose kernel takes bytes when it is told to."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.protocol: Http2Protocol
        self.written = bytearray()
        """All that was written so far."""
        self.taken = 0
        self._high = self._low = 0
        self._paused = False
        self._closing = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = high or 0, low or 0

    def get_write_buffer_size(self) -> int:
        return len(self.written) - self.taken

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        if self.get_write_buffer_size() > self._high and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def take(self, size: int) -> bytes:
        """Have the kernel take so many bytes of what waits; those that it took."""
        begin = self.taken
        self.taken = min(begin + size, len(self.written))
        if self._paused and self.get_write_buffer_size() <= self._low:
            self._paused = False
            self.protocol.resume_writing()
        return bytes(self.written[begin : self.taken])

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.protocol.connection_lost(None)

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def quiet(turns: int = 50) -> None:
    """Let the loop do what it has to, where nothing comes from outside."""
    for _ in range(turns):
        await asyncio.sleep(0)


def test_a_connection_that_has_bytes_unsent_at_its_first_check_goes_on() -> None:
    """Who joins with a long history is still reading it then; the time begins with the bytes."""

    async def scene() -> None:
        async with running(limits=UNLIMITED) as server:
            await server.create()
            assert server.service._port is not None
            pipe = Pipe()
            accepted = Accepted(asyncio.get_running_loop().time(), crowd="")
            pipe.protocol = server.service._port._http2(accepted)
            pipe.protocol.connection_made(pipe)
            now = asyncio.get_running_loop().time()
            pipe.protocol.data_received(Client().data_to_send())
            await quiet()
            assert pipe.get_write_buffer_size()
            pipe.protocol.check(now + 0.25)
            pipe.protocol.check(now + 10.0)
            assert not pipe.is_closing()
            pipe.protocol.check(now + 11.5)
            assert pipe.is_closing()

    run(scene())


@pytest.mark.slow
def test_a_replay_of_10000_entries_delays_nobody_by_more_than_a_round() -> None:
    """On its connection: an answer to PING, a call, and a live entry for another stream."""

    async def scene() -> None:
        async with running(limits=UNLIMITED) as server:
            await server.create()
            hub = server.service.hub
            author = await hub.join("lobby", "Author", wants_events=False, echo=True)
            for number in range(10_000):
                hub.talk.say(author, f"{number} {'x' * 90}", "")
            await hub.commits.flush()
            client = Client((Setting.INITIAL_WINDOW_SIZE, 1 << 30), connection_window=1 << 30)
            pipe = Pipe()
            assert server.service._port is not None
            accepted = Accepted(asyncio.get_running_loop().time(), crowd="")
            pipe.protocol = server.service._port._http2(accepted)
            pipe.protocol.connection_made(pipe)
            bodies: dict[int, Body] = {}
            order: list[Frame] = []

            def call(path: str, data: bytes, *, end: bool = False) -> int:
                stream_id = client.request(request(path))
                bodies[stream_id] = Body()
                client.send(stream_id, data, end=end)
                pipe.protocol.data_received(client.data_to_send())
                return stream_id

            def take(size: int) -> None:
                for frame in client.receive_data(pipe.take(size)):
                    order.append(frame)
                    if frame.kind == Kind.DATA:
                        bodies[frame.stream_id].data += frame.payload

            live = call(CHAT, joining("Live"))
            while not bodies[live].data:
                await quiet()
                take(1 << 20)
            replay = call(CHAT, joining("Replay", history=10_000))
            while not pipe.get_write_buffer_size():
                await asyncio.sleep(0)
            while len(bodies[replay].data) < 100_000:  # it is under way
                take(4_096)
                await quiet()
            take(0)
            client.ping(b"12345678")
            unary = call(
                LIST_MEMBERS,
                envelope(pb.ListMembersRequest(room_id="lobby").SerializeToString()),
                end=True,
            )
            hub.talk.say(author, "live", "")
            await hub.commits.flush()
            http2 = pipe.protocol.http2
            while not (http2.streams[unary].waiting and http2.streams[live].waiting):
                await asyncio.sleep(0)
            made = len(pipe.written) + http2.output.bytes
            found: dict[str, int] = {}
            while len(found) < 3:
                take(256)
                await quiet(5)
                behind = pipe.taken - made
                if any(frame.kind == Kind.PING and frame.ack for frame in order):
                    found.setdefault("ping", behind)
                if bodies[unary].data:
                    found.setdefault("unary", behind)
                if "live" in bodies[live].messages:
                    found.setdefault("live", behind)
            assert found["ping"] < 256, found
            assert max(found.values()) < ROUND_BYTES + 512, found
            while b"live" not in bodies[replay].data[-200:]:
                take(1 << 20)
                await quiet(5)
            texts = [text.partition(" ")[0] for text in bodies[replay].messages]
            assert [*map(str, range(10_000)), "Has", "live"] == texts
            pipe.close()
            hub.leave(author)

    run(scene())


def test_127_streams_that_are_not_read_leave_the_128th_and_a_call_alone() -> None:
    """Of one connection: each holds its own window, and the connection's is large enough."""

    async def scene() -> None:
        limits = Limits(message_rate=0.001, message_burst=1, room_message_rate=0)
        async with running(limits=limits) as server:
            await server.create()
            client = Client(
                (Setting.INITIAL_WINDOW_SIZE, 1 << 24),
                connection_window=1 << 30,
                gives_back=False,  # it would be a flood of small updates
            )
            async with connected(server, client) as connection:
                await connection.ping()  # so its SETTINGS are known
                held = [connection.call(CHAT, joining(f"M{n}")) for n in range(127)]
                for stream in held:
                    await connection.until(lambda s=stream: bool(connection.bodies[s].data))
                for stream in held:
                    connection.client.send(stream, saying("y") + saying("x" * 4_000) * 20)
                await connection.ping()
                assert all(connection.client.unsent(stream) for stream in held)
                listing = connection.call(
                    LIST_MEMBERS,
                    envelope(pb.ListMembersRequest(room_id="lobby").SerializeToString()),
                    end=True,
                )
                await connection.until(lambda: connection.bodies[listing].ended)
                assert connection.bodies[listing].data
                last = connection.call(CHAT, joining("Last", pb.FEATURE_ECHO))
                connection.client.send(last, saying("still here"))
                await connection.until(lambda: "still here" in connection.bodies[last].messages)
                assert not connection.resets
                assert all(connection.client.unsent(stream) for stream in held)

    run(scene())


def test_a_reader_that_ends_its_side_is_gone_though_bytes_wait_for_it() -> None:
    """FIN of somebody who reads nothing: the member leaves then, not when a write gives up."""

    async def scene() -> None:
        async with running(limits=UNLIMITED) as server:
            await server.create()
            client = Client(
                (Setting.INITIAL_WINDOW_SIZE, 1 << 30), connection_window=1 << 30, gives_back=False
            )
            async with connected(server, client) as slow:
                slow.call(CHAT, joining("Slow"))
                await slow.ping()
                slow.writer.transport.pause_reading()
                alice = await server.join("lobby", "Alice", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
                connection = next(
                    each
                    for each in server.service._port._connections
                    if isinstance(each, Http2Protocol)
                    and each.transport.get_extra_info("peername")
                    == slow.writer.get_extra_info("sockname")
                )
                text = "x" * 4_000
                while not connection.transport.get_write_buffer_size():
                    await server.say(alice, text)
                    while (await alice.receive()).message != text:
                        pass
                slow.writer.write_eof()
                while (await alice.receive()).WhichOneof("event") != "left":
                    pass
                assert connection.transport.get_write_buffer_size()

    run(scene())
