"""One short chat as frames made by hand: both sides' bytes, as a tap would see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hpack import Encoder

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.passage import Chunk, Ended, Opened, Passage, Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, Code, request_headers, status_trailers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import HEADER_BYTES, PREFACE, SETTINGS_ACK, ErrorCode, Kind, Setting

START = 1_790_000_000_123_456_789
STEP = 1_000_000
CLIENT = ("127.0.0.1", 40112)
SERVER = ("127.0.0.1", 50051)


@dataclass(frozen=True)
class Sent:
    """One frame, as it should be listed; `bytes` as it was sent."""

    sender: Side
    kind: str
    stream: int
    length: int
    bytes: bytes


def enveloped(message: pb.ChatMessage | pb.Message) -> bytes:
    return envelope(message.SerializeToString())


class Chat:
    """Frames of one connection, in the order in which they are sent."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._encoders = {side: Encoder() for side in Side}

    def frame(self, sender: Side, frame: bytes, stream: int = 0) -> None:
        kind = Kind(frame[3]).name
        self.sent.append(Sent(sender, kind, stream, len(frame) - HEADER_BYTES, frame))

    def headers(
        self, sender: Side, stream: int, fields: Iterable[tuple[bytes, bytes]], *, end: bool = False
    ) -> None:
        block = self._encoders[sender].encode(list(fields))
        self.frame(sender, frames.headers(stream, block, end=end), stream)

    def data(self, sender: Side, stream: int, *messages: pb.ChatMessage | pb.Message) -> None:
        self.frame(sender, frames.data(stream, b"".join(map(enveloped, messages))), stream)


def chat_by_hand() -> list[Sent]:
    """A join, a message each way, a second stream that is reset, a status in the trailers."""
    chat = Chat()
    client, server = Side.CLIENT, Side.SERVER
    call = request_headers(CHAT, "localhost:50051")
    answer = [(b":status", b"200"), (b"content-type", b"application/grpc")]
    chat.frame(client, frames.settings((Setting.INITIAL_WINDOW_SIZE, 65_535)))
    chat.frame(server, frames.settings((Setting.MAX_CONCURRENT_STREAMS, 100)))
    chat.frame(server, SETTINGS_ACK)
    chat.frame(client, SETTINGS_ACK)
    chat.headers(client, 1, call)
    chat.data(client, 1, pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")))
    chat.frame(client, frames.window_update(0, 1024))
    chat.headers(server, 1, answer)
    chat.data(
        server,
        1,
        pb.Message(name="Bob", message="Has entered the chat", sequence=1),
        pb.Message(name="Alice", message="Hey Bob", sequence=2),
    )
    chat.data(client, 1, pb.ChatMessage(message=pb.Message(message="Hey Älice", nonce="n1")))
    chat.headers(client, 3, call)
    chat.frame(client, frames.rst_stream(3, ErrorCode.CANCEL), 3)
    chat.frame(server, frames.ping(b"12345678"))
    chat.frame(client, frames.ping(b"12345678", ack=True))
    chat.headers(server, 1, status_trailers(Code.NOT_FOUND, "Room lobby was closed"), end=True)
    return chat.sent


def passages(sent: list[Sent], *, number: int = 1) -> Iterator[Passage]:
    """The frames as a tap would see them, one chunk each, the client's preface first."""
    time = START
    yield Opened(connection=number, time=time, client=CLIENT, server=SERVER)
    yield Chunk(connection=number, time=time, sender=Side.CLIENT, content=PREFACE)
    for each in sent:
        time += STEP
        yield Chunk(connection=number, time=time, sender=each.sender, content=each.bytes)
    for side in Side:
        time += STEP
        yield Ended(connection=number, time=time, sender=side)
