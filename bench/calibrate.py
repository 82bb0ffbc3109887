"""The load generator's own limit: what it counts when sending costs next to nothing.

The source is another process that writes prebuilt DATA frames with `sendall` to each
connection in turn. As `python -m bench.calibrate` this file is that source.
"""

from __future__ import annotations

import argparse
import functools
import socket
import sys
import time
from dataclasses import dataclass

from bench.http2_sink import Loop
from bench.http2_streams import Stream
from bench.servers import launched, temporary
from bench.sockets import HOST
from bench.tally import MARKER, STAMP, TEXT_BYTES, Tally
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import HEADER_BYTES, MAX_FRAME_BYTES
from chatroom.wire.http2.headers import encode_cached

CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """How the source writes: messages in a write to one member, bytes in a DATA frame at most."""

    messages: int
    frame_bytes: int = MAX_FRAME_BYTES
    turns: int = 1_000_000_000
    """Writes to each connection at most, when the time is not over before."""

    def octets(self) -> bytes:
        """One write: enveloped messages cut into DATA frames wherever that falls."""
        text = (MARKER + b"0" * STAMP).ljust(TEXT_BYTES, b".").decode()
        message = chat_pb2.Message(name="member 1", message=text, sequence=123_456)
        message.sent.seconds, message.sent.nanos = 1_700_000_000, 123_456_789
        payload = envelope(message.SerializeToString()) * self.messages
        return b"".join(
            frames.data(1, payload[at : at + self.frame_bytes])
            for at in range(0, len(payload), self.frame_bytes)
        )


MESSAGE_BYTES = len(Shape(1).octets()) - HEADER_BYTES
SHAPES = (
    Shape(1),
    Shape(16),
    Shape(64),
    Shape(64, MESSAGE_BYTES),
    Shape(1024),
    Shape(64, 997, 200),
    Shape(64, 7, 10),
)
"""The fourth has a DATA frame for each message, as grpc-go writes them. The last two cut
markers in every possible way, to show that counting stays exact."""


class Sink(Stream):
    """A stream whose messages are counted."""

    __slots__ = ("tally",)

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()
        self.skims = True

    def received(self, buffer: bytearray, start: int, stop: int) -> None:
        self.tally.take(buffer, start, stop)


def calibrate(seconds: float) -> str:
    """Measure every shape for `seconds` and say what the generator's limit is."""
    lines = [
        f"The load generator alone, {CONNECTIONS} connections, one member on each:",
        "   messages a write  frame bytes    counted/s  µs each  its CPU      limit/s   exact",
    ]
    lines += [_measured(shape, seconds) for shape in SHAPES]
    lines.append(
        "  limit/s: what one CPU in full use would count (1 / µs each); the source may be slower."
    )
    return "\n".join(lines)


def _measured(shape: Shape, seconds: float) -> str:
    command = [
        "-m",
        "bench.calibrate",
        *("--messages", str(shape.messages)),
        *("--frame-bytes", str(shape.frame_bytes)),
        *("--turns", str(shape.turns)),
        *("--seconds", str(seconds)),
    ]
    loop = Loop()
    try:
        with temporary() as directory, launched(command, directory) as source:
            connections = loop.connect(source.port, CONNECTIONS)
            headers = encode_cached(request_headers(CHAT, HOST))
            sinks = [Sink() for _ in connections]
            open_ones = set(connections)
            for connection, sink in zip(connections, sinks, strict=True):
                connection.at_end = functools.partial(open_ones.discard, connection)
                connection.open(sink, headers, b"")
            begin, used = time.monotonic(), time.process_time()
            loop.until(lambda: not open_ones, seconds + 30, "the source's end")
            used = time.process_time() - used
            took = time.monotonic() - begin
            source.process.wait(10)
            sent = int(source.log.read_text().rpartition("sent ")[2])
    finally:
        loop.close()
    counted = sum(sink.tally.count for sink in sinks)
    each = used / counted
    exact = "yes" if counted == sent else f"NO: {sent:,} sent"
    return (
        f"  {shape.messages:>17,}{shape.frame_bytes:>13,}{counted / took:>13,.0f}"
        f"{each * 1e6:>9.3f}{used / took:>9.2f}{1 / each:>13,.0f}   {exact}"
    )


def source(shape: Shape, seconds: float) -> None:
    """Take `CONNECTIONS` connections, write to each in turn, and say how much was sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:
        port = listener.getsockname()[1]
        print(f"source: listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
        connections = []
        for _ in range(CONNECTIONS):
            connection, _ = listener.accept()
            connection.sendall(frames.settings())
            connections.append(connection)
        for connection in connections:
            _skip_request(connection)
        octets = shape.octets()
        turns = 0
        deadline = time.monotonic() + seconds
        while turns < shape.turns and time.monotonic() < deadline:
            for connection in connections:
                connection.sendall(octets)
            turns += 1
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        for connection in connections:
            while connection.recv(65_536):
                pass
            connection.close()
    print(f"sent {turns * CONNECTIONS * shape.messages}", file=sys.stderr, flush=True)


def _skip_request(connection: socket.socket) -> None:
    """Read until the request came: the only DATA frame that the client sends is empty."""
    seen = b""
    while not seen.endswith(frames.data(1, b"")):
        piece = connection.recv(65_536)
        if not piece:
            return
        seen += piece


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--frame-bytes", type=int, required=True)
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    source(Shape(chosen.messages, chosen.frame_bytes, chosen.turns), chosen.seconds)


if __name__ == "__main__":
    main()
