"""Streams of the HTTP/2 client: what is sent on one, and who takes what comes."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from bench.sockets import WireError
from chatroom.wire.http2.frames import MAX_FRAME_BYTES, data


class Carrier(Protocol):
    """What a stream needs of its connection."""

    window: int
    """Bytes of DATA that the server will still take, on all streams together."""

    def write(self, octets: bytes) -> None: ...


class Stream:
    """One call. Subclasses say what to do with its payload."""

    __slots__ = ("connection", "held", "number", "pending", "skims", "used", "window")

    def __init__(self) -> None:
        self.connection: Carrier
        self.number = 0
        self.window = 0
        """Bytes of DATA that the server will still take."""
        self.used = 0
        """Bytes of DATA received and not yet given back."""
        self.pending: deque[bytes] = deque()
        self.held = 0
        """Times that the server's windows did not take at once what was to be sent."""
        self.skims = False
        """It may be handed frames that follow one another in one piece, with the frame headers
        between their payloads, where no frame ends with a byte of `tally.MARKER`."""

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        """DATA came: `buffer[start:stop]`, to be read before returning."""
        raise NotImplementedError

    def ended(self, headers: dict[str, str]) -> None:
        """Tell that the server ended the stream, with the header fields that came last."""
        raise WireError(
            f"the server ended a stream: grpc-status {headers.get('grpc-status')},"
            f" {headers.get('grpc-message', headers)}"
        )

    def send(self, enveloped: bytes, times: int = 1) -> None:
        """Send a message `times` times, a DATA frame for each, when the windows allow it."""
        size = len(enveloped)
        connection = self.connection
        total = size * times
        if not self.pending and total <= self.window and total <= connection.window:
            self.window -= total
            connection.window -= total
            connection.write(data(self.number, enveloped) * times)
            return
        self.held += 1
        self.pending.extend([enveloped] * times)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the windows go; a message may then span frames."""
        connection = self.connection
        frames = []
        while self.pending:
            room = min(self.window, connection.window, MAX_FRAME_BYTES)
            if room <= 0:
                break
            piece = self.pending.popleft()
            if len(piece) > room:
                self.pending.appendleft(piece[room:])
                piece = piece[:room]
            self.window -= len(piece)
            connection.window -= len(piece)
            frames.append(data(self.number, piece))
        if frames:
            connection.write(b"".join(frames))


class Call(Stream):
    """A unary call: one message there, one back."""

    __slots__ = ("answer", "done", "status")

    def __init__(self) -> None:
        super().__init__()
        self.answer = bytearray()
        self.done = False
        self.status = ""

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        self.answer += buffer[start:stop]

    def ended(self, headers: dict[str, str]) -> None:
        self.done = True
        self.status = headers.get("grpc-status", "none")
        if self.status != "0":
            super().ended(headers)
