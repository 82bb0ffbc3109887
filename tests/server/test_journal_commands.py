"""`chatserver backup`, `check` and `repair`: beside a running server, and what they leave."""

from __future__ import annotations

import gzip
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
from tests.journal import databases
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
    assert "schema version 7, 2 rooms" in version
    assert "room garden: messages none, 0 bytes, 0 members inside" == garden
    assert lobby.startswith("room lobby: messages 1 to ")
    assert "nothing is wrong" == verdict


def test_a_check_of_a_file_of_before(tmp_path: Path) -> None:
    """It is read, and nothing is said of rooms that it only has after an upgrade."""
    file = Path(databases.__file__).with_name("version-6.db.gz")
    (tmp_path / "chatroom.db").write_bytes(gzip.decompress(file.read_bytes()))
    code, stdout, stderr = run("check", "--data", str(tmp_path))
    assert (0, "") == (code, stderr)
    told = "schema version 6, which the next start of a server upgrades\nnothing is wrong\n"
    assert f"{tmp_path / 'chatroom.db'}: {told}" == stdout


def test_a_check_of_a_backup(tmp_path: Path) -> None:
    """Named as the file that it is; what is said of a damaged one is not about the server."""
    data, copy = tmp_path / "data", tmp_path / "copy.db"
    with serving("--data", str(data), "--room", "lobby") as (_, port):
        talk(port, "hello")
        run("backup", "--data", str(data), str(copy))
        code, stdout, stderr = run("check", str(copy))
        assert (0, "") == (code, stderr)
        assert stdout.startswith(f"{copy}: schema version 7, 1 room\n")
        assert [copy.name, data.name] == sorted(path.name for path in tmp_path.iterdir())
    code, _, stderr = run("check", str(copy), "--data", str(data))
    assert (2, True) == (code, "omit it, or FILE" in stderr)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE room SET size = 7")
        connection.commit()
    code, _, stderr = run("check", str(copy))
    assert 1 == code
    assert f"chatserver: {copy} is damaged; look for an earlier backup" in stderr
    assert "repair" not in stderr


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


def spoil(data: Path, text: bytes) -> None:
    """Flip a bit of a text where it stands in the file."""
    path = data / "chatroom.db"
    octets = path.read_bytes()
    at = octets.index(text)
    path.write_bytes(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])


def stopped_after(data: Path, *texts: str) -> None:
    """What a server leaves in whose lobby these were said."""
    with serving("--data", str(data), "--room", "lobby") as (process, port):
        for text in texts:
            talk(port, text)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=30)


def test_a_damaged_message_is_found_and_repaired(tmp_path: Path) -> None:
    """The others are kept; the file as it was is kept beside them."""
    stopped_after(tmp_path, "first words", "other words")
    spoil(tmp_path, b"first words")
    code, _, stderr = run("check", "--data", str(tmp_path))
    assert 1 == code
    wrong, advice = stderr.splitlines()
    assert "wrong: room lobby: message 2 is damaged" == wrong
    assert "chatserver repair" in advice
    damaged = (tmp_path / "chatroom.db").read_bytes()

    code, stdout, stderr = run("repair", "--data", str(tmp_path))
    assert (0, "was wrong: room lobby: message 2 is damaged\n") == (code, stderr)
    lost, kept_line, where = stdout.splitlines()
    assert "room lobby: 1 message lost: 2" == lost
    assert "chatroom.db: kept 1 room, 5 messages" in kept_line
    assert "chatroom.db.damaged-1 is the damaged file" in where
    assert damaged == (tmp_path / "chatroom.db.damaged-1").read_bytes()

    code, stdout, _ = run("check", "--data", str(tmp_path))
    assert (0, "nothing is wrong") == (code, stdout.splitlines()[-1])
    assert "1 lost before" in stdout
    assert (0, "nothing is wrong; nothing was changed\n", "") == run(
        "repair", "--data", str(tmp_path)
    )
    with serving("--data", str(tmp_path)) as (_, port):
        talk(port, "new words")
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = ChatServiceStub(channel).ListMessages(
                pb.ListMessagesRequest(room_id="lobby", after=2), timeout=30
            )
    assert ["other words", "new words"] == [
        message.message for message in answer.messages if message.WhichOneof("event") is None
    ]


def test_a_server_does_not_start_on_damaged_pages(tmp_path: Path) -> None:
    """It says what to do, in a sentence; after a repair it does."""
    stopped_after(tmp_path, "words")
    path = tmp_path / "chatroom.db"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'member'"
        ).fetchone()
    octets = path.read_bytes()
    path.write_bytes(octets[: (page - 1) * 4096] + bytes(4096) + octets[page * 4096 :])
    code, _, stderr = run("--bind", "127.0.0.1:0", "--data", str(tmp_path))
    assert 1 == code
    assert f"{path} is damaged (" in stderr
    assert "run `chatserver repair`, which keeps what is sound" in stderr
    assert 0 == run("repair", "--data", str(tmp_path))[0]
    with serving("--data", str(tmp_path)) as (_, port):
        assert ["words"] == kept(port)[0]


def test_a_repair_beside_a_running_server_is_refused(tmp_path: Path) -> None:
    """It would take the file away from under it."""
    with serving("--data", str(tmp_path), "--room", "lobby"):
        code, _, stderr = run("repair", "--data", str(tmp_path))
    assert 1 == code
    assert "in use by another chatserver; stop that one first" in stderr


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
        (["--bind", "nonsense", "backup", "{tmp}/copy.db"], 2, "is not an address to listen on"),
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


def test_an_upgrade_is_rolled_back(tmp_path: Path) -> None:
    """What is lost is told before anything is done; an earlier chatserver finds its file."""
    data = tmp_path / "data"
    data.mkdir()
    packed = Path(databases.__file__).with_name("version-6.db.gz")
    (data / "chatroom.db").write_bytes(gzip.decompress(packed.read_bytes()))
    none = run("rollback", "--data", str(data))
    assert (1, "") == none[:2]
    assert "was not upgraded by a chatserver that has kept it" in none[2]
    with serving("--data", str(data)) as (process, port):
        talk(port, "since")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    code, told, asked = run("rollback", "--data", str(data))  # nobody answers
    assert 1 == code
    assert "room lobby: 3 messages will be lost\n" in told  # with an arrival and a departure
    assert "Go back?" in asked
    code, told, _ = run("rollback", "--yes", "--data", str(data))
    assert 0 == code, told
    assert "has schema version 6 again" in told
    assert "schema version 6" in run("check", "--data", str(data))[1]
