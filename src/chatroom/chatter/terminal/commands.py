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
    least: int = 0
    """How many have to."""
    takes: str = ""
    """What the first of them is: "room" or "name", for completing it."""


WORDS = 4_096
"""In a name and a reason there are fewer."""

COMMANDS = (
    Command("help", "/help [COMMAND]", "what can be typed here", most=1),
    Command("me", "/me TEXT", "say what you do: * Bob waves", WORDS, 1),
    Command("nick", "/nick NAME", "take another name in this room", 32, 1),
    Command("who", "/who", "who is in the room"),
    Command("rooms", "/rooms", "the rooms of this server"),
    Command(
        "join", "/join ROOM [NAME]", "go to another room, perhaps under another name", most=33,
        takes="room",
    ),
    Command(
        "history", "/history [N]", "N earlier messages, 100 when not said; also Page Up", most=1
    ),
    Command(
        "search", '/search WORDS', 'what was said with all of them; "a phrase", from:NAME', WORDS, 1
    ),
    Command("quit", "/quit", "leave; so does Ctrl-D"),
)  # fmt: skip
FOR_MODERATORS = (
    Command(
        "mute", "/mute NAME [REASON]", "let somebody read, and not speak", WORDS, 1, "name"
    ),
    Command("unmute", "/unmute NAME", "let them speak again", WORDS, 1, "name"),
    Command(
        "remove", "/remove NAME [REASON]", "send somebody out, who may come back", WORDS, 1, "name"
    ),
    Command(
        "ban", "/ban NAME [TIME] [REASON]", "send them out, and keep them out (for 8h, 7d)", WORDS,
        1, "name",
    ),
    Command(
        "withdraw", "/withdraw NAME", "delete what they said last; #120: the message 120", WORDS, 1,
        "name",
    ),
    Command("invite", "/invite [N] [TIME]", "a link for N people, valid for so long", most=2),
    Command("title", "/title TEXT", "what the room is about", WORDS, 1),
    Command("close", "/close", "let no newcomers in but the invited"),
    Command("open", "/open", "let newcomers in again"),
)  # fmt: skip
"""The server says who may."""
EVERY = COMMANDS + FOR_MODERATORS
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

    A text of several lines, which may have been pasted, is said as it is. Raises NotACommand.
    """
    if not text.startswith("/") or "\n" in text:
        return text
    if text.startswith("//"):
        return text[1:]
    word, *words = text[1:].split() or [""]
    for command in EVERY:
        if command.word == word.casefold():
            if len(words) > command.most:
                raise NotACommand(f"too many words: {command.usage}")
            if len(words) < command.least:
                raise NotACommand(f"something is missing: {command.usage}")
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


def help_lines(words: tuple[str, ...] = ()) -> list[str]:
    """What /help shows: of everything, or of one command. Raises NotACommand."""
    if words:
        wanted = words[0].removeprefix("/").casefold()
        found = [command for command in EVERY if command.word == wanted]
        if not found:
            raise NotACommand(f"there is no command /{one_line(wanted)}; /help lists them")
        return [f"{command.usage}  {command.does}" for command in found]
    width = max(len(words) for words in (*(command.usage for command in COMMANDS), *dict(KEYS)))
    lines = [f"{command.usage:<{width}}  {command.does}" for command in COMMANDS]
    usages = ", ".join(command.usage for command in FOR_MODERATORS)
    lines.append(f"for moderators: {usages}")
    return lines + [f"{key:<{width}}  {does}" for key, does in KEYS]
