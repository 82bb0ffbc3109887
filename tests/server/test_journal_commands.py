"""`chatserver backup` and `chatserver check` beside a running server, and what they leave."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from tests.launch.program import ran
from tests.server.test_command_line import COMMAND, serving


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    done = ran(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def talk(port: int, text: str) -> None:
    """Join the lobby, say one thing, and wait until it is stored."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = ChatServiceStub(channel).Chat(
            iter(
                [
                    pb.ChatMessage(
                        join=pb.JoinChat(room_id="lobby", name="Alice", features=[pb.FEATURE_ECHO])
                    ),
                    pb.ChatMessage(message=pb.Message(message=text)),
                ]
            ),
            timeout=30,
        )
        for message in call:
            if message.message == text:
                break
        call.cancel()


def kept(port: int) -> tuple[list[str], str]:
    """What was said in the lobby, and its epoch."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        listed = ChatServiceStub(channel).ListMessages(
            pb.ListMessagesRequest(room_id="lobby"), timeout=30
        )
    return [
        message.message for message in listed.messages if message.WhichOneof("event") is None
    ], listed.epoch


def test_a_backup_of_a_running_server_is_restored(tmp_path: Path) -> None:
    """With what was said until then; what came later is gone, and the epoch says so."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with serving("--data", str(data), "--room", "lobby") as (process, port):
        talk(port, "kept")
        code, stdout, _ = run("backup", "--data", str(data), str(copy))
        assert 0 == code
        assert f"{copy}: 1 room, " in stdout
        assert f"{copy.stat().st_size:,} bytes" in stdout
        talk(port, "too late")
        said, epoch = kept(port)
        assert ["kept", "too late"] == said
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=30)
    for path in data.glob("chatroom.db*"):
        path.unlink()
    shutil.move(copy, data / "chatroom.db")
    with serving("--data", str(data)) as (_, port):
        restored, new_epoch = kept(port)
    assert ["kept"] == restored
    assert epoch != new_epoch


def test_a_check_of_a_running_server(tmp_path: Path) -> None:
    """One line a room, exit code 0."""
    with serving("--data", str(tmp_path), "--room", "lobby", "--room", "garden") as (_, port):
        talk(port, "hello")
        code, stdout, stderr = run("check", "--data", str(tmp_path))
    assert (0, "") == (code, stderr)
    version, garden, lobby, verdict = stdout.splitlines()
    assert "schema version 3, 2 rooms" in version
    assert "room garden: messages none, 0 bytes, 0 members inside" == garden
    assert lobby.startswith("room lobby: messages 1 to ")
    assert "nothing is wrong" == verdict


def test_what_a_check_finds_is_exit_code_1_and_words(tmp_path: Path) -> None:
    """What is wrong, each on a line, and at last what to do."""
    with serving("--data", str(tmp_path), "--room", "lobby") as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    with closing(sqlite3.connect(tmp_path / "chatroom.db")) as connection:
        connection.execute("UPDATE room SET size = 7")
        connection.commit()
    code, stdout, stderr = run("check", "--data", str(tmp_path))
    assert 1 == code
    assert "nothing is wrong" not in stdout
    wrong, advice = stderr.splitlines()
    assert "wrong: room lobby: counted as 7 bytes from 1, but has 0 bytes from 1" == wrong
    assert "put your latest backup in its place" in advice


@pytest.mark.parametrize(
    "place",
    [
        lambda data: (["check", "--data", data], {}),
        lambda data: (["--data", data, "check"], {}),
        lambda data: (["check"], {"CHATSERVER_DATA": data}),
        lambda data: (["check", "--data", data], {"CHATSERVER_DATA": "/nowhere"}),
    ],
)
def test_the_directory_may_be_named_as_the_servers(tmp_path: Path, place: object) -> None:
    """After the command, before it, or in the environment."""
    assert callable(place)
    arguments, environment = place(str(tmp_path))
    code, _, stderr = run(*arguments, **environment)
    assert (1, f"chatserver: there is no {tmp_path}/chatroom.db; ") == (
        code, stderr[: stderr.index("name the server's")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["backup"], 2, "Missing argument 'FILE'"),
        (["restore"], 2, "No such command 'restore'"),
        (["backup", "{tmp}/copy.db"], 1, "there is no {tmp}/chatroom.db"),
        (["--bind", "nonsense", "backup", "{tmp}/copy.db"], 1, "there is no"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: Sequence[str], code: int, sentence: str) -> None:
    """A sentence, and nothing is written."""
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    ended, _, stderr = run(*filled, CHATSERVER_DATA=str(tmp_path))
    assert code == ended
    assert sentence.format(tmp=tmp_path) in stderr
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    """A backup by a timer under one name would leave no older one."""
    (tmp_path / "copy.db").write_text("precious")
    (tmp_path / "chatroom.db").touch()
    code, _, stderr = run("backup", "--data", str(tmp_path), str(tmp_path / "copy.db"))
    assert (1, "precious") == (code, (tmp_path / "copy.db").read_text())
    assert "exists; choose another name" in stderr
