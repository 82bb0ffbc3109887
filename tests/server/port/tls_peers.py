"""Both sides of a TLS connection without a network, and records that no client would send."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from chatroom.server.port.certificates import Certificates
from chatroom.server.port.handshakes import Handshakes
from chatroom.server.port.notices import Notices
from chatroom.server.port.tls import TlsProtocol
from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.port.tls_transport import TlsTransport
from chatroom.server.settings import Tls
from tests.client.certificates import Pair


class Below(asyncio.Transport):
    """What TLS stands on: keeps what is written until the peer takes it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 4711)})
        self.buffer = bytearray()
        self.taking = True
        """False: the kernel takes no more."""
        self.most_held = 0
        self.writes = 0
        self.taken = bytearray()
        self.reading = True
        self.ended = False
        self.closing = False
        self.aborted = False
        self.protocol: asyncio.Protocol
        self.high, self.low = 65536, 16384
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing, "written after the end"
        self.writes += 1
        self.buffer += data
        self._settle()
        if len(self.buffer) > self.high and not self.paused:
            self.paused = True
            self.protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def take(self, most: int | None = None) -> None:
        """The kernel takes this many bytes, or all from now on."""
        if most is None:
            self.taking = True
            most = len(self.buffer)
        self.taken += self.buffer[:most]
        del self.buffer[:most]
        if self.paused and len(self.buffer) <= self.low:
            self.paused = False
            self.protocol.resume_writing()

    def _settle(self) -> None:
        if self.taking:
            self.taken += self.buffer
            self.buffer.clear()
        self.most_held = max(self.most_held, len(self.buffer))

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return len(self.buffer)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        assert low is not None
        self.high, self.low = high, low


class Above(asyncio.Protocol):
    """The protocol above: notes what it is told."""

    def __init__(self) -> None:
        self.transport: TlsTransport
        self.pieces: list[bytes] = []
        self.told: list[str] = []
        self.keeps_writing = True
        self.pause_at_data = False
        self.lost_with: Exception | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        if self.pause_at_data:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.keeps_writing

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.lost_with = exc

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


def server_context(pair: Pair, client_ca: Path | None = None) -> ssl.SSLContext:
    return Certificates(
        Tls(certificate=pair.certificate, key=pair.key, client_ca=client_ca)
    ).context


def client_context(ca: Path, *alpn: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Connection:
    """A server's TlsProtocol and a client, byte for byte."""

    def __init__(
        self,
        server: ssl.SSLContext,
        client: ssl.SSLContext,
        limits: TlsLimits | None = None,
        handshakes: Handshakes | None = None,
        *,
        session: ssl.SSLSession | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`session` is to be resumed; `clock` is the server's, in seconds since 1970."""
        self.above = Above()
        self.below = Below()
        self.alpn: str | None = "not asked"
        self.closed = 0
        notices = Notices(time.monotonic)
        self.protocol = TlsProtocol(
            server, self._secured, self._closed, limits,
            notices=notices, handshakes=handshakes, clock=clock,
        )  # fmt: skip
        self.below.protocol = self.protocol
        self.protocol.connection_made(self.below)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(
            self.incoming, self.outgoing, server_hostname="localhost", session=session
        )

    def _secured(self, _: TlsTransport, alpn: str | None) -> asyncio.Protocol:
        self.alpn = alpn
        return self.above

    def _closed(self, protocol: TlsProtocol) -> None:
        assert protocol is self.protocol
        self.closed += 1

    def shake_hands(self) -> None:
        """Raises ssl.SSLError if the client finds a reason."""
        for _ in range(4):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.say()
                self.hear()
        self.say()
        assert ["made"] == self.above.told

    def say(self, data: bytes = b"") -> None:
        """The client writes; the server reads."""
        for start in range(0, len(data), 16384):
            self.client.write(data[start : start + 16384])
        if self.outgoing.pending:
            self.protocol.data_received(self.outgoing.read())

    def hear(self) -> None:
        """What the kernel took comes to the client."""
        self.incoming.write(self.below.taken)
        self.below.taken.clear()

    def heard(self) -> bytes:
        """What the client can read; close_notify ends it."""
        self.hear()
        parts = []
        while True:
            try:
                part = self.client.read(65536)
            except ssl.SSLWantReadError:
                break
            if not part:
                break
            parts.append(part)
        return b"".join(parts)

    def end(self) -> None:
        """The transport below is gone."""
        self.protocol.connection_lost(None)


class Forger:
    """Makes records of TLS 1.3 with a client's key (RFC 8446, 5.2, 7.2, 7.3)."""

    def __init__(self, keylog: Path) -> None:
        lines = (line.split() for line in keylog.read_text().splitlines())
        secrets = {line[0]: line[2] for line in lines if len(line) == 3}
        self._change_key(bytes.fromhex(secrets["CLIENT_TRAFFIC_SECRET_0"]))

    def _change_key(self, secret: bytes) -> None:
        self._secret = secret
        self._length = len(secret)
        self._aead = AESGCM(self._expand("key", 32 if self._length == 48 else 16))
        self._iv = int.from_bytes(self._expand("iv", 12), "big")
        self._sequence = 0

    def _expand(self, label: str, length: int) -> bytes:
        hash_ = hashes.SHA384() if self._length == hashlib.sha384().digest_size else hashes.SHA256()
        full = f"tls13 {label}".encode()
        info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"
        return HKDFExpand(hash_, length, info).derive(self._secret)

    def record(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        inner = content + bytes([kind]) + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ self._sequence).to_bytes(12, "big")
        self._sequence += 1
        return header + self._aead.encrypt(nonce, inner, header)

    def content(self, content: bytes, padding: int = 0) -> bytes:
        return self.record(23, content, padding)

    def warning(self) -> bytes:
        """user_canceled, the one alert of TLS 1.3 that ends nothing."""
        return self.record(21, b"\x01\x5a")

    def key_update(self) -> bytes:
        """With the other side asked for one in return (RFC 8446, 4.6.3)."""
        record = self.record(22, b"\x18\0\0\x01\x01")
        self._change_key(self._expand("traffic upd", self._length))
        return record
