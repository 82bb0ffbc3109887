"""`chatserver config`: what it says and prints is what a server would do, and it does nothing."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import click
import pytest

from chatroom.server.cli import chatserver
from chatroom.server.configuration_file import keys_of
from chatroom.server.durations import Duration
from chatroom.server.exposure import Rights
from chatroom.server.limit_options import PaceType
from chatroom.server.names_of_places import ListenType, OriginType
from chatroom.server.networks import NetworkType
from chatroom.server.sizes import Size
from tests.client.certificates import authority, signed
from tests.launch.program import ran

from .test_configuration_file import chosen, run

OTHERS: dict[type[click.ParamType], list[str]] = {
    Duration: ["90s"], PaceType: ["7/3m"], Size: ["3M"], NetworkType: ["10.0.0.0/8", "::1/128"],
    Rights: ["join,send"], ListenType: ["127.0.0.1:0", "[::1]:7"],
    OriginType: ["https://chat.example", "*"],
    click.types.IntParamType: ["3"], click.types.FloatParamType: ["2.5"],
}  # fmt: skip
"""Values that are no option's default, by type."""
APART = (
    {"in_memory", "journal", "journal_file", "is_open", "workers"},
    {"data", "journal_file", "in_memory", "keys", "tls_client_ca", "tls_client_required"},
    {"data", "journal", "in_memory", "keys"},
)
"""Options that are left out, so that those which exclude each other do not meet."""


def other(option: click.Option, directory: Path) -> list[str]:
    """Arguments that give an option another value than its default."""
    flag = option.opts[-1]
    if option.is_flag:
        return [flag]
    if isinstance(option.type, click.Choice):
        values = [next(each for each in option.type.choices if each != option.default)]
    elif isinstance(option.type, click.Path):
        path = directory / f"{option.name} “ü"
        if option.type.exists:
            path.write_text("postgresql://ann:pa55@h/d")
        values = [str(path)]
    elif option.name == "journal":
        values = ["postgresql://ann:pa55@h/d?application_name=%22"]
    else:
        found = [each for each in OTHERS if isinstance(option.type, each)]
        values = OTHERS[found[0]] if found else ["lobby", "a-b"]
    return [part for value in values for part in (flag, value)]


@pytest.mark.parametrize("apart", APART, ids=["directory", "database", "file"])
def test_what_is_shown_and_read_again_is_the_same(apart: set[str], tmp_path: Path) -> None:
    """Every option there is, each with another value than its default."""
    options = keys_of(chatserver)
    arguments = [
        argument
        for option in options.values()
        if option.name not in apart
        for argument in other(option, tmp_path)
    ]
    shown = run("config", "show", "--secrets", *arguments)
    assert (0, "") == (shown.returncode, shown.stderr)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = elsewhere / "chatserver.toml"
    file.write_text(shown.stdout)
    file.chmod(0o600)
    assert chosen(*arguments) == chosen("--config", str(file))
    assert chosen(*arguments) != chosen()
    assert shown.stdout == run("config", "show", "--secrets", "--config", str(file)).stdout
    written = set(re.findall(r"(?m)^([a-z-]+) = ", shown.stdout))
    given = {key for key, option in options.items() if option.name not in apart}
    assert given <= written
    assert set(options) == written | set(re.findall(r"(?m)^# ([a-z-]+) =", shown.stdout))


def test_every_option_has_another_value_in_one_of_them() -> None:
    """None is apart in all: so the test above is about every one."""
    assert {"in_memory"} == set.intersection(*map(set, APART))
    assert {"in_memory"} <= {option.name for option in keys_of(chatserver).values()}


def test_the_defaults_are_shown_and_are_the_defaults(tmp_path: Path) -> None:
    """Also what an option of earlier versions has meant, and a memory in place of a directory."""
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    tls = ("--tls-cert", str(ca), "--tls-key", str(ca), "--client-ca", str(ca))
    for arguments in ((), ("--in-memory",), tls):
        shown = run("config", "show", *arguments)
        file = tmp_path / "chatserver.toml"
        file.write_text(shown.stdout)
        assert chosen(*arguments) == chosen("--config", str(file))


