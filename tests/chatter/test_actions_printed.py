"""What somebody does, and who is called what, as lines for people and for programs."""

from __future__ import annotations

import json

import pytest

from chatroom.chatter.printing import JsonPrinter, LogPrinter, TextPrinter
from chatroom.client import Kind, Message, Renamed

WAVES = Message(name="Bob", text="waves\nand goes", sequence=7, action=True, in_reply_to=3)
LEAVES = Message(name="Bob", text="has left the chat", sequence=8, action=True)
RENAMED = Message(
    name="Bob", text="is now known as Rob", sequence=9, kind=Kind.RENAMED,
    event=Renamed(name="Rob", nonce="n1"),
)  # fmt: skip


def test_in_a_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    """A star for what is done; a rename in the words of the entry, as arrivals are."""
    for message in WAVES, RENAMED:
        TextPrinter().message("lobby", message)
    assert "* Bob waves\n    and goes\nBob: is now known as Rob\n" == capsys.readouterr().out


def test_in_a_log_nobody_can_do_what_looks_like_an_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There a star means that nobody said it."""
    for message in LEAVES, RENAMED:
        LogPrinter().message("lobby", message)
    assert ["Bob: /me has left the chat", "* Bob is now known as Rob"] == (
        capsys.readouterr().out.splitlines()
    )


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """As fields, which are absent where there is nothing to tell."""
    for message in WAVES, RENAMED:
        JsonPrinter().message("lobby", message)
    waves, renamed = map(json.loads, capsys.readouterr().out.splitlines())
    assert (True, 3) == (waves["action"], waves["in_reply_to"])
    assert ("renamed", "Rob", "n1") == (renamed["kind"], renamed["renamed"], renamed["nonce"])
    assert {"action", "in_reply_to"}.isdisjoint(renamed)
