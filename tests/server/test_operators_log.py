"""What an operator finds in the log, and what is not there because nobody needs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import unquote

import pytest

from chatroom.journal import NewRoom, StoredRoom
from chatroom.journal.memory import MemoryJournal
from chatroom.server.service import Service
from chatroom.server.settings import Settings, Tls
from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2 import frames
from chatroom.wire.http2.headers import encode
from chatroom.wire.http2.limits import Http2Limits
from tests.carriers import run
from tests.client.certificates import authority, signed
from tests.server.services import Running, running

CREATE = "/rpc.ChatService/CreateChatRoom"
MEMBERS = "/rpc.ChatService/ListMembers"
HTTP2 = frames.PREFACE + frames.settings()
END = frames.data(1, b"", end=True)
"""With this a call is whole."""
HEALTHZ = encode([(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/healthz")])
TIMES = 3
"""How often each stranger comes."""


def http1(method: str, path: str, *fields: str, host: str = "localhost", body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *fields, f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


def http2(*fields: tuple[str, str], path: str = MEMBERS, body: bytes | None = None) -> bytes:
    """A call of gRPC, a whole one if it has a body."""
    head = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()),
        (b":authority", b"localhost"), (b"te", b"trailers"),
        *((name.encode(), value.encode()) for name, value in fields),
    ]  # fmt: skip
    rest = frames.data(1, body) + END if body is not None else b""
    return HTTP2 + frames.headers(1, encode(head)) + rest


JSON = "content-type: application/json"
GRPC = ("content-type", "application/grpc")
PEER = r"127\.0\.0\.1:\d+: "
STRANGERS: dict[str, tuple[bytes, str]] = {
    "a Host": (http1("GET", "/", host="chat.example"), "refused: .*'chat.example'.*--allow-host"),
    "a page's Host": (
        http1("POST", MEMBERS, JSON, "origin: http://chat.example", host="chat.example", body="{}"),
        "refused: .*'chat.example'.*--allow-host",
    ),
    "an Origin": (
        http1("POST", MEMBERS, JSON, "origin: https://chat.example", body="{}"),
        "refused: pages of https://chat.example .*--allow-origin",
    ),
    "an Origin of gRPC": (
        http2(GRPC, ("origin", "null"), path=CHAT, body=b""),
        "refused: pages of null .*--allow-origin",
    ),
    "a flood of SETTINGS": (HTTP2 + frames.settings() * 200, "cut off: too many settings"),
    "a flood of resets": (
        HTTP2
        + b"".join(
            frames.headers(stream, HEALTHZ, end=True) + frames.rst_stream(stream, 8)
            for stream in range(1, 2 * 2500, 2)
        ),
        "cut off: too many resets",
    ),
    "a header block without end": (
        HTTP2
        + frames.frame(frames.Kind.HEADERS, 0, 1, bytes(16_384))
        + frames.frame(frames.Kind.CONTINUATION, 0, 1, bytes(16_384)) * 2,
        "cut off: a header block is too long",
    ),
    "a flood of chunks": (
        b"POST /healthz HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        + (b"1;" + b"x" * 4000 + b"\r\nx\r\n") * 8,
        "cut off: too little content",
    ),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "speaks no HTTP: TLS, and this port has"),
    "the PROXY protocol": (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n", "speaks no HTTP: the PROXY protocol"
    ),
    "the PROXY protocol 2": (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "speaks no HTTP: the PROXY protocol"
    ),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", r"speaks no HTTP: bytes that begin with b'SSH-2\.0-Open"),
    "half a preface": (b"PRI * HTTP/1.0\r\n\r\n", "does not keep to HTTP/2: the preface is not"),
    "a frame that is none": (
        HTTP2 + frames.frame(frames.Kind.PING, 0, 0, b"abc"),
        "does not keep to HTTP/2: PING is not of 8 bytes",
    ),
}  # fmt: skip
"""What is sent, and the one line that it leaves."""


def say(port: int, octets: bytes) -> bytes:
    """Send, and read to the end of a whole call of HTTP/2, or of the connection."""
    answers = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(octets)
        if not (octets.startswith(HTTP2) and octets.endswith(END)):
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while not answered(answers) and (more := connection.recv(65_536)):
                answers += more
    return answers


def answered(octets: bytes) -> bool:
    """Whether frames end a stream, if they are frames."""
    at = 0
    while len(octets) - at >= frames.HEADER_BYTES:
        high, low, kind, flags, _ = frames.unpack_header(octets, at)
        if kind in (frames.Kind.DATA, frames.Kind.HEADERS) and flags & frames.END_STREAM:
            return True
        at += frames.HEADER_BYTES + (high << 8 | low)
    return False


def status(port: int, ca: Path, host: str) -> int:
    """What a link to this host is answered, over TLS."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False  # the address is dialled; the Host is what is looked at
    connection = HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/", headers={"host": host})
        return connection.getresponse().status


def told(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= level]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_leaves_one_line(stranger: str, caplog: pytest.LogCaptureFixture) -> None:
    """With its address, with what it did, and with what lets it in; not one for each time."""
    octets, line = STRANGERS[stranger]

    async def scene() -> None:
        async with running() as server:
            for _ in range(TIMES):
                await asyncio.to_thread(say, server.port, octets)

    caplog.set_level(logging.DEBUG, "chatroom")
    run(scene())
    messages = told(caplog)
    assert 1 == len(messages), messages
    assert re.match(PEER + line, messages[0]), messages
    debugged = [each for each in caplog.messages if re.match(PEER + line, each)]
    assert TIMES == len(debugged)


