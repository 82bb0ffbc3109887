"""Client certificates on the wire: who a call is from, in every protocol."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.client import Expiring, TokenRefused, connect
from chatroom.client import Tls as ClientTls
from chatroom.server.dev_certificates import Made, make
from chatroom.server.settings import Tls
from chatroom.wire.envelopes import envelope
from tests.carriers import run
from tests.server.access.tokens_for import SECRET, key_file, token
from tests.server.services import Running, running

MAPPING = """
[certificates.bot]
subject = "CN=bot"
sub = "bot"
name = "Bot"
chat = { rooms = ["lobby"] }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Certificates for the server, for a bot that the key file knows, and for another."""
    directory = tmp_path_factory.mktemp("dev")
    return make(directory, (), ("bot", "other"), seconds=3600, force=False)


@contextlib.asynccontextmanager
async def serving(
    made: Made, directory: Path, *, required: bool = False, mapping: str = MAPPING, **more: bool
) -> AsyncIterator[Running]:
    keys = key_file(directory / "keys.toml")
    keys.write_text(keys.read_text() + mapping)
    tls = Tls(
        certificate=made.server.certificate,
        key=made.server.key,
        client_ca=made.ca,
        client_required=required,
    )
    async with running(tls=tls, keys=keys, rooms=("lobby", "attic"), **more) as server:
        yield server


def as_client(made: Made, name: str) -> ClientTls:
    pair = made.clients[name]
    return ClientTls(ca=made.ca, certificate=pair.certificate, key=pair.key)


def test_a_member_whom_a_certificate_names(made: Made, tmp_path: Path) -> None:
    """With the name tag and the rooms that the file says; without it nobody is let in."""

    async def scene() -> None:
        async with serving(made, tmp_path) as server:
            address = f"localhost:{server.port}"
            async with connect(address, tls=as_client(made, "bot")) as chat:
                assert ["lobby"] == [room.room_id for room in await chat.rooms()]
                async with chat.join("lobby", "Bot") as room:
                    assert "Bot" == room.name
                with pytest.raises(Exception, match="Bot"):
                    await chat.join("lobby", "Eve").__aenter__()
            for tls in (as_client(made, "other"), ClientTls(ca=made.ca)):
                async with connect(address, tls=tls) as chat:
                    with pytest.raises(TokenRefused):
                        await chat.rooms()

    run(scene())


def test_a_token_wins_over_a_certificate(made: Made, tmp_path: Path) -> None:
    """Who shows both is whom the token names."""

    async def scene() -> None:
        async with serving(made, tmp_path) as server:
            shown = token("ann", chat={"rooms": ["attic"]}, name="Ann")
            tls = as_client(made, "bot")
            async with connect(f"localhost:{server.port}", tls=tls, token=shown) as chat:
                assert ["attic"] == [room.room_id for room in await chat.rooms()]

    run(scene())


REFUSED = (b"grpc-status: 16", b"grpc-status:16", b'"unauthenticated"')
HTTP = {
    "Connect": ("ListMembers", "application/json", b'{"room_id":"lobby"}'),
    "gRPC-Web": ("ListMembers", "application/grpc-web+proto",
                 envelope(pb.ListMembersRequest(room_id="lobby").SerializeToString())),
    "Connect, a stream": ("Subscribe", "application/connect+json",
                          envelope(b'{"room_id":"lobby"}')),
}  # fmt: skip


def refused(answer: bytes) -> bool:
    return any(mark in answer for mark in REFUSED)


def context_of(made: Made, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made.ca)
    context.set_alpn_protocols(["http/1.1"])
    if name is not None:
        context.load_cert_chain(made.clients[name].certificate, made.clients[name].key)
    return context


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "behind a PROXY header"])
@pytest.mark.parametrize("protocol", HTTP)
def test_every_protocol_has_it(made: Made, tmp_path: Path, protocol: str, proxied: bool) -> None:
    """Also over HTTP/1.1, and behind a proxy that hands on what it does not decrypt."""
    method, media, body = HTTP[protocol]
    request = (
        f"POST /rpc.ChatService/{method} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {media}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode() + body

    async def answered(port: int, name: str | None) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if proxied:
            writer.write(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n")
        await writer.start_tls(context_of(made, name), server_hostname="localhost")
        writer.write(request)
        answer = b""
        while not refused(answer) and b"Bot" not in answer:
            piece = await reader.read(65536)
            if not piece:
                break
            answer += piece
        writer.close()
        return answer

    async def scene() -> None:
        async with asyncio.timeout(20), serving(made, tmp_path, proxy_protocol=proxied) as server:
            assert not refused(await answered(server.port, "bot"))
            for name in ("other", None):
                assert refused(await answered(server.port, name))

    run(scene())


def test_a_certificate_may_be_required(made: Made, tmp_path: Path) -> None:
    """Then a handshake without one fails, and one that nobody knows is let in as anybody."""

    async def scene() -> None:
        async with serving(made, tmp_path, required=True) as server:
            address = f"localhost:{server.port}"
            async with connect(address, tls=as_client(made, "bot")) as chat:
                await chat.rooms()
            async with connect(address, tls=as_client(made, "other")) as chat:
                with pytest.raises(TokenRefused):
                    await chat.rooms()
            async with connect(address, tls=ClientTls(ca=made.ca)) as chat:
                with pytest.raises(Exception, match="wants a TLS certificate"):
                    await chat.rooms()

    run(scene())


async def heard(server: Running, made: Made, then: Callable[[], None]) -> tuple[set[str], str]:
    """What a member by certificate hears after its arrival and `then`, and with what it ends."""
    told: set[str] = set()
    async with connect(f"localhost:{server.port}", tls=as_client(made, "bot")) as chat:
        try:
            async with asyncio.timeout(20), chat.join("lobby", "Bot") as room:
                then()
                async for message in room:
                    told.add(type(message.event).__name__)
        except TokenRefused as refused:
            return told, f"{refused.reason}: {refused}"
    return told, "it did not end"


def test_a_member_goes_with_its_certificate(tmp_path: Path) -> None:
    """Told before, and then with the reason that a token's end has."""
    brief = make(tmp_path / "dev", (), ("bot",), seconds=3, force=False)

    async def scene() -> None:
        async with serving(brief, tmp_path) as server:
            told, end = await heard(server, brief, lambda: None)
            assert Expiring.__name__ in told
            assert end.startswith("TOKEN_EXPIRED: your certificate has expired")

    run(scene())


def test_a_member_goes_with_its_mapping(made: Made, tmp_path: Path) -> None:
    """Seconds after the file does not have it any more."""
    keys = tmp_path / "keys.toml"

    async def scene() -> None:
        async with serving(made, tmp_path) as server:
            _, end = await heard(
                server, made, lambda: keys.write_text(keys.read_text()[: -len(MAPPING)])
            )
            assert "TOKEN_REVOKED: your certificate was revoked" == end

    run(scene())


def test_mappings_for_which_nobody_is_asked_are_told_of(
    made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A key file with certificates, and no --tls-client-ca."""
    keys = key_file(tmp_path / "keys.toml", home=SECRET)
    keys.write_text(keys.read_text() + MAPPING)

    async def scene() -> None:
        async with running(keys=keys):
            pass

    run(scene())
    assert f"{keys} names certificates, and no --tls-client-ca asks for any" in caplog.messages
