"""Requests and responses of HTTP/1.1."""

from __future__ import annotations

import pytest

from chatroom.chatwire.decode import Kind, Part, records
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope

from .test_bodies import HELLO, TRAILERS, messages
from .wire import Talk, notes, texts

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_http1_requests() -> None:
    """Connect over HTTP/1.1, the body by length and by chunks; two exchanges in a row."""
    talk = Talk()
    head = (
        b"POST /rpc.ChatService/CreateChatRoom HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 17\r\n\r\n"
    )
    body = b'{"room_id":"lob"}'
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"a\r\n" + body[:10] + b"\r\n7;x=y\r\n" + body[10:] + b"\r\n0\r\nx-trailer: 1\r\n\r\n"
    made = talk.client(head + body, head + body) + talk.server(answer + chunks, answer + chunks)
    expected = [Kind.REQUEST, Kind.BODY] * 2 + [Kind.RESPONSE, Kind.BODY] * 2
    assert expected == [frame.kind for frame in made]
    assert [1, 1, 2, 2, 1, 1, 2, 2] == [frame.stream for frame in made]
    assert [body.decode()] * 4 == texts(made)
    assert ["rpc.CreateChatRoomRequest"] * 2 + ["rpc.ChatRoom"] * 2 == [
        message.type_name for message in messages(made)
    ]
    assert {"/rpc.ChatService/CreateChatRoom"} == {frame.call for frame in made}


def test_http1_streams() -> None:
    """gRPC-Web over HTTP/1.1: each message as it comes, then the end of the body."""
    talk = Talk()
    talk.client(
        b"POST /rpc.ChatService/Subscribe HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/grpc-web+proto\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0"
    )
    said = envelope(HELLO.SerializeToString())
    first = talk.server(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\n\r\n", said
    )
    second = talk.server(said + envelope(TRAILERS, 0x80))
    last = talk.end(Side.SERVER)
    assert [HELLO, HELLO] == [one.value for one in messages(first + second) if one.value]
    assert Part.TRAILERS == messages(second)[-1].part
    assert isinstance(last[0].detail, records.Body)
    assert (True, "") == (last[0].detail.complete, notes(last))


def test_http1_without_bodies() -> None:
    """HEAD, 204 and 304 have none, whatever they announce; 100 is not the response."""
    talk = Talk()
    talk.client(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n")
    made = talk.server(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"
    )
    assert [Kind.RESPONSE] * 4 == [frame.kind for frame in made]
    assert [1, 2, 3, 3] == [frame.stream for frame in made]


def test_http1_that_is_broken_is_said() -> None:
    """And counted from there on."""
    for broken, why in {
        b"GET / HTTP/1.1\r\n\r\nnonsense\r\n\r\n": "no head of HTTP/1.1",
        CHUNKED + b"zz\r\n": "a chunk without a size",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 70000: "a head of more than 65536 bytes",
        CHUNKED + b"0" * 70000: "a chunk without a size",
        CHUNKED + b"0\r\nx: " + b"y" * 70000: "trailers of more than 65536 bytes",
    }.items():
        talk = Talk()
        made = talk.client(broken) + talk.client(b"more")
        assert why in notes(made)
        ended = talk.end(Side.CLIENT)[-1]
        assert isinstance(ended.detail, records.Ended)
        assert ended.detail.undecoded >= 4


@pytest.mark.parametrize(
    ("said", "where"),
    [(CHUNKED + b"5\r\nab", "it ends inside a body"), (b"GET / HTTP/1.1\r\nHo", "inside a head")],
)
def test_http1_that_stops_is_said(said: bytes, where: str) -> None:
    """Whoever looks for why a request was not answered sees that it never ended."""
    talk = Talk()
    talk.client(said)
    assert where in notes(talk.end(Side.CLIENT))
