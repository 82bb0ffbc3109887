"""What is imported before chatter can be used: nothing that is not needed by then.

How long it takes is measured by bench/startup.py; here only what decides it is looked at.
"""

from __future__ import annotations

import re

import pytest

IMPORTED = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s+(\S+)")
OURS = {"chatroom.server", "chatroom.core", "chatroom.journal", "chatroom.chatwire"}
NEVER = OURS | {
    "rich",
    "httptools",
    "connectrpc",
    "google.rpc",
    "precis_i18n",
    "tomllib",
    "wcwidth",
}
"""What no question and no help needs."""
SCREEN = {"prompt_toolkit"}
"""Slow to import: the first question is shown before."""
NETWORK = {"asyncio", "grpc", "google.protobuf", "ssl", "chatroom.api"}


def packages(shown: str) -> set[str]:
    """Every module that was imported, and the packages that it is in."""
    modules = {found[1] for found in IMPORTED.finditer(shown)}
    return {".".join(parts[:n]) for m in modules for parts in [m.split(".")] for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("command", "question", "unneeded"),
    [
        (["--help"], "Usage: ", NEVER | SCREEN | NETWORK),
        ([], "Pick a room: ", NEVER | SCREEN),
        (["--plain"], "Pick a room: ", NEVER | SCREEN),
        (["--plain", "--room", "1234"], "Enter a Name Tag: ", NEVER | SCREEN),
        (["--room", "1234"], "Enter a Name Tag: ", NEVER | SCREEN),
        (["--room", "1234", "--name", "Bob"], "Joining room", NEVER | SCREEN),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_imports_before_the_first_question(
    command: list[str], question: str, unneeded: set[str], fresh_server: str, emulator
) -> None:
    """What comes on the terminal before the question tells what was imported before it."""
    with emulator(*command, CHATTER_HOST=fresh_server, PYTHONPROFILEIMPORTTIME="1") as t:
        t.wait(lambda _: question.encode() in t.raw)
        before = packages(t.raw.decode().partition(question)[0])
    assert {"click", "chatroom.chatter.cli"} <= before
    assert set() == unneeded & before


def test_the_screen_is_imported_after_the_question(fresh_server: str, emulator) -> None:
    """The list above would find the slow package if it came before the question."""
    with emulator(CHATTER_HOST=fresh_server, PYTHONPROFILEIMPORTTIME="1") as t:
        t.wait(lambda _: packages(t.raw.decode(errors="replace")) >= SCREEN)