def test_a_password_is_shown_to_those_who_ask_for_it(tmp_path: Path) -> None:
    """What is printed without it is no configuration by mistake: it would be a directory's."""
    arguments = ("--journal", "postgresql://ann:pa55@h/d")
    shown = run("config", "show", *arguments, CHATSERVER_SECRETS="1").stdout
    assert "pa55" not in shown
    file = tmp_path / "chatserver.toml"
    file.write_text(shown)
    with pytest.raises(click.UsageError, match="journal is to be text in quotes"):
        chosen("--config", str(file))
    assert 'journal = "postgresql://ann:pa55@h/d"' in run(
        "config", "show", "--secrets", *arguments
    ).stdout  # fmt: skip
    assert "pa55" not in run("config", "check", *arguments).stdout


@pytest.mark.skipif(os.name != "posix", reason="names of files are text")
def test_a_name_that_toml_cannot_have_is_told(tmp_path: Path) -> None:
    """It is not another name in the file."""
    done = ran(
        ["-m", "chatroom.server", "config", "show", "--data", os.fsdecode(b"/x/\xff")],
        capture_output=True, timeout=30,
    )  # fmt: skip
    assert 1 == done.returncode
    assert b"chatserver: data is not UTF-8, and TOML has no other text" in done.stderr


def test_a_check_says_what_a_server_would_do(tmp_path: Path) -> None:
    """Where it listens, who may come, where it keeps things, limits; and who has said so."""
    ca = authority(tmp_path, "ca")
    shown = signed(tmp_path, ca, "chat.example")
    keys = tmp_path / "keys.toml"
    made = run("keys", "create", "--id", "home", "--keys", str(keys))
    assert 0 == made.returncode
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    file = tmp_path / "chatserver.toml"
    file.write_text(f"""
        bind = ["0.0.0.0:443", "[::1]:0"]
        tls-cert = "{shown.certificate.name}"
        tls-key = "{shown.key.name}"
        tls-client-ca = "{ca.certificate.name}"
        keys = "keys.toml"
        data = "rooms"
        room = ["lobby"]
        trust-proxy = ["10.0.0.0/8"]
        allow-origin = ["https://www.example"]
    """)
    done = run(
        "config", "check", "--config", str(file), "--message-rate", "5", "--audit-file",
        str(tmp_path / "audit"), CHATSERVER_ADMIN_TOKEN_FILE=str(token),
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    for sentence in (
        "set by the command line: message-rate, audit-file\n",
        "set by the environment: admin-token-file\n",
        f"set by {file}: bind, data, room, allow-origin, trust-proxy, tls-cert, tls-key,",
        "listens on 0.0.0.0:443, for other machines too, with TLS\n",
        "listens on [::1]:0, at a port that the system chooses, for this machine alone, with TLS\n",
        f"shows {shown.certificate}, which is for chat.example and ends at 20",
        f"asks for, but needs not, certificates of clients that {ca.certificate} has signed\n",
        "believes 10.0.0.0/8 for whom they speak\n",
        f"lets whoever shows the token in {token} do everything\n",
        f"lets whoever shows a token by 1 key in {keys} do what the token says\n",
        "lets whoever shows no token do: nothing\n",
        "lets browsers call it by its IP addresses, localhost, the names of its certificate\n",
        "lets pages of https://www.example call\n",
        f"keeps rooms and messages in {tmp_path / 'rooms' / 'chatroom.db'}, which it makes;",
        "makes these rooms unless they are there: lobby\n",
        f"keeps records of what moderators do for 365d, and writes them to {tmp_path / 'audit'}\n",
        "20,000 members and 10,000 rooms of up to 10,000\n",
        "takes 5 messages a second from a member, and 20 at once\n",
        "512 connections and 500 members, and has it join 600/1m and create rooms 200/1h\n",
        "keeps 10,000 messages of a room, 16,777,216 bytes at most, and 1,073,741,824 bytes",
        "logs info and above, as text\n",
    ):
        assert sentence in done.stdout
    assert not (tmp_path / "rooms").exists()
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], None),
        (["--ops-bind", "127.0.0.1:9090"], "127.0.0.1:9090 what goes on: whoever is on this mach"),
        (["--ops-bind", "0.0.0.0:9090"], "0.0.0.0:9090 what goes on: whoever reaches it may see"),
        (
            ["--ops-bind", "[::1]:9090", "--journal", "postgresql://h/d", "--workers", "4"],
            "[::1]:9091 to 9094, a port for each process, what goes on: whoever is on this machine",
        ),
    ],
)
def test_who_may_watch_is_told(arguments: list[str], said: str | None) -> None:
    """Nobody is asked who they are there, so it matters who can reach it."""
    done = run("config", "check", *arguments)
    assert (0, "") == (done.returncode, done.stderr)
    if said is None:
        assert "what goes on" not in done.stdout
    else:
        assert f"\ntells at {said}" in done.stdout


