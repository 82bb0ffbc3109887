"""Help and usage: what a person who knows nothing is told, and how quickly it is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatroom.chatter.cli import cli, run
from tests.chatter.conftest import environment

COMMANDS = sorted(cli.commands)
WITHOUT_EXAMPLES = {"list", "members", "delete", "bans", "invites", "config", "completion"}
"""There is one way to call them; the last two show what to put into files."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_a_section_and_has_help(command, capsys) -> None:
    """Its first line is in the program's help; its own help fits a terminal."""
    assert 1 == sum(names.count(command) for names in cli.sections.values())
    assert 0 == run([command, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: chatter {command}")
    assert max(map(len, shown.splitlines())) <= 80
    assert "Example" in shown or command in WITHOUT_EXAMPLES


def test_program_tells_the_way_from_the_beginning(capsys) -> None:
    """Making a room, going in, inviting, looking back and leaving are all on the first page."""
    assert 0 == run(["--help"])
    shown = capsys.readouterr().out
    for needed in (
        "chatter create tea-room", "chatter --room tea-room --name Alice", "Ctrl-D leaves",
        "invite", "chatter history tea-room", "--json", "CHATTER_HOST", "Exit codes",
    ):  # fmt: skip
        assert needed in shown
    assert max(map(len, shown.splitlines())) <= 90


def test_commands_of_the_help_work(server, chatter) -> None:
    """What the first page says can be done as it stands, but for the address."""
    where = {"CHATTER_HOST": server}
    assert "help-room\n" == chatter("create", "help-room", **where).stdout
    talk = chatter("--room", "help-room", "--name", "Alice", say="hello\n", **where)
    assert (0, "Joining room\n") == (talk.returncode, talk.stdout)
    assert 0 == chatter("members", "help-room", **where).returncode
    assert "Alice: hello\n" in chatter("history", "help-room", "--since", "1d", **where).stdout
    assert 0 == chatter("delete", "help-room", **where).returncode


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("--private", "list"), "--private"),
        (("--create", "list"), "--create"),
        (("--wait", "1", "history", "1"), "--wait"),
        (("--room", "1", "list"), "--room"),
        (("--name", "Bob", "watch", "1"), "--name"),
        (("--plain", "create"), "--plain"),
        (("--history", "1", "send", "hi"), "--history"),
        (("--host", "h", "completion", "bash"), "--host"),
    ],
)
def test_option_of_no_use_before_a_command_is_wrong_usage(arguments, option, capsys) -> None:
    """It is not passed over."""
    assert 2 == run(list(arguments))
    told = capsys.readouterr()
    assert "" == told.out
    assert f"has no option {option}\n" in told.err


def test_option_that_has_to_stand_after_a_command_is_told(capsys) -> None:
    """Before it, it would be of the conversation."""
    assert 2 == run(["--history", "5", "history", "lobby"])
    assert "--history stands after 'chatter history'\n" in capsys.readouterr().err


def test_environment_is_of_no_use_without_complaint(server, chatter) -> None:
    """A variable is a default for those commands that have the option."""
    variables = {"CHATTER_HOST": server, "CHATTER_ROOM": "1", "CHATTER_NAME": "Bob",
                 "CHATTER_HISTORY": "3", "CHATTER_PLAIN": "1"}  # fmt: skip
    assert 0 == chatter("list", **variables).returncode


def test_arguments_are_quoted_as_text(chatter) -> None:
    """What is quoted in a complaint cannot command the terminal."""
    ended = [chatter("\x1b[31mred"), chatter("history", "1", "--since", "\x1b]0;x\x07\u202e")]
    assert [2, 2] == [one.returncode for one in ended]
    for one in ended:
        assert not set(one.stderr) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "--room", "1", "--name", "Bob", "\udcff"),
        ("--room", "1", "--name", "\udcff"),
        ("history", "\udcff"),
        ("create", "--title", "\udcff"),
        ("list", "--host", "\udcff:1"),
        ("--reconnect", "nan"),
        ("--wait", "soon"),
    ],
)
def test_what_no_server_can_be_told_is_wrong_usage(arguments, capsys) -> None:
    """Bytes that are not UTF-8, and times that are none."""
    assert 2 == run(list(arguments))
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "given", "wanted"),
    [
        (("history", "1", "--last", "#10"), "#10", "no number from 1 to 999,999,999"),
        (("watch", "1", "--last", "-1"), "-1", "no number from 0 to 999,999,999"),
        (("invite", "1", "--uses", "0"), "0", "no number from 1 to 999,999,999"),
        (("update", "1", "--capacity", "9" * 5000), "9" * 5000, "write it in digits, as 10"),
        (("--history", "\u0663"), "\u0663", "write it in digits, as 10"),
        (("--wait", "soon"), "soon", "no number of seconds from 0 on; write it as 90 or 0.5"),
    ],
)
def test_what_is_no_number_is_told_with_what_is_wanted(arguments, given, wanted, capsys) -> None:
    """As it was typed, and how to type it."""
    assert 2 == run(list(arguments))
    told = " ".join(capsys.readouterr().err.split())
    assert f"{given!r} is " in told
    assert wanted in told


def imported(*arguments: str, directory: Path) -> set[str]:
    """The modules that a run of chatter imports."""
    script = (
        "import json, sys\n"
        "from chatroom.chatter.cli import run\n"
        "run(sys.argv[1:])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment(),
        check=True,
    )
    return set(json.loads(ended.stderr.splitlines()[-1]))


SLOW = {"asyncio", "grpc", "google.protobuf", "rich", "prompt_toolkit", "tomllib", "platformdirs"}


@pytest.mark.parametrize(
    "arguments", [("--help",), ("history", "--help"), ("--private",), ("completion", "zsh")]
)
def test_what_asks_no_server_imports_nothing_slow(arguments, tmp_path: Path) -> None:
    """Help is there at once."""
    assert set() == imported(*arguments, directory=tmp_path) & SLOW


def test_list_imports_what_it_needs(server, tmp_path: Path) -> None:
    """gRPC, but nothing for terminals, nor what reads a file that is not there."""
    found = imported("list", "--host", server, directory=tmp_path)
    assert set() == found & {"rich", "prompt_toolkit", "tomllib"}
    assert "grpc" in found


def test_file_is_read_without_grpc(tmp_path: Path) -> None:
    """Settings are shown without a connection."""
    (tmp_path / "c.toml").write_text('name = "Bob"')
    found = imported("config", "--config", "c.toml", directory=tmp_path)
    assert "tomllib" in found
    assert set() == found & {"grpc", "rich", "prompt_toolkit"}
