"""What is made of a typed line, and what Tab offers: without a terminal."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from chatroom.chatter.terminal.commands import (
    EVERY,
    NotACommand,
    Typed,
    help_lines,
    number,
    parse,
)
from chatroom.chatter.terminal.completion import Words
from chatroom.chatter.terminal.other_words import ALIASES, INSTEAD

OF = {command.word: command for command in EVERY}
NAMES = ("Ann", "Anna Lee", "Bob")
ROOMS = ("lobby", "lab", "ops")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hello", "hello"),
        ("//help is a command", "/help is a command"),
        (" /help", " /help"),
        ("/WHO", Typed(OF["who"], ())),
        ("/join ops  Ann Lee", Typed(OF["join"], ("ops", "Ann", "Lee"))),
        ("/history 7", Typed(OF["history"], ("7",))),
    ],
)
def test_a_line_is_a_command_or_something_to_say(line: str, expected: Typed | str) -> None:
    assert expected == parse(line)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/", "there is no command /; /help lists them"),
        ("/Frobnicate me", "there is no command /Frobnicate; /help lists them"),
        ("/who is there", "too many words: /who"),
        ("/history 1 2", r"too many words: /history \[N\]"),
    ],
)
def test_a_command_that_there_is_not_is_told(line: str, sentence: str) -> None:
    """With what can be done instead; it is not said to the room."""
    with pytest.raises(NotACommand, match=sentence):
        parse(line)


def test_help_in_short_rows() -> None:
    """Without a second column there: it would be wrapped back below the first."""
    assert "/who  who is in the room" in help_lines(aligned=False)
    assert "/who               who is in the room" in help_lines()


def test_a_number_has_its_bounds() -> None:
    """Digits of other scripts are none, and nobody waits for a number of a million digits."""
    assert [100, 1, 500] == [number(words, 100, 500) for words in ((), ("1",), ("500",))]
    for word in ("0", "501", "-1", "x", "٣", "9" * 1_000_000):
        with pytest.raises(NotACommand, match="is not a number from 1 to 500"):
            number((word,), 100, 500)


def offered(line: str, *, refused: str = "", asked: bool = True) -> list[str]:
    """What the line would be with each of the words that are offered."""
    words = Words(lambda: NAMES, lambda: ROOMS)
    words.refused = refused
    event = CompleteEvent(completion_requested=asked, text_inserted=not asked)
    return [
        line[: len(line) + found.start_position] + found.text
        for found in words.get_completions(Document(line), event)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/h", ["/help ", "/history "]),
        ("/Q", ["/quit"]),
        ("/join l", ["/join lobby", "/join lab"]),
        ("/join ops A", []),
        ("/who A", []),
        ("/pa", ["/part"]),
        ("/kick a", ["/kick Ann", "/kick Anna Lee"]),
        ("a", ["Ann: ", "Anna Lee: "]),
        ("anna l", ["Anna Lee: "]),
        ("hi b", ["hi Bob "]),
        ("//b", []),
        ("hi x", []),
    ],
)
def test_words_are_completed(line: str, expected: list[str]) -> None:
    """Commands, rooms after /join, and names, to which one speaks at the beginning of a line.

    Words of other chats are offered only where no command begins so.
    """
    assert expected == offered(line)


def test_a_line_that_was_refused_is_completed_only_when_asked() -> None:
    """Else what is offered would stand over the reason."""
    assert [] == offered("/h", refused="/h", asked=False)
    assert ["/help ", "/history "] == offered("/h", refused="/h")
    assert ["/help ", "/history "] == offered("/h", refused="/j", asked=False)


@pytest.mark.parametrize(
    ("line", "word"),
    [("/part", "leave"), ("/Names", "who"), ("/kick Ann", "remove"), ("/j ops", "join")],
)
def test_a_word_of_another_chat_is_the_command_that_it_is_here(line: str, word: str) -> None:
    """So that fingers need not learn anew; what follows is the same."""
    assert Typed(OF[word], tuple(line.split()[1:])) == parse(line)


def test_every_word_of_another_chat_is_of_something() -> None:
    """None hides a command, or is both."""
    assert set() == set(ALIASES.values()) - OF.keys()
    assert set() == OF.keys() & (ALIASES.keys() | INSTEAD.keys())
    assert set() == ALIASES.keys() & INSTEAD.keys()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/msg Ann a secret", "/msg: there are no private messages"),
        ("/SAVE all", "/SAVE: the configuration file"),
        ("/hlep me", r"/hlep; did you mean /help\?"),
        ("/nmaes", r"/nmaes; did you mean /names\?"),
        ("/hist", r"/hist; did you mean /history\?"),
        ("/re Ann", r"/re; did you mean /reply or /remove\?"),
        ("/" + "x" * 4_000, "xx; /help lists them"),
    ],
)
def test_what_is_told_in_place_of_a_command(line: str, sentence: str) -> None:
    """What there is instead, or what was meant; nothing of it is said to the room."""
    with pytest.raises(NotACommand, match=sentence):
        parse(line)


def test_help_with_a_word_of_another_chat() -> None:
    """It is that of the command; or what there is instead."""
    assert help_lines(("leave",)) == help_lines(("/PART",))
    with pytest.raises(NotACommand, match="no private messages"):
        help_lines(("query",))