def test_what_stands_before_the_command_counts_too() -> None:
    """As in the line that starts the server, to which two words are added."""
    done = run("--in-memory", "--room", "a", "config", "check", "--room", "b")
    assert "set by the command line: in-memory, room\n" in done.stdout
    assert "makes these rooms unless they are there: a, b\n" in done.stdout


def test_a_check_takes_no_port_and_no_journal(tmp_path: Path) -> None:
    """While a server has them it says the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("config", "check", "--bind", f"127.0.0.1:{port}", "--data", str(tmp_path))
    assert (0, "") == (done.returncode, done.stderr)
    assert [] == list(tmp_path.iterdir())
    done = run("config", "check", "--journal", "postgresql://ann:pa55@127.0.0.1:1/chat")
    assert "keeps rooms and messages in PostgreSQL 127.0.0.1:1/chat\n" in done.stdout


def test_a_check_refuses_what_a_start_refuses(tmp_path: Path) -> None:
    """With the same words and exit code."""
    wrong = tmp_path / "wrong"
    wrong.write_text("[keys")
    wrong.chmod(0o600)
    under = ("--data", str(wrong / "rooms"))
    for arguments, code in (
        (("--bind", "0.0.0.0:80"), 2),
        (("--bind", "nonsense"), 2),
        (("--in-memory", "--data", "x"), 2),
        (("--proxy-protocol",), 2),
        (("--keys", str(wrong)), 1),
        (("--tls-cert", str(wrong), "--tls-key", str(wrong)), 1),
    ):
        started, checked = (run(*words, *arguments, "--in-memory") for words in ((), CHECK))
        assert code == started.returncode == checked.returncode
        assert last(started.stderr) == last(checked.stderr)
    started, checked = run(*under), run(*CHECK, *under)
    assert 1 == started.returncode == checked.returncode
    assert started.stderr.partition(" (")[0] == checked.stderr.partition(" (")[0]


CHECK = ("config", "check")


def last(text: str) -> str:
    """A message without the lines on how the command is called."""
    return text.partition("\n\nError: ")[2] or text


def test_help_says_of_each_command_in_one_line_what_it_does() -> None:
    """No summary is so long that it is cut; and the options are those of the server."""
    summaries = run("config", "--help").stdout.partition("\nCommands:\n")[2].splitlines()
    assert ["check", "show"] == [line.split()[0] for line in summaries]
    assert [] == [line for line in summaries if "..." in line]
    for command in ("check", "show"):
        shown = run("config", command, "--help").stdout
        assert [] == [key for key in keys_of(chatserver) if f"--{key}" not in shown]
