"""What somebody does, and who is called what, as lines for people and for programs."""

from __future__ import annotations

import asyncio
import json

import pytest

from chatroom.chatter.printing import JsonPrinter, LogPrinter, SaidOnly, TextPrinter
from chatroom.client import Gap, Kind, Message, Renamed, Withdrawn, connect

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
    assert "* Bob (re #3) waves\n    and goes\nBob: is now known as Rob\n" == (
        capsys.readouterr().out
    )


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


SAID = Message(name="Ann: x", text="tea\nor " + "👩\u200d💻" * 50, sequence=3)
ANSWER = Message(name="Bob", text="tea", sequence=4, in_reply_to=3)


@pytest.mark.parametrize("printer", [TextPrinter, LogPrinter])
def test_an_answer_quotes_the_first_words(printer, capsys: pytest.CaptureFixture[str]) -> None:
    """By whole clusters; by its number, if it was not printed, or is of another room."""
    printed = printer()
    printed.message("lobby", SAID)
    capsys.readouterr()
    for room in "lobby", "ops":
        printed.message(room, ANSWER)
    quoted = "Ann: x: tea or " + "👩\u200d💻" * 33 + "…"
    assert f"Bob: (re {quoted}) tea\nBob: (re #3) tea\n" == capsys.readouterr().out


def test_what_is_withdrawn_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is what had its number before the room began anew."""
    withdrawn = Message(
        name="chat server", text="a message of Ann was withdrawn", sequence=5,
        kind=Kind.WITHDRAWN, event=Withdrawn(sequence=3),
    )  # fmt: skip
    anew = Message(name="", text="messages are missing", kind=Kind.GAP, event=Gap(missed=None))
    for event in withdrawn, anew:
        printed = TextPrinter()
        for message in SAID, event, ANSWER:
            printed.message("lobby", message)
        assert "Bob: (re #3) tea" == capsys.readouterr().out.splitlines()[-1]


def test_only_what_was_said_is_printed_and_all_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer to what is not shown is still one to what a person knows."""
    printed = SaidOnly(TextPrinter())
    printed.heard("lobby", SAID)
    printed.message("lobby", ANSWER)
    assert capsys.readouterr().out.startswith("Bob: (re Ann: x: tea or ")


def test_an_answer_to_what_was_said_here(server, chatter, piped) -> None:
    """A conversation does not print what it says itself, and knows it when it is answered."""
    room = chatter("create", "--host", server).stdout.strip()

    async def answer() -> None:
        async with connect(server) as chat, chat.join(room, "Ann", history=5) as ann:
            said = await anext(message async for message in ann if message.text == "tea?")
            await ann.send("yes", in_reply_to=said.sequence)

    with piped("--room", room, "--name", "Bob", "--host", server) as bob:
        bob.say("tea?\n")
        asyncio.run(answer())
        bob.hear("Ann: (re Bob: tea?) yes\n")
        assert b"\nBob: " not in bob.shown
