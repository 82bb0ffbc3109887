"""`chatwire` as a person runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire.cli import cli, run
from chatroom.wire.addresses import Address
from tests.client.servers import OURS, running
from tests.launch.program import ran

from .programs import SECONDS, chatwire


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--room", "lobby"]) as address:
        yield address


def talk(address: str, text: str = "hello") -> None:
    """One short membership."""
    with grpc.insecure_channel(address) as channel:
        said = [
            pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")),
            pb.ChatMessage(message=pb.Message(message=text)),
            pb.ChatMessage(leave=pb.Leave()),
        ]
        assert list(ChatServiceStub(channel).Chat(iter(said), timeout=SECONDS))


def talk_for_ever(address: str) -> None:
    while True:
        talk(address)


def first_byte(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), SECONDS) as client:
        return client.recv(1)


def test_ones_own_chat_is_seen(server: str) -> None:
    """Lines on standard output, what to do on standard error, the summary at the end."""
    with chatwire(server, "--summary", "--hide", "ping,window-update") as tap:
        talk(tap.address)
        out = tap.stop()
    assert 0 == tap.process.returncode
    assert f"chatwire: {tap.address} -> {server}" == tap.errors.splitlines()[0]
    port = tap.address.rpartition(":")[2]
    assert f"in another terminal: chatter --host localhost:{port}" in tap.errors
    assert 'ChatMessage {join { room_id: "lobby" name: "Bob" }}' in out
    assert 'ChatMessage {message { message: "hello" }}' in out
    assert "WINDOW_UPDATE" not in out
    assert "\x1b" not in out
    assert "from the client: 3 messages" in out.partition("summary")[2]


def test_json_is_one_object_a_line(server: str) -> None:
    """With filters, and the summary as the last."""
    with chatwire(server, "--json", "--summary", "--frame", "data", "--stream", "1") as tap:
        talk(tap.address)
        written = [json.loads(line) for line in tap.stop().splitlines()]
    assert {("DATA", 1)} == {(one["kind"], one["stream"]) for one in written[:-1]}
    assert "/rpc.ChatService/Chat" == written[-1]["summary"]["streams"][0]["call"]


def test_hostile_text_is_not_obeyed(server: str) -> None:
    """What a member says cannot reach the terminal as anything but text."""
    with chatwire(server) as tap, grpc.insecure_channel(tap.address) as channel:
        with pytest.raises(grpc.RpcError):
            ChatServiceStub(channel).CreateChatRoom(
                pb.CreateChatRoomRequest(room_id="\x1b[2J\u202e"), timeout=SECONDS
            )
        out = tap.stop()
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\u202e" in out


def test_an_output_that_nobody_reads_ends_it(server: str) -> None:
    """As when piped into head; without a traceback."""
    with chatwire(server) as tap:
        assert tap.process.stdout is not None
        tap.process.stdout.close()
        with pytest.raises(grpc.RpcError):
            talk_for_ever(tap.address)
        assert 0 == tap.process.wait(SECONDS)
        assert "Traceback" not in tap.errors


def test_a_port_in_use_is_said() -> None:
    """In a sentence, with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = ran(
            ["-m", "chatroom.chatwire", "--listen", where],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    assert 1 == ended.returncode
    assert ended.stderr.startswith(f"chatwire: cannot listen on {where}: ")
    assert 1 == len(ended.stderr.splitlines())


def test_a_server_that_does_not_run_is_said() -> None:
    """With what to do about it; the tap goes on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = str(Address(*unused.getsockname()))
        with chatwire(nobody) as tap:
            host, port = Address.parse(tap.address)
            with pytest.raises(ConnectionResetError):
                first_byte(host, port)
            out = tap.stop()
    opened, server, client = (line.split(maxsplit=4)[3:] for line in out.splitlines())
    assert "OPENED" in opened[1]
    assert ["←", "ENDED         reset [the server cannot be reached: Connection refused]"] == server
    assert ["→", "ENDED         reset [by the tap]"] == client
    assert f"cannot connect to {nobody}" in tap.errors
    assert "is the server running? --to names it" in tap.errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--to", "localhost"], "write it as HOST:PORT"),
        (["--to", "localhost:99999"], "is not a port"),
        (["--frame", "pong"], "is no kind of frame"),
        (["--listen", "localhost:9", "--to", "127.0.0.1:9"], "it would tap itself"),
        (["--to-insecure"], "are for --tls"),
        (["--tls", "--to-insecure", "--to-ca", __file__], "exclude each other"),
        (["--proto", "/nowhere.proto"], "does not exist"),
    ],
)
def test_wrong_usage_is_told(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    assert 2 == run(arguments)
    assert sentence in capsys.readouterr().err


def test_a_proto_file_that_is_none_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything listens."""
    for name in ("broken.proto", "broken.pb"):
        (tmp_path / name).write_bytes(b"\xffnonsense")
        for command in ([], ["read"]):
            file = ["-"] if command else []
            assert 1 == run([*command, "--proto", str(tmp_path / name), *file])
            assert name in capsys.readouterr().err
    (tmp_path / "none.pb").write_bytes(b"")
    assert 1 == run(["--proto", str(tmp_path / "none.pb")])
    assert "holds no descriptors" in capsys.readouterr().err


def test_every_option_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """CHATWIRE_TO and so on."""
    monkeypatch.setenv("CHATWIRE_TO", "[::1]:9")
    monkeypatch.setenv("CHATWIRE_HIDE", "ping")
    with cli.make_context("chatwire", []) as context:
        assert ("::1", 9) == context.params["to"]
        assert ("ping",) == context.params["hide"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:1", ("localhost", 1)),
        (":8081", ("localhost", 8081)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_addresses_are_of_this_machine_unless_they_say_another(
    text: str, address: tuple[str, int]
) -> None:
    """A tap shows what people write: `:8081` does not let other machines in."""
    with cli.make_context("chatwire", ["--listen", text, "--to", "other:1"]) as context:
        assert address == context.params["listen"]
        assert ("other", 1) == context.params["to"]


def test_help_is_quick() -> None:
    """It imports nothing that is slow."""
    program = (
        "import sys; from chatroom.chatwire.cli import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('grpc', 'hpack', 'google.protobuf')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ)
    )
    assert 0 == ended.returncode, ended.stderr
    assert "chatter --host localhost:8081" in ended.stdout