def test_noise_hides_no_setting_that_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody knocks with SSH all day; the operator's own proxy sends what is not asked for."""

    async def scene() -> None:
        async with running() as server:
            for stranger in ("SSH", "the PROXY protocol"):
                await asyncio.to_thread(say, server.port, STRANGERS[stranger][0])

    caplog.set_level(logging.INFO, "chatroom")
    run(scene())
    assert 2 == len(told(caplog)), told(caplog)
    assert "--proxy-protocol has it read" in told(caplog)[1]


CLIENTS: dict[str, bytes] = {
    "a request that is cut off": http1("POST", MEMBERS, JSON, body="{}")[:-1],
    "no JSON": http1("POST", MEMBERS, JSON, body="{"),
    "no gzip": http1("POST", MEMBERS, JSON, "content-encoding: gzip", body="x"),
    "no time-out": http1("POST", MEMBERS, JSON, "connect-timeout-ms: x", body="{}"),
    "no room": http1("POST", MEMBERS, JSON, body='{"room_id": "none"}'),
    "no method": http1("POST", "/rpc.ChatService/None", JSON, body="{}"),
    "nothing there": http1("GET", "/favicon.ico"),
    "half an envelope of gRPC-Web": http1(
        "POST", MEMBERS, "content-type: application/grpc-web", body="\0\0\0"
    ),
    "gRPC over HTTP/1.1": http1("POST", MEMBERS, "content-type: application/grpc", body="\0\0\0"),
    "an upgrade": http1("GET", "/healthz", "upgrade: websocket", "connection: upgrade"),
    "nothing at all": b"",
    "a preface and nothing more": HTTP2,
    "half an envelope": http2(GRPC, body=b"\0\0\0\0\5a"),
    "a wrong message": http2(GRPC, body=envelope(b"\xff\xff\xff")),
    "a wrong deadline": http2(GRPC, ("grpc-timeout", "soon"), body=envelope(b"")),
    "a call that is cut off": http2(GRPC),
    "a stream that is cut off": http2(GRPC, path=CHAT),
    "a call that is cancelled": http2(GRPC) + frames.rst_stream(1, 8),
    "a stream that is cancelled": http2(GRPC, path=CHAT) + frames.rst_stream(1, 8),
    "too long a head": http1("GET", "/healthz", "x-long: " + "x" * 40_000),
    "too long a body": http1("POST", MEMBERS, JSON, body="x" * 200_000),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_failed_request_leaves_no_line(client: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its client has the answer; an operator could do nothing about it."""

    async def scene() -> None:
        async with running() as server:
            await asyncio.to_thread(say, server.port, CLIENTS[client])

    caplog.set_level(logging.INFO)
    run(scene())
    assert [] == told(caplog)


def test_who_has_gone_away_leaves_no_line(caplog: pytest.LogCaptureFixture) -> None:
    """A telephone in a tunnel answers no PING: its connection is ended, and that is all."""

    async def scene() -> None:
        limits = Http2Limits(ping_silence=0.1, ping_answer=0.1)
        async with running(http2=limits) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(HTTP2 + frames.SETTINGS_ACK)
            assert b"the peer does not answer" in await reader.read()
            writer.close()

    caplog.set_level(logging.DEBUG, "chatroom")
    run(scene())
    assert [] == told(caplog)
    assert "was ended: the peer does not answer" in caplog.text


class Failing(MemoryJournal):
    async def create_room(self, room: NewRoom) -> StoredRoom:
        raise ZeroDivisionError("nobody expected this")


@pytest.mark.parametrize(
    "call",
    [http1("POST", CREATE, JSON, body="{}"), http2(GRPC, path=CREATE, body=envelope(b""))],
    ids=["HTTP/1.1", "HTTP/2"],
)
def test_a_failure_of_ours_is_told_once(call: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback, which the caller does not see."""
    answers: list[bytes] = []

    async def scene() -> None:
        service = Service(Settings(bind=(Address("127.0.0.1", 0),)), Failing())
        await service.start()
        answers.append(await asyncio.to_thread(say, service.addresses[0].port, call))
        await service.stop()

    caplog.set_level(logging.INFO)
    run(scene())
    assert [re.fullmatch(PEER[:-2] + "( stream 1)?: a call failed", told(caplog)[0])[0]] == told(
        caplog
    )
    assert "ZeroDivisionError: nobody expected this" in caplog.text
    assert "the server failed; its log has the reason" in unquote(answers[0].decode("latin-1"))
    assert b"expected" not in answers[0]


def test_the_names_of_the_certificate_are_hosts(tmp_path: Path) -> None:
    """By themselves; after SIGHUP those of the new one, and the old one's no more."""
    ca = authority(tmp_path, "ca")
    shown, next_ = (signed(tmp_path, ca, name) for name in ("old.example", "new.example"))

    def hosts(server: Running) -> list[int]:
        return [
            status(server.port, ca.certificate, name) for name in ("old.example", "new.example")
        ]

    async def scene() -> None:
        tls = Tls(certificate=shown.certificate, key=shown.key)
        async with running(tls=tls) as server:
            assert [200, 403] == await asyncio.to_thread(hosts, server)
            shown.certificate.write_bytes(next_.certificate.read_bytes())
            shown.key.write_bytes(next_.key.read_bytes())
            server.service.read_again()
            assert [403, 200] == await asyncio.to_thread(hosts, server)

    run(scene())
