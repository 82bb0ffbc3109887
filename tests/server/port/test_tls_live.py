"""TLS over real sockets, on uvloop and on asyncio's own loop, with clients of other makes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc
import grpc.aio
import pytest

from chatroom.server.port.certificates import Certificates
from chatroom.server.port.notices import Notices
from chatroom.server.port.tls import OnSecured, TlsProtocol
from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.port.tls_transport import RECORD_BYTES, TlsTransport
from chatroom.server.settings import Tls
from tests.client.certificates import Pair, openssl_program

from .tls_peers import client_context, server_context

MIB = 1024 * 1024
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
with contextlib.suppress(ImportError):
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a scenario on one loop and on the other; half a minute at most."""

    def runs(scenario: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(scenario, 30))

    return runs


class Port:
    """Accepts, and asks the time of nobody: `check` is called by tests."""

    def __init__(
        self, context: Callable[[], ssl.SSLContext], secured: OnSecured, limits: TlsLimits | None
    ) -> None:
        self.open: set[TlsProtocol] = set()
        self.number = 0
        self.accepted = 0
        notices = Notices(asyncio.get_running_loop().time)
        self._make = lambda: TlsProtocol(context(), secured, self._closed, limits, notices=notices)
        self._all_closed = asyncio.Event()

    def protocol(self) -> TlsProtocol:
        made = self._make()
        self.accepted += 1
        self.open.add(made)
        return made

    def _closed(self, protocol: TlsProtocol) -> None:
        self.open.remove(protocol)
        if not self.open:
            self._all_closed.set()

    async def all_closed(self) -> None:
        if self.open:
            self._all_closed.clear()
            await self._all_closed.wait()


@contextlib.asynccontextmanager
async def listening(
    context: Callable[[], ssl.SSLContext], secured: OnSecured, limits: TlsLimits | None = None
) -> AsyncIterator[Port]:
    port = Port(context, secured, limits)
    server = await asyncio.get_running_loop().create_server(port.protocol, "127.0.0.1", 0)
    port.number = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.close()
        for protocol in list(port.open):
            protocol.abort()
        await server.wait_closed()


