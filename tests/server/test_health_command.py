"""`chatserver health`: what a container asks, over clear text and TLS."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatroom.core.limits import Limits
from chatroom.server.health_command import NotHealthy, check, here
from chatroom.wire.addresses import Address
from tests.carriers import run
from tests.client.certificates import Pair, authority, signed
from tests.faults.server_process import serving
from tests.server.services import running

PROGRAM = str(Path(sys.executable).with_name("chatserver"))


def asked(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    ended = subprocess.run(
        [PROGRAM, "health", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """The certificate of a server whose name is another one, and one that it does not have."""
    folder = tmp_path_factory.mktemp("pairs")
    ca = authority(folder, "ca")
    return signed(folder, ca, "chat.example"), signed(folder, ca, "other.example")


def test_a_server_is_asked_where_the_environment_says_that_it_listens() -> None:
    """In a container both have the same variables; the server's other options do not matter."""
    with serving("--in-memory") as server:
        bind = f"0.0.0.0:{server.port} 192.0.2.1:8080"
        assert (0, "SERVING\n", "") == asked(CHATSERVER_BIND=bind)
        assert (0, "SERVING\n", "") == asked(f":{server.port}", "--service", "rpc.ChatService")
        code, _, said = asked(str(server.port), "--service", "x.Y", CHATSERVER_BIND="wrong:")
        assert (1, "") == (code, _)
        code, _, said = asked(f"localhost:{server.port}", "--service", "x.Y")
        assert 1 == code
        assert f"chatserver: localhost:{server.port} does not tell of 'x.Y': " in said
    code, told, said = asked(f"127.0.0.1:{server.port}")
    assert (1, "", True) == (code, told, "cannot be asked: connection refused" in said)


def test_over_tls_it_wants_the_certificate_that_the_server_was_given(
    pairs: tuple[Pair, Pair],
) -> None:
    """By whatever name, and whoever has signed it; another one will not do, nor clear text."""
    mine, other = pairs
    options = ("--tls-cert", str(mine.certificate), "--tls-key", str(mine.key))
    with serving("--in-memory", *options) as server:
        address = f"127.0.0.1:{server.port}"
        assert (0, "SERVING\n", "") == asked(address, CHATSERVER_TLS_CERT=str(mine.certificate))
        code, _, said = asked(address, "--tls-cert", str(other.certificate))
        assert (1, True) == (code, "certificate verify failed" in said), said
        assert 1 == asked(address)[0]
        code, _, said = asked(address, "--tls-cert", str(mine.key))
        assert (1, True) == (code, f"cannot use {mine.key}: " in said), said


def test_a_server_that_cannot_store_runs_on_and_takes_no_newcomers() -> None:
    """As the table of docs/server.md says."""

    async def scene() -> None:
        async with running(limits=Limits()) as server:
            server.service.health.storing(False)
            address = Address("127.0.0.1", server.port)
            await asyncio.to_thread(check, address, "", certificate=None, seconds=20)
            with pytest.raises(NotHealthy, match=r"is NOT_SERVING for rpc\.ChatService$"):
                await asyncio.to_thread(
                    check, address, "rpc.ChatService", certificate=None, seconds=20
                )
            server.service.health.set(False)
            with pytest.raises(NotHealthy, match=r"is NOT_SERVING$"):
                await asyncio.to_thread(check, address, "", certificate=None, seconds=20)

    run(scene())


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"status": 1}', b"{}", b"\xff"])
def test_who_is_no_chatserver_is_not_healthy(body: bytes) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(NotHealthy):
            check(Address("127.0.0.1", server.server_port), "", certificate=None, seconds=20)
        server.shutdown()


@pytest.mark.parametrize(
    ("bind", "asks"),
    [
        ("", "127.0.0.1:8080"), ("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"),
        (":80", "127.0.0.1:80"), ("box:80 0.0.0.0:81", "box:80"), ("192.0.2.1", "192.0.2.1:8080"),
        ("x:y:z", "x:y:z"),
    ],
)  # fmt: skip
def test_where_it_asks(bind: str, asks: str) -> None:
    assert asks == here(bind)


def test_it_imports_little() -> None:
    """It is asked every few seconds."""
    script = (
        "import sys; sys.argv = ['chatserver', 'health', '127.0.0.1:1'];"
        "from chatroom.server.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert 1 == ended.code\n"
        "print(*sorted(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(ended.stdout.split())
    assert {"click", "chatroom.server.health_command"} <= imported
    assert set() == imported & {
        "asyncio", "google.protobuf", "connectrpc", "chatroom.core", "chatroom.server.cli",
    }  # fmt: skip
