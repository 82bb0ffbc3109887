"""Completion in a shell, with the shell itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chatter.conftest import environment
from tests.interop.programs import missing
from tests.launch.program import ran

SCRIPT = """
eval "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_chatter_completion chatter
printf '%s\\n' "${COMPREPLY[@]}"
"""
SECONDS = 30.0


@pytest.fixture(scope="module")
def script() -> str:
    """What `chatter completion bash` prints."""
    return ran(
        ["-m", "chatroom.chatter", "completion", "bash"],
        capture_output=True, text=True, check=True, env=environment(),
    ).stdout  # fmt: skip


@pytest.fixture
def complete(script: str, tmp_path: Path):
    """What bash offers for the last of the words."""
    bash = shutil.which("bash")
    if bash is None:
        missing("bash")
    program = tmp_path / "bin" / "chatter"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chatroom.chatter "$@"\n')
    program.chmod(0o755)

    def words(*typed: str, **variables: str) -> list[str]:
        path = f"{program.parent}:{environment()['PATH']}"
        ended = subprocess.run(
            [bash, "--norc", "-c", SCRIPT, "bash", script, "chatter", *typed],
            env=environment(PATH=path, **variables),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert (0, "") == (ended.returncode, ended.stderr)
        return ended.stdout.split()

    return words


def test_commands_and_options(complete) -> None:
    """By what is typed of them."""
    assert ["history"] == complete("his")
    assert ["--last"] == complete("history", "--la")
    assert ["bash", "zsh", "fish"] == complete("completion", "")


def test_rooms_of_the_server(complete, fresh_server) -> None:
    """The server is asked that is named before or after the command, or in the environment."""
    at = ("--host", fresh_server)
    assert ["1234", "5678"] == complete("history", "", CHATTER_HOST=fresh_server)
    assert ["1234"] == complete(*at, "members", "12")
    assert ["5678"] == complete("send", *at, "--room", "5")
    assert ["1234", "5678"] == complete(*at, "--room", "")
    assert ["1234", "5678"] == complete("watch", *at, "1234", "")


def test_servers_of_the_configuration(complete, tmp_path: Path, fresh_server) -> None:
    """Their names; and a server of the file is asked for its rooms."""
    file = tmp_path / "config.toml"
    entry = f'host = "{fresh_server}"'
    file.write_text(
        f'[servers.work]\n{entry}\n[servers.home]\nhost = "h"\n["servers"."a b"]\n{entry}'
    )
    assert ["work", "home"] == complete("list", "--server", "", CHATTER_CONFIG=str(file))
    assert ["work"] == complete("--config", str(file), "--server", "w")
    assert ["1234"] == complete("--config", str(file), "--server", "work", "history", "1")


def test_silent_when_nothing_is_known(complete, tmp_path: Path) -> None:
    """No server, a wrong file, a wrong option: nothing is offered, and nothing said."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("name = 1")
    assert [] == complete("--host", "127.0.0.1:1", "history", "")
    assert [] == complete("--config", str(wrong), "--server", "")
    assert [] == complete("--config", str(wrong), "history", "")
    assert [] == complete("--server", "nowhere", "history", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(chatter, shell) -> None:
    """It calls chatter back in its own way; another shell is wrong usage."""
    ended = chatter("completion", shell)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert f"_CHATTER_COMPLETE={shell}_complete" in ended.stdout
    assert 2 == chatter("completion", "cmd").returncode


def test_members_of_the_room(complete, fresh_server, piped, present) -> None:
    """Whoever may be sent out of it; nobody when there is no such room."""
    at = ("--host", fresh_server)
    with piped(*at, "--room", "1234", "--name", "Alice"):
        present(fresh_server, "1234", "Alice")
        assert ["Alice"] == complete("remove", *at, "1234", "A")
        assert [] == complete("remove", *at, "1234", "B")
        assert [] == complete("remove", *at, "9999", "")