class Echo(asyncio.Protocol):
    """Says what it hears, and goes when the peer does."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


def echo(_transport: TlsTransport, _alpn: str | None) -> asyncio.Protocol:
    return Echo()


def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return context.wrap_socket(plain, server_hostname="localhost")


def receive(from_: socket.socket, count: int) -> bytes:
    parts = []
    while count and (part := from_.recv(min(count, 65536))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2"], "h2"),
        (["http/1.1"], "http/1.1"),
        (["http/1.1", "h2"], "h2"),
        (["h3", "http/1.1"], "http/1.1"),
        (["h3"], None),
        ([], None),
    ],
)
def test_alpn(run: Run, localhost: Pair, ca: Pair, offered: list[str], chosen: str | None) -> None:
    """We prefer h2; the port sniffs where nothing was agreed on. The bytes are the peer's own:
    whatever was agreed on, what comes is handed up as it is."""
    agreed: list[str | None] = []

    def secured(_: TlsTransport, alpn: str | None) -> asyncio.Protocol:
        agreed.append(alpn)
        return Echo()

    def client(port: int) -> None:
        with connect(port, client_context(ca.certificate, *offered)) as peer:
            assert chosen == peer.selected_alpn_protocol()
            for said in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
                peer.sendall(said)
                assert said == receive(peer, len(said))

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, secured) as port:
            await asyncio.to_thread(client, port.number)
            await port.all_closed()
        assert [chosen] == agreed

    run(scenario())


class Torrent(asyncio.Protocol):
    """Writes 10 MiB in pieces whenever it may, and notes the most that waited."""

    def __init__(self) -> None:
        self.left = 10 * MIB
        self.most = 0
        self.paused = asyncio.Event()
        self.blocked = False

    def connection_made(self, transport: Any) -> None:
        self.transport: TlsTransport = transport
        transport.set_write_buffer_limits(high=65536, low=16384)
        self.go_on()

    def go_on(self) -> None:
        while self.left and not self.blocked:
            self.transport.write(b"torrent!" * 2048)
            self.left -= RECORD_BYTES
            self.most = max(self.most, self.transport.get_write_buffer_size())
        if not self.left:
            self.transport.close()

    def pause_writing(self) -> None:
        self.blocked = True
        self.paused.set()

    def resume_writing(self) -> None:
        self.blocked = False
        self.go_on()


def test_a_reader_that_stalls_holds_what_was_set(run: Run, localhost: Pair, ca: Pair) -> None:
    """64 KiB and what was written last; the kernel has the rest. It gets all when it reads."""

    async def scenario() -> None:
        torrent = Torrent()
        context = server_context(localhost)
        async with listening(lambda: context, lambda *_: torrent) as port:
            peer = await asyncio.to_thread(connect, port.number, client_context(ca.certificate))
            with peer:
                await torrent.paused.wait()
                received = await asyncio.to_thread(receive, peer, 11 * MIB)
            assert b"torrent!" * (10 * MIB // 8) == received
        assert 65536 < torrent.most <= 65536 + 2 * (RECORD_BYTES + 64)

    run(scenario())


def test_one_large_write_is_encrypted_as_it_is_taken(run: Run, localhost: Pair, ca: Pair) -> None:
    """10 MiB in one call arrive whole, to a reader that began late."""
    sent = bytes(range(256)) * 4096 * 10

    class Large(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(sent)
            transport.close()

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, lambda *_: Large()) as port:
            peer = await asyncio.to_thread(connect, port.number, client_context(ca.certificate))
            with peer:
                assert sent == await asyncio.to_thread(receive, peer, 11 * MIB)

    run(scenario())


def test_echo_with_both_sides_full(run: Run, localhost: Pair, ca: Pair) -> None:
    """A client that writes 8 MiB before it reads a byte: back-pressure goes all the way."""
    sent = bytes(range(256)) * 4096 * 8

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, echo) as port:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port.number, ssl=client_context(ca.certificate),
                server_hostname="localhost",
            )  # fmt: skip
            writer.write(sent)
            assert sent == await reader.readexactly(len(sent))
            writer.close()
            await writer.wait_closed()

    run(scenario())


def test_fin_after_a_request_is_served(run: Run, localhost: Pair, ca: Pair) -> None:
    """Without close_notify: eof_received above returns True, and the answer goes out."""

    class AnswersLate(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def eof_received(self) -> bool:
            asyncio.get_running_loop().call_soon(self.answer)
            return True

        def answer(self) -> None:
            self.transport.write(b"answer")
            self.transport.close()

    def client(port: int) -> None:
        with connect(port, client_context(ca.certificate)) as peer:
            peer.sendall(b"question")
            plain = socket.socket(fileno=socket.dup(peer.fileno()))
            plain.shutdown(socket.SHUT_WR)
            plain.close()
            assert b"answer" == receive(peer, 100)

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, lambda *_: AnswersLate()) as port:
            await asyncio.to_thread(client, port.number)
            await port.all_closed()

    run(scenario())


def test_a_client_without_tls_gets_its_answer(run: Run, localhost: Pair) -> None:
    """To its end, though it sends more than anybody reads."""

    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
            peer.sendall(b"POST /upload HTTP/1.1\r\ncontent-length: 3000000\r\n\r\n")
            peer.sendall(bytes(3_000_000))
            answer = receive(peer, 1000)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(b"This port wants TLS. Try https, or gRPC with TLS.\n")

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, echo) as port:
            await asyncio.to_thread(client, port.number)
            await port.all_closed()

    run(scenario())


def test_grpc_without_tls_fails_at_once(run: Run, localhost: Pair) -> None:
    """And waits before it tries again: one connection is all that comes meanwhile."""

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, echo) as port:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port.number}") as channel:
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await channel.unary_unary("/a/b")(b"", timeout=10)
            assert grpc.StatusCode.UNAVAILABLE == failed.value.code()
            assert 1 == port.accepted

    run(scenario())


def test_time_is_up_for_a_peer_that_says_nothing(run: Run, localhost: Pair) -> None:
    """It is cut when `check` says so."""

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, echo) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.write(b"\x16")
            await writer.drain()
            while not port.open:
                await asyncio.sleep(0)
            for now in (0.0, 10.0):
                (protocol,) = port.open
                protocol.check(now)
            with contextlib.suppress(ConnectionError):
                assert b"" == await reader.read()
            writer.close()

    run(scenario())


def test_reloading_ends_no_stream(run: Run, localhost: Pair, ca: Pair, tmp_path: Any) -> None:
    """A connection goes on under the certificate it began with; the next sees the new one."""
    pair = Pair(tmp_path / "certificate.pem", tmp_path / "key.pem")

    def install(from_: Pair) -> None:
        pair.certificate.write_bytes(from_.certificate.read_bytes())
        pair.key.write_bytes(from_.key.read_bytes())

    def says(peer: ssl.SSLSocket, what: bytes) -> None:
        peer.sendall(what)
        assert what == receive(peer, len(what))

    async def scenario() -> None:
        install(ca)
        certificates = Certificates(Tls(certificate=pair.certificate, key=pair.key))
        trusting = client_context(ca.certificate)
        async with listening(lambda: certificates.context, echo) as port:
            insecure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            insecure.check_hostname = False
            insecure.verify_mode = ssl.CERT_NONE
            old = await asyncio.to_thread(connect, port.number, insecure)
            with old:
                await asyncio.to_thread(says, old, b"before")
                install(localhost)
                certificates.reload()
                new = await asyncio.to_thread(connect, port.number, trusting)
                with new:
                    await asyncio.to_thread(says, old, b"after")
                    await asyncio.to_thread(says, new, b"too")
                    assert old.getpeercert(True) != new.getpeercert(True)

    run(scenario())


class Relay(asyncio.Protocol):
    """Hands bytes on to a server behind it, both ways, as fast as the slower side."""

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.other: Relay | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.other is None:
            transport.pause_reading()
            self.task = asyncio.create_task(self.reach())

    async def reach(self) -> None:
        other = Relay(0)
        other.other = self
        await asyncio.get_running_loop().create_connection(lambda: other, "127.0.0.1", self.behind)
        self.other = other
        self.transport.resume_reading()

    def peer(self) -> Any:
        assert self.other is not None
        return self.other.transport

    def data_received(self, data: bytes) -> None:
        self.peer().write(data)

    def pause_writing(self) -> None:
        self.peer().pause_reading()

    def resume_writing(self) -> None:
        self.peer().resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None:
            self.peer().close()


async def double(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request * 2


def test_grpc_streams_through_it(run: Run, localhost: Pair, ca: Pair) -> None:
    """A grpc.aio client in front, a grpc.aio server behind: messages of 1 byte and of 1 MiB."""

    async def scenario() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(
                "test", {"Double": grpc.stream_stream_rpc_method_handler(double)}
            )]
        )  # fmt: skip
        behind = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        context = server_context(localhost)
        credentials = grpc.ssl_channel_credentials(ca.certificate.read_bytes())
        try:
            async with listening(lambda: context, lambda *_: Relay(behind)) as port:
                target = f"ipv4:127.0.0.1:{port.number}"
                options = [("grpc.ssl_target_name_override", "localhost")]
                async with grpc.aio.secure_channel(target, credentials, options) as channel:
                    call = channel.stream_stream("/test/Double")()
                    for size in (1, 1000, MIB, 1, MIB):
                        await call.write(bytes(size))
                        assert bytes(2 * size) == await call.read()
                    await call.done_writing()
                    assert grpc.StatusCode.OK == await call.code()
        finally:
            await server.stop(None)

    run(scenario())


def s_client(port: int, ca: Pair, said: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [openssl_program(), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
         "-CAfile", str(ca.certificate), *options],
        input=said, capture_output=True, timeout=20, check=False,
    )  # fmt: skip


class Once(asyncio.Protocol):
    """Says 40,000 bytes to the first who says anything."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"0123456789" * 4000)
        self.transport.close()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_peer_with_short_records_gets_everything(
    run: Run, localhost: Pair, ca: Pair, version: str
) -> None:
    """max_fragment_length of 512 bytes (RFC 6066, 4): OpenSSL writes less than it is given."""

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, lambda *_: Once()) as port:
            done = await asyncio.to_thread(
                s_client, port.number, ca, b"go\n", version, "-maxfraglen", "512", "-quiet"
            )
        assert b"0123456789" * 4000 == done.stdout

    run(scenario())


def test_renegotiation_is_refused(run: Run, localhost: Pair, ca: Pair) -> None:
    """TLS 1.2 had it; RFC 9113, 9.2.1, forbids it. TLS 1.3 has none."""

    async def scenario() -> None:
        context = server_context(localhost)
        async with listening(lambda: context, echo) as port:
            done = await asyncio.to_thread(s_client, port.number, ca, b"R\n", "-tls1_2")
        assert b"no renegotiation" in done.stderr

    run(scenario())
