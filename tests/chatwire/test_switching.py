"""HTTP/1.1 that becomes something else: h2c by Upgrade, and whatever is inside CONNECT."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode

import grpc
import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Frame, Kind, records
from chatroom.chatwire.passage import Missing, Side
from chatroom.chatwire.recorded import RecordedTap
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK

from .loops import run
from .wire import RESPONSE, Talk, kinds, notes, texts

SETTINGS = urlsafe_b64encode(frames.settings((4, 70_000))[9:]).rstrip(b"=")
UPGRADE = (
    b"POST /rpc.ChatService/CreateChatRoom HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + SETTINGS + b"\r\n"
    b"Content-Type: application/grpc\r\nContent-Length: 10\r\n\r\n"
    + envelope(pb.CreateChatRoomRequest(room_id="lob").SerializeToString())
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
CONNECT = b"CONNECT chat.example:8080 HTTP/1.1\r\nHost: chat.example:8080\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def answer(talk: Talk) -> bytes:
    """Of the upgraded request, on stream 1."""
    room = envelope(pb.ChatRoom(room_id="lob").SerializeToString())
    return (
        frames.settings()
        + SETTINGS_ACK
        + talk.headers(Side.SERVER, 1, RESPONSE)
        + frames.data(1, room)
        + talk.headers(Side.SERVER, 1, [("grpc-status", "0")], end=True)
    )


def test_h2c_is_decoded_from_the_switch_on() -> None:
    """The request of HTTP/1.1 is that of stream 1; its settings hold at once."""
    talk = Talk()
    assert [Kind.REQUEST, Kind.BODY, Kind.BODY] == kinds(talk.client(UPGRADE))
    assert len(UPGRADE) == UPGRADE.index(b"\r\n\r\n") + 4 + 10
    made = talk.server(SWITCHED + answer(talk))
    head = [Kind.RESPONSE, Kind.SETTINGS, Kind.SETTINGS]
    assert [*head, Kind.HEADERS, Kind.DATA, Kind.HEADERS] == kinds(made)
    data = made[4]
    assert ['room_id: "lob"'] == texts(made)
    assert "/rpc.ChatService/CreateChatRoom" == data.call
    assert isinstance(data.detail, records.Data)
    assert 70_000 - 10 == data.detail.window.stream
    said = [frames.settings((4, 70_000)), SETTINGS_ACK, frames.ping(b"12345678")]
    begun = talk.client(PREFACE, *said)
    assert [Kind.PREFACE, Kind.SETTINGS, Kind.SETTINGS, Kind.PING] == kinds(begun)
    assert "" == notes(made + begun)


def test_a_call_after_the_switch() -> None:
    """On stream 3, as on any connection of HTTP/2."""
    talk = Talk()
    talk.client(UPGRADE)
    talk.server(SWITCHED + answer(talk))
    talk.client(PREFACE, frames.settings())
    made = talk.call(3)
    assert [Kind.HEADERS, Kind.HEADERS] == kinds(made)
    assert {"/rpc.ChatService/Chat"} == {frame.call for frame in made}


def test_an_upgrade_that_is_not_made() -> None:
    """The server answers in HTTP/1.1, and so it goes on, also with what the client sent early."""
    talk = Talk()
    talk.client(UPGRADE)
    assert [] == talk.client(b"GET / HTTP/1.1\r\n\r\n")
    made = talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert [Kind.RESPONSE, Kind.REQUEST] == kinds(made)


def test_another_protocol_is_counted() -> None:
    """Such as WebSocket's."""
    talk = Talk()
    talk.client(UPGRADE.replace(b"h2c", b"websocket"))
    head = SWITCHED.replace(b"h2c", b"websocket")
    assert "another protocol begins here" in notes(talk.server(head + b"12345"))
    ended = talk.end(Side.SERVER)[-1]
    assert isinstance(ended.detail, records.Ended)
    assert 5 == ended.detail.undecoded


