"""What can be typed with a slash before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.other_words import ALIASES, not_here

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its word, how it is used, and what it does."""

    word: str
    usage: str
    does: str
    most: int = 0
    """How many words may follow it."""
    least: int = 0
    """How many have to."""
    takes: str = ""
    """What the first of them is: "room", "open" (a room) or "name", for completing it."""


WORDS = 4_096
"""In a name and a reason there are fewer."""

COMMANDS = (
    Command("help", "/help [COMMAND]", "what can be typed here", most=1),
    Command("me", "/me TEXT", "say what you do: * Bob waves", WORDS, 1),
    Command(
        "reply", "/reply NAME TEXT", "answer what they said last; Alt-R picks", WORDS, 2, "name"
    ),
    Command("nick", "/nick NAME", "take another name in this room", 32, 1),
    Command("who", "/who", "who is in the room"),
    Command("rooms", "/rooms", "the rooms of this server"),
    Command(
        "join", "/join ROOM [NAME]", "open a room, or turn to it", most=33,
        takes="room",
    ),
    Command(
        "turn", "/turn N", "turn to room N of the bar; so does Alt-N", 1, 1, "open"
    ),
    Command("leave", "/leave", "leave this room; the last ends chatter"),
    Command(
        "history", "/history [N]", "N earlier messages; so does Page Up", most=1
    ),
    Command("find", "/find TEXT", "where it is shown here; Ctrl-R: older", WORDS, 1),
    Command(
        "search", '/search WORDS', "what was said here with these words", WORDS, 1
    ),
    Command("clear", "/clear", "forget what is shown of this room"),
    Command("ignore", "/ignore [NAME]", "hear no more from somebody; who it is", WORDS, 0, "name"),
    Command("unignore", "/unignore NAME", "hear from them again", WORDS, 1, "name"),
    Command("urls", "/urls [N]", "the newest links said here, numbered", most=1),
    Command("mouse", "/mouse [on|off]", "the wheel; hold Shift to select text", 1),
    Command("settings", "/settings", "how all is set, and where that is said"),
    Command("quit", "/quit", "leave all rooms; so does Ctrl-D"),
)  # fmt: skip
FOR_MODERATORS = (
    Command(
        "mute", "/mute NAME [REASON]", "let somebody only read", WORDS, 1, "name"
    ),
    Command("unmute", "/unmute NAME", "let them speak again", WORDS, 1, "name"),
    Command(
        "remove", "/remove NAME [REASON]", "send somebody out", WORDS, 1, "name"
    ),
    Command(
        "ban", "/ban NAME [TIME] [REASON]", "keep them out, for 8h, 7d", WORDS,
        1, "name",
    ),
    Command("unban", "/unban NAME", "let them come again", WORDS, 1),
    Command("bans", "/bans", "who is kept out of this room"),
    Command(
        "withdraw", "/withdraw NAME", "delete what they said last", WORDS, 1,
        "name",
    ),
    Command("invite", "/invite [N] [TIME]", "a link for N people", most=2),
    Command("title", "/title [TEXT]", "say what the room is about", WORDS),
    Command("close", "/close", "let in the invited only"),
    Command("open", "/open", "let newcomers in; N: see a link", most=1),
)  # fmt: skip
"""The server says who may."""
EVERY = COMMANDS + FOR_MODERATORS
KEYS = (
    ("Page Up, Page Down", "look back, and forward again"),
    ("Esc", "look at the newest"),
    ("Ctrl-R, Ctrl-S", "what was found: older, newer"),
    ("Alt-R", "pick what to answer: Up, Down, Esc"),
    ("Alt-1 … Alt-9", "turn to the room of that number"),
    ("Alt-Left, Alt-Right", "turn to the room before, the next one"),
    ("Alt-A", "turn to where news are"),
    ("Up, Down", "what you typed before"),
    ("Tab", "complete a name or a command"),
    ("Alt-Enter", "a new line in the message"),
    ("Shift and the mouse", "select text; /mouse off: without"),
    ("Ctrl-C", "clear what is typed, else end"),
    ("Ctrl-D", "leave all rooms when all is stored"),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed, with the words after it."""

    command: Command
    words: tuple[str, ...]


class NotACommand(Exception):
    """Something with a slash that cannot be done; `str()` says what can."""


def parse(text: str) -> Typed | str:
    """A command, or the text to say: one that begins with `//` is said with one slash.

    A text of several lines, which may have been pasted, is said as it is. Raises NotACommand.
    """
    if not text.startswith("/") or "\n" in text:
        return text
    if text.startswith("//"):
        return text[1:]
    word, *words = text[1:].split() or [""]
    command = named(word)
    if command is None:
        raise _unknown(word)
    if len(words) > command.most:
        raise NotACommand(f"too many words: {command.usage}")
    if len(words) < command.least:
        raise NotACommand(f"something is missing: {command.usage}")
    return Typed(command, tuple(words))


def named(word: str) -> Command | None:
    """The command of this word, which may be that of another chat, in any case."""
    word = word.casefold()
    word = ALIASES.get(word, word)
    return next((command for command in EVERY if command.word == word), None)


def _unknown(word: str) -> NotACommand:
    return NotACommand(not_here(word, [command.word for command in EVERY]))


def number(words: tuple[str, ...], default: int, most: int) -> int:
    """The number after a command. Raises NotACommand."""
    if not words:
        return default
    if words[0].isascii() and words[0].isdigit() and 1 <= int(words[0][:9]) <= most:
        return int(words[0][:9])
    raise NotACommand(f"{one_line(words[0])} is not a number from 1 to {most}")


def help_lines(words: tuple[str, ...] = (), *, aligned: bool = True) -> list[str]:
    """What /help shows: all commands, one, or the keys. Raises NotACommand.

    Not `aligned` where rows are too short for two columns.
    """
    if words:
        wanted = words[0].removeprefix("/").casefold()
        if wanted == "keys":
            return _table(KEYS, aligned=aligned)
        if wanted == "moderators":
            table = ((command.usage, command.does) for command in FOR_MODERATORS)
            return _table(table, aligned=aligned)
        command = named(wanted)
        if command is None:
            raise _unknown(wanted)
        return [f"{command.usage}  {command.does}"]
    shown = _table(((command.usage, command.does) for command in COMMANDS), aligned=aligned)
    return [*shown, "also: /help keys, /help moderators, /help COMMAND"]


def _table(rows: Iterable[tuple[str, str]], *, aligned: bool) -> list[str]:
    rows = list(rows)
    width = max(len(what) for what, _ in rows) if aligned else 0
    return [f"{what:<{width}}  {does}" for what, does in rows]
