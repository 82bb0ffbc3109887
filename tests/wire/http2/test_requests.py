"""Malformed requests (RFC 9113, 8.1 to 8.3 and 8.5), as one table."""

from __future__ import annotations

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.events import DataReceived, RequestReceived, TrailersReceived
from chatroom.wire.http2.frames import END_STREAM, PADDED, PRIORITY, ErrorCode, Kind, frame

from .peer import REQUEST, Peer

Fields = tuple[tuple[str, str], ...]


def request(*extra: tuple[str, str], without: str = "", **changed: str) -> Fields:
    """The usual request with `extra` fields, without one, or with others of its own."""
    pseudo = [(name, changed.get(name[1:], value)) for name, value in REQUEST if name != without]
    return (*pseudo, *extra)


MALFORMED: dict[str, Fields] = {
    "8.2.1 upper case": request(("X-Upper", "1")),
    "8.2.1 a space in a name": request(("x y", "1")),
    "8.2.1 a colon in a name": request(("x:y", "1")),
    "8.2.1 a control character in a name": request(("x\x01", "1")),
    "8.2.1 no name": request(("", "1")),
    "8.2.1 NUL in a value": request(("x", "a\0b")),
    "8.2.1 line feed in a value": request(("x", "a\nb")),
    "8.2.1 carriage return in a value": request(("x", "a\rb")),
    "8.2.1 a value begins with a space": request(("x", " a")),
    "8.2.1 a value ends with a tab": request(("x", "a\t")),
    "8.2.1 line feed in :path": request(path="/\n"),
    "8.2.2 connection": request(("connection", "close")),
    "8.2.2 keep-alive": request(("keep-alive", "1")),
    "8.2.2 proxy-connection": request(("proxy-connection", "close")),
    "8.2.2 transfer-encoding": request(("transfer-encoding", "chunked")),
    "8.2.2 upgrade": request(("upgrade", "h2c")),
    "8.2.2 te": request(("te", "gzip")),
    "8.2.2 te, trailers and more": request(("te", "trailers, gzip")),
    "8.3 a pseudo-header field after a field": (*REQUEST[:3], ("x", "1"), REQUEST[3]),
    "8.3 of a response": request((":status", "200")),
    "8.3 unknown": ((":protocol", "websocket"), *REQUEST),
    "8.3.1 twice": (REQUEST[3], *REQUEST),
    "8.3.1 no :method": request(without=":method"),
    "8.3.1 no :scheme": request(without=":scheme"),
    "8.3.1 no :path": request(without=":path"),
    "8.3.1 an empty :method": request(method=""),
    "8.3.1 an empty :path": request(path=""),
    "8.3.1 a relative :path": request(path="chat"),
    "8.3.1 an asterisk without OPTIONS": request(path="*"),
    "8.3.1 :path beyond ASCII": request(path="/ä"),
    "8.3.1 host unlike :authority": request(("host", "other.example")),
    "8.3.1 two hosts": request(("host", "a"), ("host", "b"), without=":authority"),
    "8.5 CONNECT with :path": request(method="CONNECT"),
    "8.5 CONNECT without :authority": ((":method", "CONNECT"),),
    "8.1.1 content-length is no number": request(("content-length", "+5")),
    "8.1.1 a negative content-length": request(("content-length", "-1")),
    "8.1.1 two lengths": request(("content-length", "5"), ("content-length", "6")),
    "8.1.1 a list of lengths": request(("content-length", "5, 5")),
}

