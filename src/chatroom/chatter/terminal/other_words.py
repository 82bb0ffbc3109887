"""Words of IRC and other chats: which command each is here, or what there is instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection

ALIASES = {
    "?": "help", "h": "help", "commands": "help",
    "action": "me",
    "name": "nick",
    "names": "who", "n": "who", "w": "who", "nicklist": "who", "members": "who", "users": "who",
    "list": "rooms", "channels": "rooms",
    "j": "join",
    "part": "leave",
    "buffer": "turn", "b": "turn", "window": "turn", "win": "turn",
    "set": "settings", "config": "settings",
    "lastlog": "search", "grep": "search",
    "scrollback": "history", "backlog": "history",
    "cls": "clear",
    "block": "ignore", "unblock": "unignore",
    "links": "urls", "url": "urls",
    "exit": "quit", "bye": "quit", "signoff": "quit",
    "topic": "title",
    "kick": "remove",
    "kickban": "ban", "kb": "ban",
    "devoice": "mute", "voice": "unmute",
}  # fmt: skip
"""The command of each. Tab completes what follows it in the same way."""

_PRIVATE = (
    "there are no private messages: everybody in a room reads what is said there;"
    " chatter create --private makes a room for two"
)
_MODERATOR = "chatter moderator ROOM NAME makes somebody one, from a shell"
_FILE = "the configuration file says it, as it was at the start; /settings shows it"
_SERVER = "chatter --host HOST:PORT talks to another server"
INSTEAD = {
    **dict.fromkeys(("query", "msg", "dm", "tell", "whisper", "notice", "q"), _PRIVATE),
    **dict.fromkeys(("op", "deop", "ops"), _MODERATOR),
    **dict.fromkeys(("save", "reload", "bar"), _FILE),
    **dict.fromkeys(("hilight", "highlight", "beep", "notify"), f"your name rings: {_FILE}"),
    **dict.fromkeys(("server", "connect"), _SERVER),
    **dict.fromkeys(("bind", "key", "alias"), "keys are as they are; /help keys lists them"),
    **dict.fromkeys(("script", "load", "plugin", "exec"), "chatter --json is for programs"),
    **dict.fromkeys(("away", "back"), "nobody is told who is away"),
    "mode": "/help moderators lists what can be done with a room",
    "whois": "/who says who is in the room",
    "say": "what does not begin with a slash is said",
    "create": "chatter create ROOM makes a room, from a shell",
    "delete": "/withdraw NAME deletes a message, and chatter delete ROOM, from a shell, a room",
    "disconnect": "/quit leaves all rooms",
    "reconnect": "a lost connection is tried again by itself, and at once with Enter",
    "ping": "below the messages is how long the server takes to answer",
    "log": "chatter --log FILE writes what is said to a file",
    "version": "chatter --version says it, from a shell",
}
"""What is told of words that are no command here: a word is not said, nor is what follows it."""
MOST_SUGGESTED = 3
LIKE_ENOUGH = 0.6
"""Of difflib's ratio, from 0 to 1; its own default."""
LONGEST = 32
"""Characters of a word that are compared."""
SAYS_IT = "// says a text that begins with a slash"


def not_here(word: str, known: Collection[str]) -> str:
    """What to tell of a word that is no command, in any case: what there is in its place.

    `known` are the words of the commands. The word may be empty, or of any length.
    """
    there_is_no, word = f"there is no command /{one_line(word)}", word.casefold()
    if word in INSTEAD:
        return f"{there_is_no}: {INSTEAD[word]}"
    if near := _near(word, known):
        *others, last = (f"/{each}" for each in near)
        meant = f"{', '.join(others)} or {last}" if others else last
        return f"{there_is_no}; did you mean {meant}? {SAYS_IT}"
    return f"{there_is_no}; /help lists them, and {SAYS_IT}"


def _near(word: str, known: Collection[str]) -> list[str]:
    """The few that begin so; else the one that is most like it."""
    begun = [each for each in known if word and each.startswith(word)]
    if begun:
        return begun if len(begun) <= MOST_SUGGESTED else []
    import difflib  # only who mistypes pays for it

    words = [*known, *ALIASES]
    return difflib.get_close_matches(word[:LONGEST], words, 1, LIKE_ENOUGH)
