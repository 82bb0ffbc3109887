"""One short chat as frames made by hand: both sides' bytes, as a tap would see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.passage import Chunk, Ended, Opened, Passage, Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2.frames import PREFACE

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

    def frame(self, sender: Side, frame: Frame) -> None:
        content = frame.serialize()
        kind = type(frame).__name__.removesuffix("Frame")
        names = {"WindowUpdate": "WINDOW_UPDATE", "RstStream": "RST_STREAM"}
        self.sent.append(
            Sent(sender, names.get(kind, kind.upper()), frame.stream_id, len(content) - 9, content)
        )

    def headers(
        self, sender: Side, stream: int, fields: list[tuple[str, str]], *, end: bool = False
    ) -> None:
        frame = HeadersFrame(stream, self._encoders[sender].encode(fields))
        frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        self.frame(sender, frame)

    def data(self, sender: Side, stream: int, *messages: pb.ChatMessage | pb.Message) -> None:
        self.frame(sender, DataFrame(stream, b"".join(map(enveloped, messages))))


def chat_by_hand() -> list[Sent]:
    """A join, a message each way, a second stream that is reset, a status in the trailers."""
    chat = Chat()
    client, server = Side.CLIENT, Side.SERVER
    call = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/rpc.ChatService/Chat"),
        (":authority", "localhost:50051"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    answer = [(":status", "200"), ("content-type", "application/grpc")]
    chat.frame(client, SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535}))
    chat.frame(server, SettingsFrame(0, {SettingsFrame.MAX_CONCURRENT_STREAMS: 100}))
    chat.frame(server, SettingsFrame(0, flags=["ACK"]))
    chat.frame(client, SettingsFrame(0, flags=["ACK"]))
    chat.headers(client, 1, call)
    chat.data(client, 1, pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")))
    chat.frame(client, WindowUpdateFrame(0, window_increment=1024))
    chat.headers(server, 1, answer)
    chat.data(
        server,
        1,
        pb.Message(name="Bob", message="Has entered the chat", sequence=1),
        pb.Message(name="Alice", message="Hey Bob", sequence=2),
    )
    chat.data(client, 1, pb.ChatMessage(message=pb.Message(message="Hey Älice", nonce="n1")))
    chat.headers(client, 3, call)
    chat.frame(client, RstStreamFrame(3, error_code=8))
    chat.frame(server, PingFrame(0, b"12345678"))
    chat.frame(client, PingFrame(0, b"12345678", flags=["ACK"]))
    chat.headers(
        server, 1, [("grpc-status", "5"), ("grpc-message", "Room lobby was closed")], end=True
    )
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
