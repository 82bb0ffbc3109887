"""The log for machines, how it names connections and streams, and what is in no log at all."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import re
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.server.log_lines import JsonLines, LogStyle
from chatroom.server.port.log_names import LogName
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2 import frames
from tests.carriers import run
from tests.server.services import running

from .test_command_line import serving, usage
from .test_operators_log import GRPC, HTTP2, JSON, MEMBERS, http1, http2, say


def line(message: str, *arguments: object, worker: int = 0, **more: Any) -> dict[str, Any]:
    """What a line of the log is for machines."""
    record = logging.LogRecord("chatroom.x", logging.WARNING, "", 0, message, arguments, None)
    record.__dict__ |= more
    written = JsonLines(worker).format(record)
    assert written.isascii()
    assert 1 == len(written.splitlines())
    found: dict[str, Any] = json.loads(written)
    return found


def test_a_line_for_machines_is_one_object() -> None:
    """Time in UTC, level, logger, message, and what is known; nothing of it on two lines."""
    found = line("%s\nsays \x1b[2J", "Ännchen", worker=3, created=86_400.1239, unknown=1)
    assert {
        "time": "1970-01-02T00:00:00.123Z",
        "level": "warning", "logger": "chatroom.x", "message": "Ännchen\nsays \x1b[2J", "worker": 3,
    } == found  # fmt: skip
    name = LogName(("::1", 5), 7)
    assert "[::1]:5 stream 7" == str(name)
    found = line("", **name.known(code="CANCEL", reason="why"), room="lobby")
    expected = {"peer": "[::1]:5", "stream": 7, "room": "lobby", "code": "CANCEL", "reason": "why"}
    assert expected == {name: found[name] for name in expected}
    assert {"peer": "192.0.2.1"} == LogName(("192.0.2.1", 0)).known()
    assert {"peer": "a client"} == LogName("").known()


def test_an_exception_is_a_field_of_its_line() -> None:
    """With its traceback."""
    try:
        int("never\nmind")
    except ValueError:
        found = line("a call failed", exc_info=sys.exc_info())
    assert "a call failed" == found["message"]
    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert found["exception"].endswith(
        r"ValueError: invalid literal for int() with base 10: 'never\nmind'"
    )


def test_what_has_to_be_told_is_told_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the level is."""
    for form in ("text", "json"):
        LogStyle(logging.ERROR, form).say("listening on [::1]:5")
    text, for_machines = capsys.readouterr().err.splitlines()
    assert "chatserver: listening on [::1]:5" == text
    told = json.loads(for_machines)
    assert ("info", "chatserver", "listening on [::1]:5") == (
        told["level"], told["logger"], told["message"],
    )  # fmt: skip


NO_ROOM = http2(
    GRPC,
    path=CHAT,
    body=envelope(pb.ChatMessage(join=pb.JoinChat(room_id="none", name="Bob")).SerializeToString()),
)
REFUSED: dict[str, tuple[bytes, dict[str, object]]] = {
    "a stream": (NO_ROOM, {"stream": 1, "code": "NOT_FOUND", "reason": "ROOM_NOT_FOUND"}),
    "a method of gRPC": (
        http2(GRPC, path=MEMBERS, body=envelope(b"")),
        {"stream": 1, "code": "INVALID_ARGUMENT", "reason": "ROOM_ID_INVALID"},
    ),
    "a method over HTTP/1.1": (
        http1("POST", MEMBERS, JSON, body='{"room_id": "none"}'),
        {"code": "NOT_FOUND", "reason": "ROOM_NOT_FOUND"},
    ),
    "a stream broken by a frame": (
        http2(GRPC, path=CHAT) + frames.window_update(1, 0),
        {"stream": 1, "code": "PROTOCOL_ERROR"},
    ),
    "HTTP/2 broken by a frame": (
        HTTP2 + frames.frame(frames.Kind.PING, 0, 0, b"abc"), {"reason": "NOT_HTTP"},
    ),
}  # fmt: skip


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the log has so far of somebody who was refused."""
    return [each for each in caplog.records if {"code", "reason"} & each.__dict__.keys()]


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_found_by_peer_and_stream(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """As a capture has them: the address and port of the client's socket, the id in HTTP/2."""
    octets, expected = REFUSED[what]
    names: list[str] = []

    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            names.append("{}:{}".format(*connection.getsockname()))
            connection.sendall(octets)
            while not told(caplog) and connection.recv(65_536):
                pass

    async def scene() -> None:
        async with running() as server:
            await asyncio.to_thread(client, server.port)

    caplog.set_level(logging.DEBUG, "chatroom")
    run(scene())
    [record] = told(caplog)
    found = {name: record.__dict__.get(name) for name in ("peer", *expected)}
    assert {"peer": names[0], **expected} == found
    stream = f" stream {expected['stream']}" if "stream" in expected else ""
    assert record.getMessage().startswith(f"{names[0]}{stream}")


TEXT, NAME = "Wkq7texts", "Zvx9names"
"""What members say and search for, and how they are called: in the log by nothing else."""


