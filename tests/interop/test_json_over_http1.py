"""Connect's JSON over HTTP/1.1, as curl and scripts without any library send it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from chatroom.wire.envelopes import envelope

JSON = {"content-type": "application/json"}


@pytest.fixture
def http(address: str) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(address, timeout=10)
    yield connection
    connection.close()


def post(http: HTTPConnection, method: str, request: object) -> tuple[int, Any]:
    http.request("POST", f"/rpc.ChatService/{method}", json.dumps(request), JSON)
    response = http.getresponse()
    return response.status, json.loads(response.read())


def test_the_names_are_those_of_the_proto_file(http: HTTPConnection) -> None:
    """Requests and answers say `room_id` and `chat_rooms`, as the original's tools did."""
    status, room = post(http, "CreateChatRoom", {"title": "Tea"})
    assert 200 == status
    status, listed = post(http, "ListChatRooms", {})
    assert 200 == status
    assert "Tea" in [e["title"] for e in listed["chat_rooms"] if e["room_id"] == room["room_id"]]
    status, deleted = post(http, "DeleteChatRoom", {"room_id": room["room_id"]})
    assert (200, room["room_id"]) == (status, deleted["room_id"])


@pytest.mark.parametrize("method", ["CreateChatRoom", "DeleteChatRoom", "ListMembers"])
def test_the_names_of_other_conventions_are_refused(http: HTTPConnection, method: str) -> None:
    """`roomId` is no field: it is refused, not taken for an absent id."""
    status, error = post(http, method, {"roomId": "lobby"})
    assert (400, "invalid_argument") == (status, error["code"])
    assert error["message"].endswith("has no field roomId; it is written room_id")


def test_a_refusal_is_readable(http: HTTPConnection) -> None:
    """A refusal has an HTTP status of its own, its code, a sentence and its details."""
    status, error = post(http, "DeleteChatRoom", {"room_id": "no-such-room"})
    assert (404, "not_found") == (status, error["code"])
    assert "there is no room no-such-room" == error["message"]
    assert ["google.rpc.ErrorInfo"] == [each["type"] for each in error["details"]]


def test_native_grpc_needs_http_2(http: HTTPConnection) -> None:
    """A gRPC call over HTTP/1.1 gets an answer that says what is wrong, and no 500."""
    headers = {"content-type": "application/grpc"}
    http.request("POST", "/rpc.ChatService/Chat", b"\0\0\0\0\0", headers)
    response = http.getresponse()
    response.read()
    assert 200 == response.status
    assert "13" == response.getheader("grpc-status")
    assert "HTTP/2" in str(response.getheader("grpc-message"))


def test_healthz(http: HTTPConnection) -> None:
    """What probes ask over HTTP/1.1 is answered with 200."""
    http.request("GET", "/healthz")
    response = http.getresponse()
    assert (200, b"ok\n") == (response.status, response.read())


def test_a_subscription_hears_its_arrival_and_what_follows(http: HTTPConnection) -> None:
    """A stream over HTTP/1.1 comes as it happens, and ends with the room."""
    _, room = post(http, "CreateChatRoom", {})
    join = json.dumps({"room_id": room["room_id"], "name": "Ann"}).encode()
    stream = HTTPConnection(http.host, http.port, timeout=10)
    headers = {"content-type": "application/connect+json"}
    stream.request("POST", "/rpc.ChatService/Subscribe", envelope(join), headers)
    response = stream.getresponse()
    assert 200 == response.status
    heard = [next_of(response)["message"]]
    post(http, "DeleteChatRoom", {"room_id": room["room_id"]})
    heard.append(next_of(response)["message"])
    assert ["Has entered the chat", "chat room is closing"] == heard
    assert "not_found" == next_of(response)["error"]["code"]
    stream.close()


def next_of(response: HTTPResponse) -> Any:
    """The next message of a stream in JSON, without its envelope's prefix."""
    size = int.from_bytes(response.read(5)[1:], "big")
    return json.loads(response.read(size))
