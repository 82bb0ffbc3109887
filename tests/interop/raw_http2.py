"""HTTP/2 by hand: frames out, frames in, over a plain socket.

Does what a client library would hide or refuse: any header, any frame, cut anywhere.
Reads block until something comes, for at most `TIMEOUT_SECONDS`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import cut
from chatroom.wire.grpc import percent_decoded

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TIMEOUT_SECONDS = 10.0
FRAME_HEADER_BYTES = 9
MAX_FRAME_BYTES = 16_384
CANCEL = 8

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
            name = type(frame).__name__.removesuffix("Frame").upper()
            end = "." if "END_STREAM" in frame.flags else ""
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
    """One HTTP/2 connection in clear text, with prior knowledge; a context manager."""

    def __init__(self, address: str) -> None:
        self.authority = address.encode()
        self.responses: dict[int, Response] = {}
        self._encoder = Encoder()
        self._decoder = Decoder(max_header_list_size=1 << 20)
        self._buffer = b""
        self._next_stream = 1
        self._windows: dict[int, int] = {0: 65_535}
        self._initial_window = 65_535
        self._pongs: set[bytes] = set()
        self._socket = socket.create_connection(Address.parse(address), timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        self._socket.sendall(PREFACE + SettingsFrame(0).serialize())
        self._send(WindowUpdateFrame(0, window_increment=1 << 24))
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
        stream = self._next_stream
        self._next_stream += 2
        self.responses[stream] = Response()
        self._windows[stream] = self._initial_window
        frame = HeadersFrame(stream, data=self._encoder.encode(headers, huffman=False))
        frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        self._send(frame)
        return stream

    def call(self, path: str, *headers: tuple[bytes, bytes], end: bool = False) -> int:
        """Begin a gRPC call as a client library does, with `headers` beside; its stream."""
        return self.open([*self.request_headers(path), *headers], end=end)

    def request_headers(
        self, path: str, content_type: bytes = b"application/grpc"
    ) -> list[tuple[bytes, bytes]]:
        """The Request-Headers of a gRPC call, without the optional ones."""
        return [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", self.authority),
            (b"te", b"trailers"),
            (b"content-type", content_type),
        ]

    def data(self, stream: int, data: bytes, *, end: bool = False, frame_bytes: int = 0) -> None:
        """Send DATA within the peer's flow control, at most `frame_bytes` in a frame.

        Returns early if the peer ends the stream meanwhile.
        """
        most = frame_bytes or MAX_FRAME_BYTES
        response = self.responses[stream]
        while True:
            if data:
                self._until(lambda: self._room(stream) > 0 or response.over)
            if response.over:
                return
            size = min(most, len(data), max(self._room(stream), 0))
            piece, data = data[:size], data[size:]
            frame = DataFrame(stream, data=piece)
            if end and not data:
                frame.flags.add("END_STREAM")
            self._windows[0] -= size
            self._windows[stream] -= size
            self._send(frame)
            if not data:
                return

    def reset(self, stream: int, code: int = CANCEL) -> None:
        """Send RST_STREAM."""
        self._send(RstStreamFrame(stream, error_code=code))

    def ping(self) -> None:
        """Send PING and wait for the answer: what was sent before has been read by then."""
        opaque = len(self._pongs).to_bytes(8, "big")
        self._send(PingFrame(0, opaque_data=opaque))
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

    def first_frame(self, stream: int) -> Frame:
        """The first frame on this stream, once it is there."""
        response = self.responses[stream]
        self._until(lambda: bool(response.frames))
        return response.frames[0]

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

    def _send(self, frame: Frame) -> None:
        self._socket.sendall(frame.serialize())

    def _room(self, stream: int) -> int:
        return min(self._windows[0], self._windows[stream])

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._read()

    def _read(self) -> None:
        chunk = self._socket.recv(65_536)
        if not chunk:
            raise ConnectionEnded("the server has closed the connection")
        self._buffer += chunk
        for frame in self._whole_frames():
            self._take(frame)

    def _whole_frames(self) -> Iterator[Frame]:
        while len(self._buffer) >= FRAME_HEADER_BYTES:
            frame, length = Frame.parse_frame_header(memoryview(self._buffer[:FRAME_HEADER_BYTES]))
            end = FRAME_HEADER_BYTES + length
            if len(self._buffer) < end:
                return
            frame.parse_body(memoryview(self._buffer[FRAME_HEADER_BYTES:end]))
            self._buffer = self._buffer[end:]
            yield frame

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            window = frame.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self._initial_window)
            for stream in self.responses:
                self._windows[stream] += window - self._initial_window
            self._initial_window = window
            self._send(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, PingFrame):
            if "ACK" in frame.flags:
                self._pongs.add(frame.opaque_data)
            else:
                self._send(PingFrame(0, flags=["ACK"], opaque_data=frame.opaque_data))
        elif isinstance(frame, WindowUpdateFrame):
            self._windows[frame.stream_id] += frame.window_increment
        elif isinstance(frame, GoAwayFrame) and frame.error_code:
            raise ConnectionEnded(f"GOAWAY, error {frame.error_code}: {frame.additional_data!r}")
        if frame.stream_id:
            self._take_on_stream(self.responses[frame.stream_id], frame)

    def _take_on_stream(self, response: Response, frame: Frame) -> None:
        if isinstance(frame, WindowUpdateFrame):
            return
        if response.ended:
            # The server wants no more of the request (RFC 9113, 8.1), or has seen more of
            # it after it said so (5.1); the response is whole.
            assert isinstance(frame, RstStreamFrame), "nothing else follows the end"
            return
        response.frames.append(frame)
        if isinstance(frame, HeadersFrame):
            assert "END_HEADERS" in frame.flags, "the header block is in one frame"
            block = dict(self._decoder.decode(frame.data, raw=True))
            if response.headers:
                response.trailers = block
            else:
                response.headers = block
        elif isinstance(frame, DataFrame):
            response.data += frame.data
            if frame.flow_controlled_length and "END_STREAM" not in frame.flags:
                self._send(
                    WindowUpdateFrame(
                        frame.stream_id, window_increment=frame.flow_controlled_length
                    )
                )
        elif isinstance(frame, RstStreamFrame):
            response.reset = frame.error_code
        response.ended = response.ended or "END_STREAM" in frame.flags