@pytest.mark.parametrize("early", [False, True], ids=["after the answer", "before it"])
def test_http2_inside_connect_is_decoded(early: bool) -> None:
    """From the client's preface on; a client that does not wait is decoded later."""
    talk = Talk()
    talk.client(CONNECT)
    made: list[Frame] = []
    if early:
        assert [] == talk.client(PREFACE, frames.settings())
    made += talk.server(ESTABLISHED)
    if not early:
        made += talk.client(PREFACE, frames.settings())
    assert [Kind.RESPONSE, Kind.PREFACE, Kind.SETTINGS] == kinds(made)
    assert [Kind.SETTINGS] == kinds(talk.server(frames.settings()))
    assert [Kind.HEADERS, Kind.HEADERS] == kinds(talk.call())


def test_what_else_may_be_inside_connect() -> None:
    """HTTP/1.1 is decoded, TLS is said, what was refused is HTTP/1.1 still."""
    talk = Talk()
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert [Kind.REQUEST] == kinds(talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    talk = Talk()
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert "TLS, which cannot be read here" in notes(talk.client(b"\x16\x03\x01\x02\0\1\0\1\xfc"))
    talk = Talk()
    talk.client(CONNECT)
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    assert [Kind.RESPONSE] == kinds(talk.server(refused))
    assert [Kind.REQUEST] == kinds(talk.client(CONNECT))


def test_a_hole_after_the_switch() -> None:
    """Is one of HTTP/2: decoding goes on behind it."""
    talk = Talk()
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    talk.client(PREFACE, frames.settings())
    talk.pass_on(Missing(connection=1, time=talk.now, sender=Side.CLIENT, count=99))
    ping = frames.ping(b"12345678")
    assert [Kind.PING] * 3 == kinds(talk.client(ping, ping, ping))


async def tapped() -> list[Frame]:
    """What a tap shows of an upgrade, each side waiting for the other."""
    talk = Talk()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(UPGRADE))
        writer.write(SWITCHED)
        await reader.readexactly(len(PREFACE))
        writer.write(answer(talk))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with RecordedTap(f"{host}:{port}") as tap:
        reader, writer = await asyncio.open_connection(*tap.address.rsplit(":", 1))
        writer.write(UPGRADE)
        await reader.readexactly(len(SWITCHED))
        writer.write(PREFACE + frames.settings())
        await tap.until(lambda frame: frame.ends_stream)
        writer.close()
        await tap.until(lambda frame: frame.kind is Kind.ENDED)
        made = tap.frames
    server.close()
    return made


def test_h2c_is_decoded_live() -> None:
    """By the tap, as it passes."""
    made = run(tapped())
    assert ['room_id: "lob"'] * 2 == texts(made)
    assert {Kind.PREFACE, Kind.SETTINGS, Kind.HEADERS, Kind.DATA} < set(kinds(made))
    assert Kind.BYTES not in kinds(made)


async def proxied() -> list[Frame]:
    """What a tap before a proxy shows of a call of grpcio through both."""

    async def serve(request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return request

    server = grpc.aio.server()
    echo = grpc.unary_unary_rpc_method_handler(serve)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("e.S", {"M": echo}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            writer.write(content)
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"CONNECT ")
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ESTABLISHED)
        await asyncio.gather(pass_on(reader, up_writer), pass_on(up_reader, writer))

    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    host, at = listening.sockets[0].getsockname()[:2]
    async with RecordedTap(f"{host}:{at}") as tap:
        options = [("grpc.http_proxy", f"http://{tap.address}")]
        async with grpc.aio.insecure_channel(f"dns:///localhost:{port}", options) as channel:
            assert b"\x0a\x02hi" == await channel.unary_unary("/e.S/M")(b"\x0a\x02hi")
        await tap.until(lambda frame: frame.kind is Kind.ENDED)
        made = tap.frames
    await server.stop(None)
    listening.close()
    return made


def test_a_call_through_a_proxy_is_decoded_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grpcio says to a proxy that it was told to use."""
    for name in ("no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = run(proxied())
    assert [Kind.REQUEST, Kind.RESPONSE] == kinds(made)[1:3]
    assert ['1: "hi"'] * 2 == texts(made)
    assert Kind.PREFACE in kinds(made)
    assert Kind.BYTES not in kinds(made)
