"""Which interface a conversation gets: the full screen, or lines."""

from __future__ import annotations

import os

from chatroom.chatter import screen


def full_screen(*, plain: bool, as_json: bool, input_is_terminal: bool) -> bool:
    """Whether a person sits at a terminal that can show a screen, and did not ask for lines."""
    if plain or as_json:
        return False
    return (
        input_is_terminal
        and screen.is_terminal()
        and os.environ.get("TERM", "") not in ("", "dumb")
    )
