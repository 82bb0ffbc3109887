"""grpcurl, which knows the contract by reflection alone."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from .programs import JsonStream, output, run, tool

NOT_FOUND = 64 + 5
"""grpcurl's exit code for a status is 64 more than the status."""


@pytest.fixture(scope="module")
def grpcurl() -> str:
    return tool("grpcurl")


def call(grpcurl: str, address: str, method: str, request: object) -> Any:
    """The answer of a method that succeeds."""
    data = json.dumps(request)
    return json.loads(output(grpcurl, "-plaintext", "-d", data, address, method))


def refused(grpcurl: str, address: str, method: str, request: object) -> tuple[int, str]:
    """The exit code of a call that fails, and what grpcurl says."""
    data = json.dumps(request)
    ended: subprocess.CompletedProcess[str] = run(
        grpcurl, "-plaintext", "-d", data, address, method
    )
    return ended.returncode, ended.stderr


def chat(grpcurl: str, address: str) -> JsonStream:
    return JsonStream(grpcurl, "-plaintext", "-d", "@", address, "rpc.ChatService/Chat")


def test_create_without_data_prints_the_room_id(grpcurl: str, address: str) -> None:
    """`grpcurl HOST:PORT rpc.ChatService/CreateChatRoom` prints "room_id" with six digits."""
    printed = output(grpcurl, "-plaintext", address, "rpc.ChatService/CreateChatRoom")
    assert re.search(r'^  "room_id": "\d{6}"', printed, re.MULTILINE), printed


def test_rooms_are_listed_and_deleted(grpcurl: str, address: str) -> None:
    """A room is in the list from its creation to its deletion, after which it is NOT_FOUND."""
    room = call(grpcurl, address, "rpc.ChatService/CreateChatRoom", {"title": "Tea"})["room_id"]
    listed = call(grpcurl, address, "rpc.ChatService/ListChatRooms", {})["chat_rooms"]
    assert ["Tea"] == [each["title"] for each in listed if each["room_id"] == room]
    deleted = call(grpcurl, address, "rpc.ChatService/DeleteChatRoom", {"room_id": room})
    assert room == deleted["room_id"]
    code, said = refused(grpcurl, address, "rpc.ChatService/DeleteChatRoom", {"room_id": room})
    assert NOT_FOUND == code
    assert f"there is no room {room}" in said
    assert "google.rpc.ErrorInfo" in said


def test_services_are_listed(grpcurl: str, address: str) -> None:
    """Reflection lists both services of the contract, health and itself in both versions."""
    listed = output(grpcurl, "-plaintext", address, "list").split()
    assert [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "rpc.ChatService",
        "rpc.ModerationService",
    ] == sorted(listed)


@pytest.mark.parametrize(
    ("symbol", "line"),
    [
        (
            "rpc.ChatService",
            "rpc Chat ( stream .rpc.ChatMessage ) returns ( stream .rpc.Message );",
        ),
        ("rpc.ChatRoom", 'string room_id = 1 [json_name = "room_id"];'),
        ("rpc.Message.joined", ".rpc.Joined joined = 10;"),
        ("rpc.FEATURE_ECHO", "FEATURE_ECHO = 2;"),
        ("grpc.health.v1.Health.Check", ".grpc.health.v1.HealthCheckRequest"),
        ("grpc.reflection.v1.ErrorResponse", "int32 error_code = 1;"),
        ("google.rpc.ErrorInfo", "string reason = 1;"),
        ("google.protobuf.Timestamp", "int64 seconds = 1;"),
    ],
)
def test_symbols_are_described(grpcurl: str, address: str, symbol: str, line: str) -> None:
    """Reflection describes services, messages, fields, enums and methods, of its imports too."""
    assert line in output(grpcurl, "-plaintext", address, "describe", symbol)


@pytest.mark.parametrize("service", ["", "rpc.ChatService"])
def test_health_is_serving(grpcurl: str, address: str, service: str) -> None:
    """The health check of the server, and of the chat service, says SERVING."""
    answer = call(grpcurl, address, "grpc.health.v1.Health/Check", {"service": service})
    assert {"status": "SERVING"} == answer


def test_health_of_an_unknown_service_is_not_found(grpcurl: str, address: str) -> None:
    """health-checking.md: a check of a service that is not here is NOT_FOUND."""
    code, _ = refused(grpcurl, address, "grpc.health.v1.Health/Check", {"service": "tea"})
    assert NOT_FOUND == code


def test_health_can_be_watched(grpcurl: str, address: str) -> None:
    """health-checking.md: Watch answers at once, and SERVICE_UNKNOWN is an answer too."""
    command = [grpcurl, "-plaintext", "-d", '{"service": "tea"}', address]
    with JsonStream(*command, "grpc.health.v1.Health/Watch") as watch:
        assert {"status": "SERVICE_UNKNOWN"} == watch.hear()


def test_a_conversation_and_its_end(grpcurl: str, address: str) -> None:
    """Two streams fed from standard input talk; the room is deleted while both are open."""
    room = call(grpcurl, address, "rpc.ChatService/CreateChatRoom", {})["room_id"]
    with chat(grpcurl, address) as alice, chat(grpcurl, address) as bob:
        alice.send({"join": {"room_id": room, "name": "Alice"}})
        assert ("Alice", "Has entered the chat") == alice.heard()
        bob.send({"join": {"room_id": room, "name": "Bob"}})
        assert ("Bob", "Has entered the chat") == bob.heard()
        assert ("Bob", "Has entered the chat") == alice.heard()
        bob.send({"message": {"message": "Hello Alice"}})
        assert ("Bob", "Hello Alice") == alice.heard()
        alice.send({"message": {"message": "Hello Bob"}})
        assert ("Alice", "Hello Bob") == bob.heard()
        call(grpcurl, address, "rpc.ChatService/DeleteChatRoom", {"room_id": room})
        for member in (alice, bob):
            assert ("chat server", "chat room is closing") == member.heard()
            member.half_close()
            code, said = member.end()
            assert NOT_FOUND == code
            assert "Code: NotFound" in said


def test_events_are_readable(grpcurl: str, address: str) -> None:
    """With FEATURE_EVENTS the stream begins with `joined`, in the names of the proto file."""
    with chat(grpcurl, address) as alice:
        join = {"room_id": "lobby", "name": "Alice", "features": ["FEATURE_EVENTS"]}
        alice.send({"join": join})
        joined = alice.hear()["joined"]
        assert "lobby" == joined["room"]["room_id"]
        assert 4096 == joined["limits"]["text_bytes"]
        alice.send({"leave": {}})
        alice.half_close()
