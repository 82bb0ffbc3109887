"""TLS and tokens: what is used when, and what is said of what cannot be used."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from chatroom.client import (
    Address,
    ChatError,
    Kind,
    ServerUnavailable,
    Tls,
    TlsUnusable,
    TokenInvalid,
    connect,
)
from chatroom.client.security import TOKEN_BYTES, Security

from .certificates import Pair, authority, signed
from .recovering import EAGER
from .scripted_server import Ending, scripted
from .servers import OURS, running


@dataclass(frozen=True)
class Certificates:
    """A CA with a certificate for localhost, and one for a client."""

    ca: Pair
    server: Pair
    client: Pair


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certificates")
    ca = authority(directory, "ca")
    return Certificates(
        ca=ca,
        server=signed(directory, ca, "localhost"),
        client=signed(directory, ca, "client"),
    )


@contextmanager
def serving(pem: Certificates, *options: str) -> Iterator[int]:
    """The port of a chatserver that speaks TLS."""
    files = ["--tls-cert", str(pem.server.certificate), "--tls-key", str(pem.server.key)]
    with running([*OURS, "--room", "lobby", *files, *options]) as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture(scope="module")
def tls_port(pem: Certificates) -> Iterator[int]:
    with serving(pem) as port:
        yield port


@pytest.fixture(scope="module")
def mutual_tls_port(pem: Certificates) -> Iterator[int]:
    """Of one that asks its clients for certificates."""
    with serving(pem, "--client-ca", str(pem.ca.certificate)) as port:
        yield port


async def conversation(address: str, tls: Tls | None) -> list[str]:
    """Say something in the lobby; the text of what is then in the room."""
    async with asyncio.timeout(30), connect(address, tls=tls) as chat:
        async with chat.join("lobby", name="Bob") as room:
            await room.send("hello")
        page = await chat.history("lobby")
        return [message.text for message in page.messages if message.kind is Kind.SAID]


def test_a_server_whose_ca_is_trusted_is_talked_to(pem: Certificates, tls_port: int) -> None:
    """TLS settings count for this machine too."""
    heard = asyncio.run(conversation(f"localhost:{tls_port}", Tls(ca=pem.ca.certificate)))
    assert "hello" == heard[-1]


def test_the_name_of_the_certificate_can_be_told(pem: Certificates, tls_port: int) -> None:
    """Where a server is reached by another name than its certificate has."""
    tls = Tls(ca=pem.ca.certificate, server_name="localhost")
    assert "hello" == asyncio.run(conversation(f"127.0.0.1:{tls_port}", tls))[-1]


def test_a_client_certificate_is_shown(pem: Certificates, mutual_tls_port: int) -> None:
    """To a server that asks for one."""
    tls = Tls(ca=pem.ca.certificate, certificate=pem.client.certificate, key=pem.client.key)
    assert "hello" == asyncio.run(conversation(f"localhost:{mutual_tls_port}", tls))[-1]


def test_without_a_ca_those_of_grpc_are_trusted(tls_port: int) -> None:
    """And no other: TLS is verified unless that was said outright."""
    with pytest.raises(ServerUnavailable, match="from a CA that is not trusted here"):
        asyncio.run(conversation(f"localhost:{tls_port}", Tls()))


def test_files_that_cannot_be_used_are_named(pem: Certificates, tmp_path: Path) -> None:
    """Before anything is connected."""
    pair, missing, empty = pem.client, tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.touch()
    for tls, sentence in (
        (Tls(ca=missing), f"cannot read {missing}: no such file or directory"),
        (Tls(ca=tmp_path), f"cannot read {tmp_path}: is a directory"),
        (Tls(ca=Path("a\0b")), "cannot read a\0b: embedded null byte"),
        (Tls(ca=empty), f"cannot use {empty} as CA: no certificate or crl found"),
        (Tls(certificate=pair.certificate, key=missing), f"cannot read {missing}: no such file"),
        (
            Tls(certificate=pair.certificate, key=pem.server.key),
            f"cannot use {pair.certificate} with {pem.server.key}: key values mismatch",
        ),
        (
            Tls(certificate=empty, key=pair.key),
            f"cannot use {empty} with {pair.key}: what it needs is not in there in the form of PEM",
        ),
        (Tls(certificate=pair.certificate), f"cannot use {pair.certificate} alone"),
        (Tls(key=pair.key), f"cannot use {pair.key} alone"),
    ):
        with pytest.raises(TlsUnusable) as unusable:
            connect("localhost", tls=tls)
        assert str(unusable.value).startswith(sentence)


async def certificates_shown(pem: Certificates, mine: Pair, renew: Callable[[], None]) -> list[str]:
    """The names in the client certificates of two connections, with `renew` between them."""
    shown: list[str] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pem.ca.certificate))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pem.server.certificate, pem.server.key)
    context.set_alpn_protocols(["h2"])

    async def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = writer.get_extra_info("peercert")
        shown.append(found["subjectAltName"][0][1])
        writer.transport.abort()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    tls = Tls(ca=pem.ca.certificate, certificate=mine.certificate, key=mine.key)
    async with server, asyncio.timeout(30), connect(f"localhost:{port}", tls=tls) as chat:
        seen = []
        for step in (lambda: None, renew):
            step()
            shown.clear()
            with pytest.raises(ServerUnavailable):
                await chat.rooms()
            seen.append(shown[-1])
    return seen


def test_a_client_certificate_is_read_again_for_each_connection(
    pem: Certificates, tmp_path: Path
) -> None:
    """A program that runs for months shows the one that was renewed meanwhile."""
    mine, other = signed(tmp_path, pem.ca, "before"), signed(tmp_path, pem.ca, "after")

    def renew() -> None:
        other.certificate.replace(mine.certificate)
        other.key.replace(mine.key)

    assert ["before", "after"] == asyncio.run(certificates_shown(pem, mine, renew))


def test_files_that_do_not_fit_are_not_taken(pem: Certificates, tmp_path: Path) -> None:
    """One of two files is always renewed first; until both are there the last ones are shown."""
    mine, other = signed(tmp_path, pem.ca, "before"), signed(tmp_path, pem.ca, "after")
    tls = Tls(certificate=mine.certificate, key=mine.key)
    security = Security.of(Address("localhost"), insecure=False, tls=tls, token="")
    assert security is security.renewed()
    before = mine.certificate.read_bytes()
    other.certificate.replace(mine.certificate)
    assert before == security.renewed().certificate
    mine.key.unlink()
    assert before == security.renewed().certificate
    other.key.replace(mine.key)
    assert mine.certificate.read_bytes() == security.renewed().certificate


def test_insecure_and_tls_exclude_each_other() -> None:
    with pytest.raises(TlsUnusable, match="exclude each other"):
        connect("localhost", insecure=True, tls=Tls())


@pytest.mark.parametrize(
    ("host", "insecure", "encrypted"),
    [
        ("localhost", False, False),
        ("127.0.0.1", False, False),
        ("chat.example", False, True),
        ("0.0.0.0", False, True),
        ("chat.example", True, False),
    ],
)
def test_only_loopback_is_plaintext_unless_asked_for(
    host: str, insecure: bool, encrypted: bool
) -> None:
    security = Security.of(Address(host), insecure=insecure, tls=None, token="secret")
    assert encrypted == security.tls


def test_the_token_goes_with_every_call_and_stream() -> None:
    """Also with those of a second connection."""

    async def stage() -> None:
        async with (
            asyncio.timeout(30),
            scripted() as server,
            connect(server.address, token="se-cret", patience=EAGER) as chat,
        ):
            await chat.rooms()
            await chat.remove_member("1", "Alice")
            async with chat.join("1", "Bob") as room:
                await room.send("hello")
                server.end()
                await room.send("hello again")
        assert ["Bearer se-cret"] * 4 == server.authorizations

    asyncio.run(stage())


def test_without_a_token_none_is_sent() -> None:
    async def stage() -> None:
        async with asyncio.timeout(30), scripted() as server, connect(server.address) as chat:
            await chat.rooms()
            assert [None] == server.authorizations

    asyncio.run(stage())


def test_the_token_is_not_sent_in_clear_text_to_other_machines() -> None:
    """What comes first is a TLS handshake, and without an answer to it nothing else comes.

    0.0.0.0 is no loopback address, and connecting to it reaches this machine.
    """

    async def stage() -> bytes:
        received = bytearray()
        first = asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.extend(await reader.read(64 * 1024))
            first.set()
            writer.transport.abort()

        listener = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with (
            asyncio.timeout(30),
            listener,
            connect(f"0.0.0.0:{port}", token="se-cret") as chat,
        ):
            with pytest.raises(ChatError):
                await chat.rooms()
            await first.wait()
        return bytes(received)

    received = asyncio.run(stage())
    assert b"\x16\x03" == received[:2]  # a TLS record with a handshake (RFC 8446, 5.1)
    assert b"se-cret" not in received


@pytest.mark.parametrize(
    "token", ["two words", "line\nbreak", "schlüssel", "x" * (TOKEN_BYTES + 1)]
)
def test_what_cannot_be_a_token_is_refused_and_not_repeated(token: str) -> None:
    """A secret does not belong in a message that may be logged."""
    with pytest.raises(TokenInvalid) as invalid:
        connect("localhost", token=token)
    assert token not in str(invalid.value)


def test_a_source_of_tokens_is_asked_for_each_call_and_stream() -> None:
    """So a membership goes on with the next token when it comes back."""

    async def stage() -> list[str | None]:
        numbers = itertools.count(1)
        async with (
            asyncio.timeout(30),
            scripted() as server,
            connect(server.address, token=lambda: f"token-{next(numbers)}", patience=EAGER) as chat,
        ):
            await chat.rooms()
            async with chat.join("1", "Bob") as room:
                server.end(Ending(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"))
                await room.send("hello again")
            return server.authorizations

    assert [f"Bearer token-{number}" for number in (1, 2, 3)] == asyncio.run(stage())


class NoToken(Exception):
    """Whatever gives the tokens has failed."""


def test_a_source_of_tokens_that_fails_is_heard() -> None:
    """Its own error is raised: by a call, on entering a room, and where the room is read."""

    async def stage() -> None:
        works = True

        def token() -> str:
            if not works:
                raise NoToken
            return "se-cret"

        async with (
            asyncio.timeout(30),
            scripted() as server,
            connect(server.address, token=token, patience=EAGER) as chat,
        ):
            async with chat.join("1", "Bob") as room:
                works = False
                with pytest.raises(NoToken):
                    await chat.rooms()
                with pytest.raises(NoToken):
                    await chat.join("1", "Alice").__aenter__()
                await anext(room)
                server.end()
                assert Kind.CONNECTION_LOST == (await anext(room)).kind
                with pytest.raises(NoToken):
                    await anext(room)
                with pytest.raises(NoToken):
                    await room.send("hello")
            assert 1 == len(server.joins)

    asyncio.run(stage())


def test_secrets_are_not_shown() -> None:
    """Neither the token nor the key is in what a debugger or a log prints."""
    security = Security(tls=True, key=b"PRIVATE", token="se-cret")
    assert "se-cret" not in repr(security)
    assert "PRIVATE" not in repr(security)
