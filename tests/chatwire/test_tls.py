"""TLS on both sides: what is encrypted can be looked at by whoever is trusted to."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.cli import run
from chatroom.chatwire.tap import reason
from chatroom.chatwire.tls import made_certificate
from tests.client.servers import OURS, running

from .programs import SECONDS, chatwire


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of the server; its key is beside it."""
    chain, key = made_certificate(["localhost", "127.0.0.1"])
    (tmp_path / "server.pem").write_bytes(chain)
    (tmp_path / "server.key").write_bytes(key)
    return tmp_path / "server.pem"


@pytest.fixture
def server(certificate: Path) -> Iterator[str]:
    key = str(certificate.with_suffix(".key"))
    with running([*OURS, "--tls-cert", str(certificate), "--tls-key", key]) as address:
        yield address


def rooms(address: str, authority: Path) -> pb.ListChatRoomsResponse:
    trusted = grpc.ssl_channel_credentials(authority.read_bytes())
    with grpc.secure_channel(address, trusted) as channel:
        return ChatServiceStub(channel).ListChatRooms(pb.ListChatRoomsRequest(), timeout=SECONDS)


def test_an_encrypted_server_is_looked_at(
    server: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client trusts the tap's certificate, the tap the server's; the keys are logged."""
    mine, keys = tmp_path / "tap.pem", tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    with chatwire(server, "--tls", "--tls-ca-file", str(mine), "--to-ca", str(certificate)) as tap:
        assert pb.ListChatRoomsResponse() == rooms(tap.address, mine)
        with pytest.raises(grpc.RpcError):
            rooms(tap.address, certificate)
        out = tap.stop()
    assert "POST /rpc.ChatService/ListChatRooms" in out
    secrets = {
        line.split()[1] for line in keys.read_text().splitlines() if "TRAFFIC_SECRET_0" in line
    }
    assert len(secrets) >= 2, "one connection with the client, one with the server"


def test_a_server_is_not_believed_without_a_reason(server: str, tmp_path: Path) -> None:
    """Unless told to believe any."""
    mine = tmp_path / "tap.pem"
    with chatwire(server, "--tls", "--tls-ca-file", str(mine)) as tap:
        with pytest.raises(grpc.RpcError):
            rooms(tap.address, mine)
        tap.stop()
    assert "--to-ca names whom to believe" in tap.errors
    with chatwire(server, "--tls", "--tls-ca-file", str(mine), "--to-insecure") as tap:
        assert pb.ListChatRoomsResponse() == rooms(tap.address, mine)


def test_a_client_without_http2_gets_what_it_asked_for(
    server: str, certificate: Path, tmp_path: Path
) -> None:
    """The protocol that the client chose is the one that the server is offered."""
    import http.client

    mine = tmp_path / "tap.pem"
    with chatwire(server, "--tls", "--tls-ca-file", str(mine), "--to-ca", str(certificate)) as tap:
        host, _, port = tap.address.rpartition(":")
        context = ssl.create_default_context(cafile=str(mine))
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=SECONDS)
        connection.request("GET", "/healthz")
        assert 200 == connection.getresponse().status
        connection.close()
        out = tap.stop()
    assert "GET /healthz HTTP/1.1" in out


def test_a_client_that_does_not_complete_the_handshake_is_said(
    server: str, certificate: Path, tmp_path: Path
) -> None:
    """One that does not trust the tap, one that says nothing, one without TLS: each in a line."""
    mine = tmp_path / "tap.pem"
    with chatwire(server, "--tls", "--tls-ca-file", str(mine), "--to-ca", str(certificate)) as tap:
        host, _, port = tap.address.rpartition(":")
        where = host, int(port)
        distrustful = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(where, SECONDS) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            distrustful.wrap_socket(plain, server_hostname=host)
        silent = ssl.create_default_context(cafile=str(certificate))
        with socket.create_connection(where, SECONDS) as plain:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            leaving = silent.wrap_bio(incoming, outgoing, server_hostname=host)
            with pytest.raises(ssl.SSLWantReadError):
                leaving.do_handshake()
            plain.sendall(outgoing.read())
            assert plain.recv(5).startswith(b"\x16\x03")  # and so the certificate has come
        with socket.create_connection(where, SECONDS) as plain:
            plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            closed(plain)
        assert pb.ListChatRoomsResponse() == rooms(tap.address, mine)
        tap.stop()
    failed = [line for line in tap.errors.splitlines() if "handshake failed" in line]
    assert 3 == len(failed)
    said = "\n".join(failed)
    assert "chatwire: a client's TLS handshake failed: it does not trust the tap's" in said
    assert "chatwire: a client's TLS handshake failed: it does not speak TLS" in said
    assert "it has ended the connection when it had seen the tap's certificate; perhaps" in said
    assert f"chatter --host localhost:{port} --ca {mine}\n" in tap.errors


def closed(connection: socket.socket) -> None:
    """Wait until the other side has ended it, in whatever way."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(1000):
            pass


def test_a_server_without_tls_is_said(tmp_path: Path) -> None:
    """Whether it answers the handshake with something else or ends the connection."""
    mine = tmp_path / "tap.pem"
    options = ("--tls", "--tls-ca-file", str(mine), "--to-insecure")
    with running(OURS) as plain, chatwire(plain, *options) as tap:
        with pytest.raises(grpc.RpcError):
            rooms(tap.address, mine)
        out = tap.stop()
    assert "[the server cannot be reached: it " in out
    assert "without --tls, the tap does not either" in tap.errors


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(), "it ended the connection instead of speaking TLS"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "it does not speak TLS"),
        (ConnectionRefusedError(111, "Connect call failed"), "Connection refused"),
    ],
)
def test_there_is_always_a_reason(error: OSError, words: str) -> None:
    """Also for an error that has no text."""
    assert words == reason(error)


def test_files_that_cannot_be_used_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything listens."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    assert 1 == run(["--tls", "--to-ca", str(empty)])
    assert f"chatwire: {empty} holds no certificate" in capsys.readouterr().err
    nowhere = tmp_path / "nowhere" / "ca.pem"
    assert 1 == run(["--tls", "--tls-ca-file", str(nowhere)])
    assert f"chatwire: cannot write {nowhere}" in capsys.readouterr().err
