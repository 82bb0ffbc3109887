"""HTTP/2 by hand: frames out, frames in, over a plain socket.

Does what a client library would hide or refuse: any header, any frame, cut anywhere.
Reads block until something comes, for at most `TIMEOUT_SECONDS`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import cut
from chatroom.wire.grpc import CONTENT_TYPE, percent_decoded, request_headers
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.frames import MAX_FRAME_BYTES, ErrorCode, Kind
from chatroom.wire.http2.reader import Frame

TIMEOUT_SECONDS = 10.0
WINDOW_BYTES = 1 << 24

Headers = list[tuple[bytes, bytes]]


class ConnectionEnded(Exception):
    """The peer has closed the connection, or said GOAWAY with an error."""


@dataclass
class Response:
    """What has come on one stream so far."""

    frames: list[Frame] = field(default_factory=list)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    trailers: dict[bytes, bytes] = field(default_factory=dict)
    """Those of a Trailers-Only response are among `headers`."""
    data: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self.ended or self.reset is not None

    @property
    def shape(self) -> list[str]:
        """The frames' types in order, runs of DATA as one, with `.` where the stream ended."""
        names: list[str] = []
        for frame in self.frames:
            name = Kind(frame.kind).name
            end = "." if frame.end else ""
            if name == "DATA" and names and names[-1] == "DATA":
                names[-1] += end
            else:
                names.append(name + end)
        return names

    @property
    def http_status(self) -> int:
        """The value of `:status`."""
        return int(self.headers[b":status"])

    @property
    def grpc_status(self) -> int | None:
        """The value of `grpc-status`, wherever it stood."""
        value = {**self.headers, **self.trailers}.get(b"grpc-status")
        return None if value is None else int(value)

    @property
    def grpc_message(self) -> str:
        """The value of `grpc-message`, percent-decoded."""
        return percent_decoded({**self.headers, **self.trailers}.get(b"grpc-message", b"").decode())

    @property
    def payloads(self) -> list[bytes]:
        """The messages that are complete in `data`; all of them uncompressed."""
        found = list(cut(self.data))
        assert {0} >= {flags for flags, _, _ in found}, "a message of the server is uncompressed"
        return [self.data[begin:end] for _, begin, end in found]


class Connection:
    """One HTTP/2 connection, with prior knowledge or by ALPN; a context manager."""

    def __init__(
        self, address: str, tls: ssl.SSLContext | None = None, *, source: str = ""
    ) -> None:
        """`tls` has to offer h2; None: in clear text. `source`: the address to come from."""
        self.authority = address.encode()
        self.responses: dict[int, Response] = {}
        self._client = Client(connection_window=WINDOW_BYTES)
        self._pongs: set[bytes] = set()
        self._socket = socket.create_connection(
            Address.parse(address), timeout=TIMEOUT_SECONDS, source_address=(source, 0)
        )
        # Else a request in two writes waits 40 ms for the acknowledgement of the first.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket)

    def __enter__(self) -> Self:
        self._flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    # ---- Out ----------------------------------------------------------------------

    def open(self, headers: Headers, *, end: bool = False) -> int:
        """Begin a stream with exactly these headers; its number."""
        stream = self._client.request(headers, end=end)
        self.responses[stream] = Response()
        self._flush()
        return stream

    def call(self, path: str, *headers: tuple[bytes, bytes], end: bool = False) -> int:
        """Begin a gRPC call as a client library does, with `headers` beside; its stream."""
        return self.open([*self.request_headers(path), *headers], end=end)

    def request_headers(self, path: str, content_type: bytes = CONTENT_TYPE) -> Headers:
        """The Request-Headers of a gRPC call, without the optional ones."""
        return list(request_headers(path, self.authority.decode(), content_type=content_type))

    def data(self, stream: int, data: bytes, *, end: bool = False, frame_bytes: int = 0) -> None:
        """Send DATA within the peer's flow control, at most `frame_bytes` in a frame.

        Returns early if the peer ends the stream meanwhile.
        """
        most = frame_bytes or MAX_FRAME_BYTES
        response = self.responses[stream]
        pieces = [data[at : at + most] for at in range(0, len(data), most)] or [b""]
        for number, piece in enumerate(pieces, 1):
            if response.over:
                return
            self._client.send(stream, piece, end=end and number == len(pieces))
            self._flush()
            self._until(lambda: response.over or not self._client.unsent(stream))

    def reset(self, stream: int, code: int = ErrorCode.CANCEL) -> None:
        """Send RST_STREAM."""
        self._client.reset(stream, code)
        self._flush()

    def ping(self) -> None:
        """Send PING and wait for the answer: what was sent before has been read by then."""
        opaque = len(self._pongs).to_bytes(8, "big")
        self._client.ping(opaque)
        self._flush()
        self._until(lambda: opaque in self._pongs)

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are: frames that no library makes."""
        self._socket.sendall(data)

    # ---- In -----------------------------------------------------------------------

    def response(self, stream: int) -> Response:
        """The whole response, once its stream has ended or was reset."""
        response = self.responses[stream]
        self._until(lambda: response.over)
        return response

    def payload(self, stream: int, number: int) -> bytes:
        """The message of this number, from 0, once it is there."""
        response = self.responses[stream]
        self._until(lambda: len(response.payloads) > number or response.over)
        return response.payloads[number]

    def read(self, seconds: float) -> bool:
        """Take what comes first within so many seconds; whether anything did."""
        if seconds <= 0:
            return False
        self._socket.settimeout(seconds)
        try:
            self._read()
        except TimeoutError:
            return False
        finally:
            self._socket.settimeout(TIMEOUT_SECONDS)
        return True

    # ---- Inside -------------------------------------------------------------------

    def _flush(self) -> None:
        self._socket.sendall(self._client.data_to_send())

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._read()

    def _read(self) -> None:
        chunk = self._socket.recv(65_536)
        if not chunk:
            raise ConnectionEnded("the server has closed the connection")
        for frame in self._client.receive_data(chunk):
            self._take(frame)
        self._flush()

    def _take(self, frame: Frame) -> None:
        if frame.kind == Kind.PING and frame.ack:
            self._pongs.add(frame.payload)
        elif frame.kind == Kind.GOAWAY and frame.code:
            raise ConnectionEnded(f"GOAWAY, error {frame.code}: {frame.debug!r}")
        elif frame.stream_id and frame.kind != Kind.WINDOW_UPDATE:
            self._take_on_stream(self.responses[frame.stream_id], frame)

    def _take_on_stream(self, response: Response, frame: Frame) -> None:
        if response.ended:
            # The server wants no more of the request (RFC 9113, 8.1), or has seen more of
            # it after it said so (5.1); the response is whole.
            assert frame.kind == Kind.RST_STREAM, "nothing else follows the end"
            return
        response.frames.append(frame)
        if frame.kind == Kind.HEADERS:
            if response.headers:
                response.trailers = dict(frame.headers)
            else:
                response.headers = dict(frame.headers)
        elif frame.kind == Kind.DATA:
            response.data += frame.payload
        elif frame.kind == Kind.RST_STREAM:
            response.reset = frame.code
        response.ended = response.ended or frame.end
