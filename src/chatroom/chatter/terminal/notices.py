"""How the terminal tells somebody who does not look: by its bell, and by notifications."""

from __future__ import annotations

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.lines import cut

BELL = "\a"
SHOWN = 200
"""Characters of a notification; desktops show about as many."""


def alarm(ways: tuple[str, ...], room: str, name: str, text: str, *, in_tmux: bool) -> str:
    """What is sent to the terminal when somebody mentions the person.

    OSC 9 is iTerm2's (also of Windows Terminal, WezTerm, ghostty, kitty), OSC 777 urxvt's (foot,
    WezTerm, ghostty, VTE). tmux hands them on if it is told to (`allow-passthrough`).
    """
    said = _plain(f"{name}: {text}")
    forms = {
        "bell": BELL,
        "osc9": f"\x1b]9;{_plain(room)}: {said}\x1b\\",
        "osc777": f"\x1b]777;notify;{_plain(room)};{said}\x1b\\",
    }
    sent = [forms[way] for way in ways if way in forms]
    return "".join(_through_tmux(each) if in_tmux and each != BELL else each for each in sent)


def _plain(text: str) -> str:
    """On one line, without what separates the parts of a notification."""
    return cut(one_line(text).replace(";", ","), SHOWN)


def _through_tmux(sequence: str) -> str:
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
