"""`chatserver` as an operator meets it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import grpc
import pytest
from click.core import ParameterSource

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.server.cli import chatserver
from chatroom.server.environment import KEEP_OUT, check_environment
from chatroom.server.sizes import Size
from tests.launch.program import Program, ran, started

COMMAND = ["-m", "chatroom.server"]


def usage(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and standard error of a server that does not get to serve."""
    done = ran(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[Program, int]]:
    """A server process and its port; it has ended afterwards."""
    process = started(
        [*COMMAND, "--bind", "127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                yield process, int(found[1])
                break
        else:
            raise AssertionError("the server did not start")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_help_says_of_each_command_in_one_line_what_it_does() -> None:
    """No summary is so long that it is cut."""
    done = ran([*COMMAND, "--help"], capture_output=True, text=True, timeout=30, check=True)
    summaries = done.stdout.partition("\nCommands:\n")[2].splitlines()
    expected = [
        "audit", "backup", "check", "config", "copy", "dev-cert", "health", "keys", "new-epochs",
        "nodes", "repair", "rollback", "token", "top",
    ]  # fmt: skip
    assert expected == [line.split()[0] for line in summaries]
    assert [line for line in summaries if "..." in line] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bind", "nonsense"], "write host:port"),
        (["--bind", "127.0.0.1:99999"], "a port is a number from 0 to 65535; 0: any free one"),
        (["--room", "No Such"], "a room id has"),
        (["--in-memory", "--data", "x"], "exclude each other"),
        (["--in-memory", "--journal", "postgresql://a:secret@h/d"], "exclude each other"),
        (["--data", "x", "--journal", "postgresql://a:secret@h/d"], "exclude each other"),
        (["--journal-file", __file__, "--journal", "postgresql://a:secret@h/d"], "exclude each"),
        (["--journal", "mysql://a:secret@h/d"], "a journal is postgresql://"),
        (["--journal-file", os.devnull], "write postgresql://"),
        (["--journal", "postgresql://a:secret@h/d", "backup", "x"], "copied by pg_dump"),
        (["--workers", "2", "--in-memory"], "--workers needs --journal"),
        (["--workers", "2", "--data", "x"], "its file has one writer"),
        (["--workers", "0"], "--workers"),
        (["--tls-cert", __file__], "go together"),
        (["--tls-client-ca", __file__], "needs --tls-cert and --tls-key"),
        (["--client-ca", __file__], "needs --tls-cert and --tls-key"),
        (["--tls-client-required"], "needs --tls-client-ca"),
        (["--tls-client-ca", __file__, "--client-ca", __file__], "is --tls-client-ca with"),
        (["--tls-handshakes", "0"], "--tls-handshakes"),
        (["--tls-handshake-timeout", "0"], "--tls-handshake-timeout"),
        (["--message-rate", "-1"], "--message-rate"),
        (["--sync", "never"], "--sync"),
        (["--keep-bytes", "16 megs"], "write 65536, 64K, 16M or 1G"),
        (["--keep-total", "0"], "write 65536, 64K, 16M or 1G"),
        (["--allow-origin", "chat.example"], "write it as https://chat.example"),
        (["--allow-origin", "null"], "write it as https://chat.example"),
        (["--log-level", "loud"], "--log-level"),
        (["--address-joins", "many"], "write 600/1m, 200/1h or 0"),
        (["--trust-proxy", "localhost"], "write 10.0.0.0/8"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(arguments: list[str], sentence: str) -> None:
    """Nothing is started, and what to write instead is said."""
    code, stderr = usage(*arguments)
    assert 2 == code
    assert sentence in stderr
    assert "secret" not in stderr


def test_a_database_that_is_not_there_is_exit_code_1_and_a_sentence(tmp_path: Path) -> None:
    """Also where its address stands in a file or in the environment; no password is shown."""
    file = tmp_path / "journal"
    file.write_text("postgresql://ann:secret@127.0.0.1:1/chat\n")
    for arguments, environment in (
        (["--journal-file", str(file)], {}),
        ([], {"CHATSERVER_JOURNAL": file.read_text().strip()}),
    ):
        code, stderr = usage("--bind", "127.0.0.1:0", *arguments, **environment)
        assert 1 == code
        assert "cannot use PostgreSQL 127.0.0.1:1/chat" in stderr
        assert "secret" not in stderr


def test_a_port_in_use_is_exit_code_1_and_a_sentence() -> None:
    """As is a directory that cannot be written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stderr = usage("--bind", f"127.0.0.1:{port}", "--in-memory")
    assert (1, f"chatserver: cannot listen on 127.0.0.1:{port}: address already in use\n") == (
        code,
        stderr,
    )


def test_tls_files_that_cannot_be_used_are_exit_code_1_and_a_sentence(tmp_path: Path) -> None:
    """Not a traceback, whatever is in them."""
    (tmp_path / "pem").write_text("not a certificate")
    code, stderr = usage(
        "--in-memory", "--bind", "127.0.0.1:0",
        "--tls-cert", str(tmp_path / "pem"), "--tls-key", str(tmp_path / "pem"),
    )  # fmt: skip
    assert 1 == code
    assert f"chatserver: cannot use {tmp_path / 'pem'} with" in stderr


def test_with_a_certificate_the_port_speaks_tls(tmp_path: Path) -> None:
    """gRPC clients that trust it are served, and only over TLS."""
    openssl = shutil.which("openssl")
    if openssl is None:
        if os.environ.get("CI") == "true":
            pytest.fail("openssl is not installed")
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    files = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with serving("--in-memory", "--room", "lobby", *files) as (_, port):
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(f"localhost:{port}", trusted) as channel:
            listed = ChatServiceStub(channel).ListChatRooms(pb.ListChatRoomsRequest(), timeout=20)
        assert ["lobby"] == [room.room_id for room in listed.chat_rooms]
        with grpc.insecure_channel(f"localhost:{port}") as channel, pytest.raises(grpc.RpcError):
            ChatServiceStub(channel).ListChatRooms(pb.ListChatRoomsRequest(), timeout=20)


def test_a_data_directory_in_use_is_exit_code_1_and_a_sentence(tmp_path: Path) -> None:
    """Two servers never write to one journal."""
    with serving("--data", str(tmp_path)):
        code, stderr = usage("--bind", "127.0.0.1:0", "--data", str(tmp_path))
    assert 1 == code
    assert "in use by another chatserver" in stderr


@pytest.mark.parametrize(
    ("text", "size"), [("65536", 65536), ("64K", 65536), ("16 MiB", 1 << 24), ("1gb", 1 << 30)]
)
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert size == Size().convert(text, None, None)


def test_the_environment_sets_what_flags_set(tmp_path: Path) -> None:
    """CHATSERVER_ and the flag's name."""
    code, stderr = usage(CHATSERVER_BIND="nonsense")
    assert 2 == code
    assert "'nonsense' is not an address" in stderr


@pytest.mark.parametrize("name", sorted(KEEP_OUT))
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_of_what_keeps_somebody_out_is_an_error(name: str, value: str) -> None:
    """Else the server would be more open than whoever wrote the line has meant."""
    context = click.Context(chatserver, auto_envvar_prefix="CHATSERVER")
    variable = f"CHATSERVER_{name.upper()}"
    assert name in {parameter.name for parameter in chatserver.params}
    with pytest.raises(click.UsageError, match=f"{variable} is empty, and"):
        check_environment(context, {variable: value})


@pytest.mark.parametrize(
    ("variable", "setting"),
    [("KEY", "KEYS"), ("ADMIN_TOKEN", "ADMIN_TOKEN_FILE"), ("ANONYMUS", "ANONYMOUS")],
)
def test_a_misspelt_variable_is_an_error(variable: str, setting: str) -> None:
    """It names the one that is meant."""
    code, stderr = usage("--in-memory", **{f"CHATSERVER_{variable}": "x"})
    assert 2 == code
    assert f"CHATSERVER_{variable} is no setting, and would be passed over" in " ".join(
        stderr.split()
    )
    assert f"CHATSERVER_{setting} is one" in " ".join(stderr.split())


def test_variables_of_others_are_none_of_ours() -> None:
    """Kubernetes makes some; commands have their own; the command line counts first."""
    context = click.Context(chatserver, auto_envvar_prefix="CHATSERVER")
    others = {
        "CHATSERVER_PORT": "tcp://10.0.0.1:8080", "CHATSERVER_SERVICE_HOST": "10.0.0.1",
        "CHATSERVER_PORT_8080_TCP_ADDR": "10.0.0.1", "CHATSERVER_SERVICE_PORT": "8080",
        "CHATSERVER_TOKEN_CREATE_KEYS": "", "CHATSERVER_CHECK_DATA": "", "CHATSERVER_OPEN": "",
        "CHATSERVER_DATA": "", "CHATSERVER_BIND": "",
    }  # fmt: skip
    check_environment(context, others)
    context.set_parameter_source("keys", ParameterSource.COMMANDLINE)
    check_environment(context, {"CHATSERVER_KEYS": ""})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0, and the port is free."""
    with serving("--data", str(tmp_path), "--room", "lobby") as (process, port):
        process.send_signal(number)
        assert 0 == process.wait(timeout=30)
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_a_room_of_the_command_line_is_made_once(tmp_path: Path) -> None:
    """Starting again with --room finds the room that is there."""
    for _ in range(2):
        with serving("--data", str(tmp_path), "--room", "lobby") as (process, _):
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=30)


def said(process: Program) -> list[str]:
    """The lines of a server from where it listens to its end by SIGTERM, without their times."""
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    return [line.rstrip().partition(" ")[2].partition(" ")[2] for line in process.stderr]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", {"DEBUG", "INFO", "WARNING"}),
        ("info", {"INFO", "WARNING"}),
        ("warning", {"WARNING"}),
        ("error", set()),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_the_log_level(level: str, shown: set[str], tmp_path: Path) -> None:
    """What is of that level, or above it; two strangers are two lines for debugging alone."""
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    options = ("--in-memory", "--log-level", level, "--admin-token-file", str(token))
    with serving(*options) as (process, port):
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        process.send_signal(signal.SIGHUP)
        lines = said(process)
    assert shown == {line.partition(" ")[0] for line in lines}


def test_the_start_says_where_the_data_is(tmp_path: Path) -> None:
    """The journal's file, or that there is none."""
    started_with = {
        ("--data", str(tmp_path)): f"in {tmp_path / 'chatroom.db'}",
        ("--in-memory",): "in memory alone, until it ends",
    }
    for arguments, place in started_with.items():
        process = started(
            [*COMMAND, "--bind", "127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:
            assert f"chatserver: rooms and messages are kept {place}\n" == process.stderr.readline()
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
