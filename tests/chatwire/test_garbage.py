"""Nothing that passes stops the decoder, and everything is passed on.

A minute with SOAK=1, some hundred examples otherwise.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Decoder, Frame
from chatroom.chatwire.passage import Chunk, Ended, Missing, Opened, Passage, Side
from chatroom.chatwire.recorded import RecordedTap
from chatroom.chatwire.show.as_json import json_line
from chatroom.chatwire.show.line import Style
from chatroom.chatwire.show.summary import Summary
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    END_HEADERS,
    LARGEST_WINDOW,
    PADDED,
    PREFACE,
    SETTINGS_ACK,
    Kind,
)
from tests.faults.scale import SOAK, scaled

from .loops import run
from .wire import REQUEST, RESPONSE, Talk

SECONDS = 60.0
EXAMPLES = scaled(300, 300, brief=100)


def seeds() -> Iterator[int]:
    """So many, or as many as a minute takes."""
    begin = time.monotonic()
    seed = 0
    while time.monotonic() - begin < SECONDS if SOAK else seed < EXAMPLES:
        yield seed
        seed += 1


def wild_frame(chance: random.Random) -> bytes:
    """A frame that may be wrong in any of its parts."""
    length = chance.choice((0, 1, 4, 5, 6, 8, 9, 100, 20_000))
    claimed = chance.choice((length, length, length, length + 3, 16384, (1 << 24) - 1))
    head = (
        claimed.to_bytes(3)
        + bytes([chance.choice((*range(12), 0xFE)), chance.choice((0, 1, 4, 5, 8, 0x2D, 0xFF))])
        + chance.choice((0, 1, 2, 3, 5, (1 << 31) + 1, (1 << 31) - 1)).to_bytes(4)
    )
    return head + chance.randbytes(length)


def proper_frame(chance: random.Random, talk: Talk, sender: Side) -> bytes:
    """A frame that is well formed, though it may not be allowed here."""
    stream = chance.choice((1, 3, 5))
    fields = list(REQUEST if sender is Side.CLIENT else RESPONSE)
    kinds = ("grpc", "grpc-web", "grpc-web-text", "connect+json", "proto", "json", "x")
    fields = [
        (name, f"application/{chance.choice(kinds)}" if name == "content-type" else value)
        for name, value in fields
    ]
    fields.append(("grpc-encoding", chance.choice(("gzip", "identity", "br"))))
    fields.append((f"x-{chance.randrange(40)}", "v" * chance.randrange(300)))
    content = pb.ChatMessage(message=pb.Message(message="text" * chance.randrange(9)))
    body = envelope(content.SerializeToString(), chance.choice((0, 0, 0, 1, 2, 0x80, 0xFF)))
    trailers = [("grpc-status", chance.choice(("0", "5", "x", "99999999999"))),
                ("grpc-status-details-bin", chance.choice(("", "!", "CAUSAmhp")))]  # fmt: skip
    encoder = talk.encoders[sender]
    return chance.choice(
        (
            lambda: frames.headers(stream, encoder.encode(fields)),
            lambda: frames.headers(stream, encoder.encode(trailers), end=True),
            lambda: frames.frame(
                Kind.HEADERS, END_HEADERS * (chance.random() < 0.9), stream, encoder.encode(fields)
            ),
            lambda: (
                frames.frame(Kind.CONTINUATION, END_HEADERS, stream, chance.randbytes(20))
                if chance.random() < 0.1
                else frames.data(stream, body)
            ),
            lambda: frames.data(stream, body),
            lambda: frames.data(stream, body[: chance.randrange(8)], end=True),
            lambda: frames.frame(
                Kind.DATA, PADDED, stream, b"\x09" + chance.randbytes(50) + bytes(9)
            ),
            lambda: frames.window_update(stream, chance.choice((1, 1000, LARGEST_WINDOW))),
            lambda: frames.settings((chance.randrange(9), chance.getrandbits(32))),
            lambda: SETTINGS_ACK,
            lambda: frames.ping(bytes(8), ack=chance.random() < 0.5),
            lambda: frames.rst_stream(stream, chance.randrange(20)),
            lambda: frames.goaway(stream, 11, chance.randbytes(9)),
            lambda: frames.frame(
                Kind.PUSH_PROMISE, END_HEADERS, stream,
                (2).to_bytes(4) + encoder.encode(fields),
            ),
        )
    )()  # fmt: skip


def wild_http1(chance: random.Random, sender: Side) -> bytes:
    """A head and a body, or parts of HTTP/1.1 in any order."""
    if chance.random() < 0.7:
        first = b"POST /rpc.ChatService/Chat HTTP/1.1" if sender is Side.CLIENT else b"HTTP/1.1 200"
        body = chance.randbytes(chance.randrange(30))
        kind = chance.choice((b"grpc-web", b"json", b"connect+proto", b"proto"))
        return (
            first + b" OK"[: 3 * (sender is Side.SERVER)]
            + b"\r\nContent-Type: application/" + kind
            + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )  # fmt: skip
    parts = (
        b"GET / HTTP/1.1\r\n", b"POST /rpc.ChatService/Chat HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n", b"Content-Length: 5\r\n", b"Content-Length: x\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Content-Type: application/grpc-web-text\r\n",
        b"Content-Type: application/json\r\n", b"\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\xff\0",
    )  # fmt: skip
    return b"".join(chance.choices(parts, k=8))


def scene(seed: int) -> list[Passage]:
    """A connection of frames proper and wild, noise, holes and cuts."""
    chance = random.Random(seed)
    talk = Talk()
    midway = chance.random() < 0.2
    opened = Opened(connection=1, time=0, client=("::1", 1), server=("::1", 2), midway=midway)
    passed: list[Passage] = [opened]
    begin: dict[Side, bytes] = {Side.CLIENT: b"", Side.SERVER: b""}
    speaks = chance.random()
    if speaks < 0.7 and not midway:
        begin[Side.CLIENT] = PREFACE + frames.settings()
        begin[Side.SERVER] = frames.settings()
    wild = chance.choice((0.0, 0.02, 0.3))

    def one(sender: Side) -> bytes:
        if speaks > 0.75:
            return wild_http1(chance, sender)
        if chance.random() < wild:
            return chance.choice((wild_frame, lambda c: c.randbytes(c.randrange(60))))(chance)
        return proper_frame(chance, talk, sender)

    for _ in range(chance.randrange(1, 60)):
        sender = chance.choice(list(Side))
        content, begin[sender] = begin[sender] + one(sender), b""
        when = len(passed)
        if chance.random() < 0.02:
            count = chance.choice((None, len(content)))
            passed.append(Missing(connection=1, time=when, sender=sender, count=count))
            continue
        cut = chance.randrange(len(content) + 1)
        passed += [
            Chunk(connection=1, time=when, sender=sender, content=piece)
            for piece in (content[:cut], content[cut:])
            if piece
        ]
    for side in Side:
        reset = chance.random() < 0.3
        passed.append(Ended(connection=1, time=len(passed), sender=side, reset=reset))
    return passed


def shown(made: list[Frame]) -> None:
    """Everything that can be shown of them is printable."""
    summary = Summary()
    for frame in made:
        summary.take(frame)
        text = Style(verbose=True).lines(frame)
        assert all(line.isprintable() for line in text.split("\n"))
        json_line(frame)
    summary.as_text()
    summary.as_json()


def check(passed: list[Passage]) -> None:
    decoder = Decoder()
    made = [frame for passage in passed for frame in decoder.take(passage)]
    shown(made)
    assert 2 == sum(frame.kind == "ENDED" for frame in made)
    assert list(range(1, len(made) + 1)) == [frame.number for frame in made]


def test_nothing_stops_the_decoder() -> None:
    """Whatever passes, every record can be shown and both ends are told."""
    for seed in seeds():
        try:
            check(scene(seed))
        except Exception as error:
            error.add_note(f"the scene of seed {seed}")
            raise


async def passed_on(pieces: list[tuple[Side, bytes]]) -> dict[Side, bytes]:
    """What arrives at the other end of a tap."""
    arrived = dict.fromkeys(Side, b"")
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sent = {side: b"".join(content for by, content in pieces if by is side) for side in Side}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent[Side.SERVER])
        writer.write_eof()
        arrived[Side.CLIENT] = await reader.read()
        writer.close()
        finished.set_result(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with RecordedTap(f"{host}:{port}") as tap:
        reader, writer = await asyncio.open_connection(*tap.address.rsplit(":", 1))
        writer.write(sent[Side.CLIENT])
        writer.write_eof()
        arrived[Side.SERVER] = await reader.read()
        await finished
        writer.close()
        shown(tap.frames)
    server.close()
    assert sent == arrived
    return arrived


def test_garbage_is_passed_on() -> None:
    """All of it, while it is decoded as far as that goes."""
    for seed in range(40):
        pieces = [(one.sender, one.content) for one in scene(seed) if isinstance(one, Chunk)]
        run(passed_on(pieces))


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"\x00\x00\x00" * 200_000,  # frames without content, of no type
        lambda: PREFACE + b"\x00\x00\x00\x09\x00\x00\x00\x00\x01" * 20_000,
        lambda: PREFACE + frames.settings((4, 1)) * 20_000,
        lambda: PREFACE
        + b"".join(frames.ping(n.to_bytes(8)) for n in range(9999)),
        lambda: PREFACE
        + b"".join(
            frames.headers(n, b"\x82")
            for n in range(1, 50_001, 2)
        ),
        lambda: PREFACE
        + frames.headers(1, b"\x40\x01x\x7f\xff\x1e" + b"y" * 4000 + b"\xbe" * 9000),
    ],
    ids=["noughts", "continuations", "settings", "pings", "streams", "hpack bomb"],
)  # fmt: skip
def test_floods_are_bounded(make: Callable[[], bytes]) -> None:
    """What attacks of HTTP/2 consist of; the decoder takes it and keeps little of it."""
    decoder = Decoder()
    opened = Opened(connection=1, time=0, client=("::1", 1), server=("::1", 2))
    made = decoder.take(opened)
    made += decoder.take(Chunk(connection=1, time=1, sender=Side.CLIENT, content=make()))
    made += decoder.take(Ended(connection=1, time=2, sender=Side.CLIENT))
    shown(made[:100] + made[-100:])
    assert "ENDED" == made[-1].kind
