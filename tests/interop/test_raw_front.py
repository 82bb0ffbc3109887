"""What no method gets to see: hosts, origins, fields and paths that are refused.

Before the colon of a docstring stands the section, or the rule of the grammar, of
grpc/grpc, doc/PROTOCOL-HTTP2.md, unless another document is named.
"""

from __future__ import annotations

import threading

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.grpc import CHAT, Code

from .raw_grpc import BROKEN, HEADER_FIELDS, LEAVE, TRAILERS_ONLY, UNKNOWN, answer, joining, said
from .raw_http2 import Connection, Response


def test_header_bytes_that_are_not_utf_8_are_400(connection: Connection) -> None:
    """RFC 9110, 5.5: a field that no one can read as text is refused with 400."""
    response = connection.response(connection.call(CHAT, (b"x-name", b"\xff\xfe"), end=True))
    assert 400 == response.http_status
    assert response.grpc_status is None


def test_an_unknown_path_is_404(connection: Connection) -> None:
    """A request that is no gRPC call gets 404 where nothing is."""
    stream = connection.open(connection.request_headers("/nothing", b"text/plain"), end=True)
    assert 404 == connection.response(stream).http_status


def test_a_foreign_host_is_refused_to_a_page(connection: Connection) -> None:
    """A page's call to a name that is not this server's is PERMISSION_DENIED (DNS rebinding)."""
    fields = dict(connection.request_headers(CHAT))
    fields[b":authority"] = b"elsewhere.example"
    headers = [*fields.items(), (b"origin", b"http://elsewhere.example")]
    response = connection.response(connection.open(headers, end=True))
    assert TRAILERS_ONLY == response.shape
    assert Code.PERMISSION_DENIED == response.grpc_status


@pytest.mark.parametrize("authority", [b"", b":8080", b"chat", b"elsewhere.example:443"])
def test_a_call_may_use_every_name(connection: Connection, room: str, authority: bytes) -> None:
    """Who is no browser may dial the server by any name, or by none (`:authority`)."""
    fields = dict(connection.request_headers(CHAT))
    fields[b":authority"] = authority
    stream = connection.open(list(fields.items()))
    connection.data(stream, joining(room, "Bob") + LEAVE, end=True)
    assert Code.OK == connection.response(stream).grpc_status


@pytest.mark.parametrize("origin", [b"https://elsewhere.example", b"null", b"http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused(connection: Connection, origin: bytes) -> None:
    """A call by a page of another origin is PERMISSION_DENIED (cross-site calls)."""
    response = connection.response(connection.call(CHAT, (b"origin", origin), end=True))
    assert TRAILERS_ONLY == response.shape
    assert Code.PERMISSION_DENIED == response.grpc_status


def test_the_hosts_own_origin_is_served(connection: Connection, room: str) -> None:
    """A call by a page of this very server is served."""
    headers = [(b"origin", b"http://" + connection.authority)]
    response = answer(connection, CHAT, joining(room, "Bob") + LEAVE, headers=headers)
    assert Code.OK == response.grpc_status


def fields(connection: Connection, count: int) -> Response:
    """The response to a request with this many header fields, pseudo-header fields apart."""
    own = sum(not name.startswith(b":") for name, _ in connection.request_headers(UNKNOWN))
    more = [(b"x-%d" % number, b"") for number in range(count - own)]
    return connection.response(connection.call(UNKNOWN, *more, end=True))


def test_the_most_header_fields_are_taken(connection: Connection) -> None:
    """A request may have 64 header fields."""
    assert Code.UNIMPLEMENTED == fields(connection, HEADER_FIELDS).grpc_status


def test_one_header_field_more_is_431(connection: Connection) -> None:
    """RFC 6585, 5: the 65th header field is refused, and the connection goes on."""
    assert 431 == fields(connection, HEADER_FIELDS + 1).http_status
    assert Code.UNIMPLEMENTED == fields(connection, 10).grpc_status


def test_bad_calls_do_not_disturb_a_conversation(
    connection: Connection, room: str, address: str
) -> None:
    """A pair that chats hears every line, in order, while another client sends rubbish."""
    alice, bob = connection.call(CHAT), connection.call(CHAT)
    connection.data(alice, joining(room, "Alice"))
    connection.payload(alice, 0)
    connection.data(bob, joining(room, "Bob"))
    connection.payload(alice, 1)

    def rubbish() -> None:
        with Connection(address) as other:
            for broken in BROKEN.values():
                answer(other, CHAT, joining(room, "Mallory") + broken)
                answer(other, CHAT, broken)

    thread = threading.Thread(target=rubbish)
    thread.start()
    lines = [f"line {number}" for number in range(15)]
    for line in lines:
        connection.data(bob, said(line))
    thread.join()
    connection.data(bob, said("the end"))
    heard: list[str] = []
    number = 0
    while "the end" not in heard:
        message = pb.Message.FromString(connection.payload(alice, number))
        heard += [message.message] if message.name == "Bob" else []
        number += 1
    assert ["Has entered the chat", *lines, "the end"] == heard
    connection.reset(alice)
    connection.reset(bob)