class Member:
    """Somebody in a room, by grpcio."""

    def __init__(self, stub: ChatServiceStub, name: str) -> None:
        self._said: queue.Queue[pb.ChatMessage | None] = queue.Queue()
        self.say(join=pb.JoinChat(room_id="lobby", name=name, features=[pb.FEATURE_EVENTS]))
        self.stream = stub.Chat(iter(self._said.get, None), timeout=60)

    def say(self, **what: Any) -> None:
        self._said.put(pb.ChatMessage(**what))

    def until(self, wanted: str) -> pb.Message:
        """What comes, up to the first that has a field, or this text."""
        for message in self.stream:
            if wanted in (message.WhichOneof("event"), message.message):
                return message
        raise AssertionError(f"no {wanted} came")


def converse(port: int) -> None:
    """Whatever people do, with marks in all that they say and in all names."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ChatServiceStub(channel)
        stub.UpdateChatRoom(pb.UpdateChatRoomRequest(room_id="lobby", title=f"{TEXT} title"))
        bob, alice = Member(stub, f"Bob {NAME}"), Member(stub, f"Alice {NAME}")
        bob.until("live")
        session = alice.until("joined").joined.session
        alice.until("live")
        bob.say(message=pb.Message(message=f"{TEXT} hello", nonce=f"{TEXT} nonce"))
        alice.until(f"{TEXT} hello")
        bob.say(typing=pb.Typing(active=True))
        for wrong in (f"{TEXT}\x1b", TEXT * 500):
            bob.say(message=pb.Message(message=wrong, nonce=f"{TEXT} {len(wrong)}"))
            bob.until("refused")
        bob.say(rename=pb.Rename(name=f"Robert {NAME}"))
        alice.until("renamed")
        sent = pb.SendMessageRequest(session=session, message=pb.Message(message=f"{TEXT} sent"))
        stub.SendMessage(sent)
        found = stub.SearchMessages(pb.SearchMessagesRequest(room_id="lobby", query=TEXT))
        assert 2 == len(found.messages)
        taken = Member(stub, f"Alice {NAME}")
        with pytest.raises(grpc.RpcError, match="ALREADY_EXISTS"):
            taken.until("live")
        with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
            Member(stub, f"{NAME}\x00").until("live")
        stub.RemoveMember(
            pb.RemoveMemberRequest(room_id="lobby", name=f"Robert {NAME}", reason=f"{TEXT} reason")
        )
        with pytest.raises(grpc.RpcError, match="PERMISSION_DENIED"):
            bob.until("live")
        alice.say(leave=pb.Leave())
        assert [] == [each for each in alice.stream if each.message == "never"]
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    body = json.dumps({"session": TEXT, "message": {"message": TEXT}})
    for wrong in (body, body[:-1], body.replace("session", TEXT)):
        connection.request(
            "POST", "/rpc.ChatService/SendMessage", wrong, {"content-type": "application/json"}
        )
        assert connection.getresponse().read()
    connection.close()
    for octets in (
        http2(GRPC, path=CHAT, body=envelope(TEXT.encode() + b"\xff")),
        http2(GRPC, path=CHAT, body=envelope(TEXT.encode())[:-2]),
        http1("POST", MEMBERS, JSON, "origin: https://foreign.example", body=TEXT),
    ):
        say(port, octets)


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_people_say_is_in_the_log(form: str, tmp_path: Path) -> None:
    """Not for debugging either; and no name of anybody but for debugging."""
    options = ("--data", str(tmp_path), "--room", "lobby", "--log-level", "debug")
    with serving(*options, "--log-format", form) as (process, port):
        converse(port)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
        assert 0 == process.wait(timeout=30)
    log = "\n".join(lines)
    for reason in ("NAME_TAKEN", "NAME_INVALID", "REMOVED", "SESSION_UNKNOWN", "ENVELOPE_INVALID"):
        assert reason in log, "the log is of this conversation"
    assert "refused: pages of https://foreign.example" in log
    assert TEXT not in log
    assert [] == [each for each in lines if NAME in each and not is_debug(each, form)]
    assert [] == [each for each in lines if "Traceback" in each]
    assert {"debug", "warning"} <= set(levels(lines, form))


def levels(lines: list[str], form: str) -> Iterator[str]:
    for each in lines:
        if form == "json":
            yield json.loads(each)["level"]
        else:
            yield each.split()[2].lower()


def is_debug(each: str, form: str) -> bool:
    return ["debug"] == list(levels([each], form))


def test_all_lines_of_a_server_for_machines_are_objects(tmp_path: Path) -> None:
    """From where its data is to what ends it; also why it could not start."""
    code, stderr = usage(
        "--log-format", "json", "--in-memory", "--bind", "127.0.0.1:0", "--log-level", "error",
        "--admin-token-file", str(empty(tmp_path)),
    )  # fmt: skip
    assert 1 == code
    [told] = [json.loads(each) for each in stderr.splitlines()]
    assert ("error", "chatserver") == (told["level"], told["logger"])
    assert told["message"].startswith(f"cannot use {tmp_path / 'empty'} as admin token")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["time"])
    assert datetime.fromisoformat(told["time"]).utcoffset() is not None


def empty(directory: Path) -> Path:
    path = directory / "empty"
    path.write_text("")
    path.chmod(0o600)
    return path
