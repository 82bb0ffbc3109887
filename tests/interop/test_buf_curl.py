"""buf curl over gRPC, gRPC-Web and Connect, by reflection and by the proto files."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from .programs import ROOT, JsonStream, output, run, tool

PROTOCOLS = ("grpc", "grpcweb", "connect")
BY_SCHEMA = ("--schema", str(ROOT / "proto"))
SOURCES = {
    "reflection": (),
    "v1": ("--reflect-protocol", "grpc-v1"),
    "v1alpha": ("--reflect-protocol", "grpc-v1alpha"),
    "schema": BY_SCHEMA,
}
NOT_FOUND, INVALID_ARGUMENT = 8 * 5, 8 * 3
"""buf's exit code for a status is eight times the status."""

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture(scope="module")
def buf() -> str:
    return tool("buf")


def command(buf: str, address: str, protocol: str, method: str, *options: str) -> list[str]:
    url = f"http://{address}/rpc.ChatService/{method}"
    return [buf, "curl", "--http2-prior-knowledge", "--protocol", protocol, *options, url]


@pytest.mark.parametrize("source", SOURCES)
def test_rooms(buf: str, address: str, protocol: str, source: str) -> None:
    """A room is created, listed and deleted, with `room_id` as the name in JSON."""

    def call(method: str, request: object) -> Any:
        options = [*SOURCES[source], "-d", json.dumps(request)]
        return json.loads(output(*command(buf, address, protocol, method, *options)))

    room = call("CreateChatRoom", {})["room_id"]
    assert re.fullmatch(r"\d{6}", room)
    assert room in [each["room_id"] for each in call("ListChatRooms", {})["chat_rooms"]]
    assert room == call("DeleteChatRoom", {"room_id": room})["room_id"]
    after = call("ListChatRooms", {})["chat_rooms"]
    assert room not in [each["room_id"] for each in after]


def test_error_details(buf: str, address: str, protocol: str) -> None:
    """A refusal has its code, its sentence, and ErrorInfo and BadRequest as details."""
    options = [*BY_SCHEMA, "-d", '{"room_id": "No Such Room"}']
    ended = run(*command(buf, address, protocol, "CreateChatRoom", *options))
    assert INVALID_ARGUMENT == ended.returncode
    error = json.loads(ended.stderr)
    assert "invalid_argument" == error["code"]
    info, bad = error["details"]
    assert ["google.rpc.ErrorInfo", "google.rpc.BadRequest"] == [info["type"], bad["type"]]
    decoded = ErrorInfo.FromString(base64.b64decode(info["value"] + "=="))
    assert ("ROOM_ID_INVALID", "rpc.ChatService") == (decoded.reason, decoded.domain)
    violations = BadRequest.FromString(base64.b64decode(bad["value"] + "==")).field_violations
    assert ["room_id"] == [each.field for each in violations]
    assert error["message"] == violations[0].description


def test_a_conversation_and_its_end(buf: str, address: str, protocol: str) -> None:
    """Two Chat streams fed from standard input talk until the room is deleted."""
    created = command(buf, address, protocol, "CreateChatRoom", *BY_SCHEMA, "-d", "{}")
    room = json.loads(output(*created))["room_id"]
    chat = command(buf, address, protocol, "Chat", *BY_SCHEMA, "-d", "@-")
    with JsonStream(*chat) as alice, JsonStream(*chat) as bob:
        alice.send({"join": {"room_id": room, "name": "Alice"}})
        assert ("Alice", "Has entered the chat") == alice.heard()
        bob.send({"join": {"room_id": room, "name": "Bob"}})
        assert ("Bob", "Has entered the chat") == bob.heard()
        assert ("Bob", "Has entered the chat") == alice.heard()
        bob.send({"message": {"message": "Hello Alice"}})
        assert ("Bob", "Hello Alice") == alice.heard()
        alice.send({"message": {"message": "Hello Bob"}})
        assert ("Alice", "Hello Bob") == bob.heard()
        data = json.dumps({"room_id": room})
        output(*command(buf, address, protocol, "DeleteChatRoom", *BY_SCHEMA, "-d", data))
        for member in (alice, bob):
            assert ("chat server", "chat room is closing") == member.heard()
            member.half_close()
            code, said = member.end()
            assert NOT_FOUND == code
            assert "not_found" == json.loads(said)["code"]


def test_leaving(buf: str, address: str, protocol: str) -> None:
    """A Chat stream that ends with `leave` has status OK, without a half-close before."""
    chat = command(buf, address, protocol, "Chat", *BY_SCHEMA, "-d", "@-")
    with JsonStream(*chat) as alice:
        join = {"room_id": "lobby", "name": f"Alice by {protocol}", "history": 0}
        alice.send({"join": join})
        assert (join["name"], "Has entered the chat") == alice.heard()
        alice.send({"leave": {}})
        alice.half_close()
        assert (0, "") == alice.end()


def test_subscribing(buf: str, address: str, protocol: str) -> None:
    """A Subscribe stream hears what is sent on its behalf, and it ends with its room."""

    def call(method: str, request: object) -> Any:
        options = [*BY_SCHEMA, "-d", json.dumps(request)]
        return json.loads(output(*command(buf, address, protocol, method, *options)))

    room = call("CreateChatRoom", {})["room_id"]
    features = ["FEATURE_EVENTS", "FEATURE_ECHO"]
    request = json.dumps({"room_id": room, "name": "Alice", "features": features})
    subscribe = command(buf, address, protocol, "Subscribe", *BY_SCHEMA, "-d", request)
    with JsonStream(*subscribe) as alice:
        session = alice.hear()["joined"]["session"]
        assert "entered" in alice.hear()
        assert "live" in alice.hear()
        stored = call("SendMessage", {"session": session, "message": {"message": "Hello"}})
        assert stored == alice.hear()
        call("DeleteChatRoom", {"room_id": room})
        assert ("chat server", "chat room is closing") == alice.heard()
        assert NOT_FOUND == alice.end()[0]