WELL_FORMED: dict[str, Fields] = {
    "8.2.2 te: trailers": request(("te", "trailers")),
    "8.2.3 cookies apart": request(("cookie", "a=1"), ("cookie", "b=2")),
    "8.3.1 host for :authority": request(("host", "chat.example"), without=":authority"),
    "8.3.1 host like :authority": request(("host", "CHAT.example")),
    "8.3.1 OPTIONS of all": request(method="OPTIONS", path="*"),
    "8.5 CONNECT": ((":method", "CONNECT"), (":authority", "a.example:443")),
    "8.2.1 a space and a tab within a value": request(("x", "a \tb")),
    "8.2.1 an empty value": request(("x", "")),
    "8.1.1 the same length twice": request(("content-length", "5"), ("content-length", "5")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_resets_its_stream(name: str) -> None:
    """8.1.1: PROTOCOL_ERROR, nothing of it is told, and the connection goes on."""
    peer = Peer().open()
    block = peer.block(fields=MALFORMED[name])
    assert [] == peer.send(frames.headers(1, block))
    assert [(1, ErrorCode.PROTOCOL_ERROR)] == peer.resets()
    assert 0 == peer.connection.working
    peer.request(3, end=True)


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_request_comes_as_it_was_sent(name: str) -> None:
    """8.3: the fields in their order."""
    peer = Peer().open()
    (event,) = peer.send(frames.headers(1, peer.block(fields=WELL_FORMED[name])))
    assert isinstance(event, RequestReceived)
    assert [(n.encode(), v.encode()) for n, v in WELL_FORMED[name]] == event.headers


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ((("x-last", "1"),), False),
        (((":path", "/"),), True),
        (((":status", "200"),), True),
        ((("connection", "close"),), True),
        ((("X-Last", "1"),), True),
    ],
    ids=["not the end", "of a request", "of a response", "connection-specific", "upper case"],
)
def test_malformed_trailers_reset_their_stream(fields: Fields, end: bool) -> None:
    """8.1: trailers end the stream, and have no pseudo-header fields."""
    peer = Peer().open()
    peer.request(1)
    events = peer.send(frames.headers(1, peer.block(fields=fields), end=end))
    peer.was_reset(events, 1, ErrorCode.PROTOCOL_ERROR)


def test_trailers_end_a_request() -> None:
    """8.1."""
    peer = Peer().open()
    peer.request(1)
    peer.send(frames.data(1, b"body"))
    (event,) = peer.send(frames.headers(1, peer.block(fields=(("x-last", "1"),)), end=True))
    assert isinstance(event, TrailersReceived)
    assert [(b"x-last", b"1")] == event.headers


@pytest.mark.parametrize(
    "body",
    [
        frames.data(1, b"", end=True),
        frames.data(1, b"four", end=True),
        frames.data(1, b"sixsix"),
        frame(Kind.DATA, PADDED | END_STREAM, 1, b"\1four\0"),
        frames.data(1, b"five!") + frames.data(1, b"6", end=True),
        frames.data(1, b"four") + frames.headers(1, b"\0\1x\1y", end=True),
    ],
    ids=["none", "less", "more", "padding is no body", "more later", "less before trailers"],
)
def test_a_body_unlike_its_content_length_resets_its_stream(body: bytes) -> None:
    """8.1.1."""
    peer = Peer().open()
    peer.request(1, ("content-length", "5"))
    peer.was_reset(peer.send(body), 1, ErrorCode.PROTOCOL_ERROR)


def test_a_length_without_a_body_resets_its_stream() -> None:
    """8.1.1: END_STREAM on the headers."""
    peer = Peer().open()
    assert [] == peer.send(frames.headers(1, peer.block(("content-length", "5")), end=True))
    assert [(1, ErrorCode.PROTOCOL_ERROR)] == peer.resets()


def test_a_body_like_its_content_length() -> None:
    """8.1.1: in pieces, with padding, and none of nothing."""
    peer = Peer().open()
    peer.request(1, ("content-length", "5"))
    padded = frame(Kind.DATA, PADDED | END_STREAM, 1, b"\2ve!\0\0")
    events = peer.send(frames.data(1, b"fi"), padded)
    assert [(b"fi", False), (b"ve!", True)] == [
        (event.data, event.end) for event in events if isinstance(event, DataReceived)
    ]
    peer.request(3, ("content-length", "0"), end=True)


