"""Ctrl-C while a program starts, and while a command of the server runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.program import executed

SECONDS = 30
INTERRUPTED_IMPORT = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
raise ImportError("the interrupt did nothing")
"""
INTERRUPTED_COMMAND = """
import os, pathlib, signal
def user_data_path(*_, **how):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        raise ImportError("the interrupt did nothing")
    finally:
        pathlib.Path(__file__).with_name("left in order").touch()
"""


def interrupted(directory: Path, *command: str) -> tuple[int, bytes, bytes]:
    """Exit code and output of a program of ours that finds modules in the directory first."""
    program, *arguments = command
    with executed(
        [str(Path(sys.executable).with_name(program)), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(directory)},
    ) as process:
        said = process.communicate(timeout=SECONDS)
    return process.returncode, *said


@pytest.mark.parametrize("program", ["chatserver", "chatter", "chatwire"])
def test_interrupt_of_an_import_is_quiet(program: str, tmp_path: Path) -> None:
    """It ends with 130 and without a word, whatever is imported just then."""
    (tmp_path / "click.py").write_text(INTERRUPTED_IMPORT)
    assert (130, b"", b"") == interrupted(tmp_path, program, "--version")


@pytest.mark.parametrize("command", [["check"], ["repair"], ["backup", "copy.db"]])
def test_interrupt_of_a_command_of_the_server_is_quiet_and_in_order(
    command: list[str], tmp_path: Path
) -> None:
    """What is under way cleans up after itself: a backup that is half made does not stay."""
    (tmp_path / "platformdirs.py").write_text(INTERRUPTED_COMMAND)
    assert (130, b"", b"") == interrupted(tmp_path, "chatserver", *command)
    assert (tmp_path / "left in order").exists()


def test_interrupt_of_a_server_before_it_serves_is_quiet(tmp_path: Path) -> None:
    """It has nothing yet to put in order."""
    (tmp_path / "platformdirs.py").write_text(INTERRUPTED_COMMAND)
    assert (130, b"", b"") == interrupted(tmp_path, "chatserver")
