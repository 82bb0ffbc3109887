"""Conversations by hand: what passes, made of frames, and decoded.

The frames are written by `chatroom.wire.http2`. The decoder reads them by another library,
so neither can hide what the other has wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hpack import Encoder

from chatroom.chatwire.decode import Decoder, Kind, records
from chatroom.chatwire.decode.schema import Schema
from chatroom.chatwire.passage import Chunk, Ended, Opened, Passage, Side
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK

REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", CHAT),
    (":authority", "localhost"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]
RESPONSE = [(":status", "200"), ("content-type", "application/grpc")]
OPENED = Opened(connection=1, time=0, client=("127.0.0.1", 5000), server=("127.0.0.1", 8080))
MIDWAY = Opened(
    connection=1, time=0, client=("127.0.0.1", 5000), server=("127.0.0.1", 8080), midway=True
)


class Talk:
    """What two sides say, in order; each `client` and `server` takes frames, or any bytes.

    Every passage comes a millisecond after the one before.
    """

    def __init__(self, opened: Opened = OPENED, schema: Schema | None = None) -> None:
        self.decoder = Decoder(schema)
        self.encoders = {Side.CLIENT: Encoder(), Side.SERVER: Encoder()}
        self.passages: list[Passage] = [opened]
        self.made = self.decoder.take(opened)

    def begin(self, *settings: tuple[int, int]) -> Talk:
        """A connection of HTTP/2, both SETTINGS acknowledged."""
        self.client(PREFACE, frames.settings(*settings))
        self.server(frames.settings(), SETTINGS_ACK)
        self.client(SETTINGS_ACK)
        return self

    def client(self, *content: bytes) -> list[records.Frame]:
        return self.say(Side.CLIENT, *content)

    def server(self, *content: bytes) -> list[records.Frame]:
        return self.say(Side.SERVER, *content)

    def say(self, sender: Side, *content: bytes) -> list[records.Frame]:
        raw = b"".join(content)
        return self.pass_on(Chunk(connection=1, time=self.now, sender=sender, content=raw))

    def pass_on(self, passage: Passage) -> list[records.Frame]:
        self.passages.append(passage)
        made = self.decoder.take(passage)
        self.made += made
        return made

    def end(self, sender: Side, *, reset: bool = False) -> list[records.Frame]:
        return self.pass_on(Ended(connection=1, time=self.now, sender=sender, reset=reset))

    @property
    def now(self) -> int:
        return 1_000_000 * len(self.passages)

    def headers(
        self, sender: Side, stream: int, fields: Iterable[tuple[str, str]], *, end: bool = False
    ) -> bytes:
        block = self.encoders[sender].encode(list(fields))
        return frames.headers(stream, block, end=end)

    def call(self, stream: int = 1) -> list[records.Frame]:
        """Open a call of Chat, both heads."""
        made = self.client(self.headers(Side.CLIENT, stream, REQUEST))
        return made + self.server(self.headers(Side.SERVER, stream, RESPONSE))


def kinds(made: Sequence[records.Frame]) -> list[Kind]:
    return [frame.kind for frame in made]


def notes(made: Sequence[records.Frame]) -> str:
    return "\n".join(note for frame in made for note in frame.notes)


def texts(made: Sequence[records.Frame]) -> list[str]:
    return [message.text for frame in made for message in frame.messages]