CONNECTION_ERRORS: dict[str, tuple[bytes, ErrorCode]] = {
    "8.4 PUSH_PROMISE from a client": (frame(5, 4, 1, b"\0\0\0\2"), ErrorCode.PROTOCOL_ERROR),
    "5.1.1 an even stream": (frames.headers(2, b"\x82"), ErrorCode.PROTOCOL_ERROR),
    "6.2 HEADERS of no stream": (frames.headers(0, b"\x82"), ErrorCode.PROTOCOL_ERROR),
    "6.1 DATA of no stream": (frames.data(0, b"x"), ErrorCode.PROTOCOL_ERROR),
    "5.1 DATA of an idle stream": (frames.data(9, b"x"), ErrorCode.PROTOCOL_ERROR),
    "6.1 padding as long as its frame": (frame(0, 8, 1, b"\4abc"), ErrorCode.PROTOCOL_ERROR),
    "6.1 no pad length": (frame(0, 8, 1), ErrorCode.FRAME_SIZE_ERROR),
    "6.2 no priority": (frame(1, 0x24, 3, b"\0\0\0\0"), ErrorCode.FRAME_SIZE_ERROR),
    "6.2 padding over priority": (frame(1, 0x2C, 3, b"\6" + bytes(8)), ErrorCode.FRAME_SIZE_ERROR),
    "6.3 PRIORITY of no stream": (frame(2, 0, 0, bytes(5)), ErrorCode.PROTOCOL_ERROR),
    "6.3 a short PRIORITY of an idle stream": (frame(2, 0, 9, b"1234"), ErrorCode.FRAME_SIZE_ERROR),
    "6.4 RST_STREAM of no stream": (frames.rst_stream(0, 8), ErrorCode.PROTOCOL_ERROR),
    "6.4 RST_STREAM of an idle stream": (frames.rst_stream(9, 8), ErrorCode.PROTOCOL_ERROR),
    "6.4 a short RST_STREAM": (frame(3, 0, 1, b"123"), ErrorCode.FRAME_SIZE_ERROR),
    "6.7 PING of a stream": (frame(6, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
    "6.7 a short PING": (frame(6, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
    "6.8 GOAWAY of a stream": (frame(7, 0, 1, bytes(8)), ErrorCode.PROTOCOL_ERROR),
    "6.8 a short GOAWAY": (frame(7, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
    "6.9 a short WINDOW_UPDATE": (frame(8, 0, 0, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),
    "6.10 CONTINUATION of nothing": (frame(9, 4, 1, b"\x82"), ErrorCode.PROTOCOL_ERROR),
    "4.2 a frame above 16 KiB": (b"\0\x40\1\0\0\0\0\0\1", ErrorCode.FRAME_SIZE_ERROR),
    "6.10 a block interrupted": (
        frame(1, 0, 3, b"\x82") + frames.ping(b"12345678"),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "6.10 a block continued by another": (
        frame(1, 0, 3, b"\x82") + frame(9, 4, 5, b"\x84"),
        ErrorCode.PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("name", CONNECTION_ERRORS)
def test_what_ends_the_connection(name: str) -> None:
    """5.4.1: GOAWAY says why, and nothing is read from then on."""
    peer = Peer().open()
    peer.request(1)
    wrong, code = CONNECTION_ERRORS[name]
    peer.ended(peer.send(wrong), code)


def test_priority_on_idle_streams_is_taken() -> None:
    """5.3.2 and 6.3: in any state; it neither opens a stream nor closes lower ones."""
    peer = Peer().open()
    assert [] == peer.send(frame(2, 0, 9, b"\x80\0\0\1\xff"), frame(2, 0, 1, b"\0\0\0\0\0"))
    assert [] == peer.read()
    peer.request(1)


def test_a_wrong_priority_resets_its_stream() -> None:
    """6.3: FRAME_SIZE_ERROR, of the stream."""
    peer = Peer().open()
    peer.request(1)
    peer.was_reset(peer.send(frame(2, 0, 1, b"1234")), 1, ErrorCode.FRAME_SIZE_ERROR)


def test_priority_and_padding_of_headers_are_taken_off() -> None:
    """6.2."""
    peer = Peer().open()
    block = peer.block()
    payload = b"\3" + b"\0\0\0\0\x10" + block + bytes(3)
    (event,) = peer.send(frame(Kind.HEADERS, 4 | PADDED | PRIORITY, 1, payload))
    assert isinstance(event, RequestReceived)
    assert len(REQUEST) == len(event.headers)


def test_bytes_may_come_as_they_like() -> None:
    """4.1: cut anywhere, the same events."""
    whole = Peer().open()
    text = frames.headers(1, whole.block()) + frames.data(1, b"body", end=True)
    expected = [type(event) for event in whole.send(text)]
    peer = Peer().open()
    events = [event for byte in text for event in peer.send(bytes((byte,)))]
    assert expected == [type(event) for event in events]
    assert [RequestReceived, DataReceived] == expected
