"""What can be typed with a slash before it."""

from __future__ import annotations

from dataclasses import dataclass

from chatroom.chatter.safe_text import one_line


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its word, how it is used, and what it does."""

    word: str
    usage: str
    does: str
    most: int = 0
    """How many words may follow it."""


COMMANDS = (
    Command("help", "/help", "what can be typed here", most=1),
    Command("who", "/who", "who is in the room"),
    Command("rooms", "/rooms", "the rooms of this server"),
    Command("join", "/join ROOM [NAME]", "go to another room, perhaps under another name", most=33),
    Command(
        "history", "/history [N]", "N earlier messages, 100 when not said; also Page Up", most=1
    ),
    Command("quit", "/quit", "leave; so does Ctrl-D"),
)
KEYS = (
    ("Page Up, Page Down", "look back, and forward again; Esc: to the newest"),
    ("Up, Down", "what you typed before"),
    ("Tab", "complete a name or a command"),
    ("Alt-Enter", "a new line in the message"),
    ("Ctrl-C", "clear what is typed; with nothing typed: end"),
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

    Raises NotACommand.
    """
    if not text.startswith("/"):
        return text
    if text.startswith("//"):
        return text[1:]
    word, *words = text[1:].split() or [""]
    for command in COMMANDS:
        if command.word == word.casefold():
            if len(words) > command.most:
                raise NotACommand(f"too many words: {command.usage}")
            return Typed(command, tuple(words))
    raise NotACommand(
        f"there is no command /{one_line(word)}; /help lists them, and // says a text that begins"
        " with a slash"
    )


def number(words: tuple[str, ...], default: int, most: int) -> int:
    """The number after a command. Raises NotACommand."""
    if not words:
        return default
    if words[0].isascii() and words[0].isdigit() and 1 <= int(words[0][:9]) <= most:
        return int(words[0][:9])
    raise NotACommand(f"{one_line(words[0])} is not a number from 1 to {most}")


def help_lines() -> list[str]:
    """What /help shows."""
    width = max(len(words) for words in (*(command.usage for command in COMMANDS), *dict(KEYS)))
    lines = [f"{command.usage:<{width}}  {command.does}" for command in COMMANDS]
    return lines + [f"{key:<{width}}  {does}" for key, does in KEYS]
