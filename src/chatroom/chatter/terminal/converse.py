"""A chat in a terminal, from the questions to what is said of its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chatroom.chatter.endings import closing_line, unconfirmed
from chatroom.chatter.failures import complain
from chatroom.chatter.safe_text import message_line
from chatroom.chatter.screen import show
from chatroom.chatter.terminal.look import Look
from chatroom.chatter.terminal.questions import admitted
from chatroom.client import RoomClosed
from chatroom.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatter.settings import Settings
    from chatroom.chatter.terminal.visit import Visit
    from chatroom.client import Chat

RECENT_LINES = 100
LAST_LINES = 5
"""Shown again below the questions when the chat ended by itself: why, and after what."""


async def converse(
    chat: Chat,
    room_id: str | None,
    name: str | None,
    history: int | None,
    settings: Settings,
    others: Sequence[str] = (),
) -> int:
    """Ask for the room and the name tag that are not given, chat, and say how it ended.

    `history` is how many earlier messages are shown first (None: as the server will). The
    `others` are rooms to open beside that one; what goes wrong with them is told there.
    The exit code: 0 after leaving, or when the room was closed; 1 if not all that was said
    is known to be stored; 130 when interrupted.
    Raises Failure, or the ChatError that ended the membership otherwise.
    """
    look = Look.of(settings)
    log = None
    if look.log:
        from chatroom.chatter.terminal.log import Log

        log = Log(look.log)
    # A program in a terminal that asks where the cursor is may get no answer.
    os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
    room = await admitted(chat, room_id, name, history)
    # Only now: importing the screen takes longer than anything else here.
    from chatroom.chatter.terminal.actions import Actions
    from chatroom.chatter.terminal.keys import bindings

    actions = Actions(chat, look, settings)
    actions.screen.log = log
    actions.screen.application.key_bindings = bindings(actions)
    code = await actions.run(room, others, history)
    if log is not None:
        log.close()
    visit, unsaid = actions.journey.here, actions.journey.unsaid
    if visit.failure is not None:
        _show_last(visit)
    elif code in (0, INTERRUPTED):
        actions.screen.leave_rows()
    if unsaid:
        complain(unconfirmed(len(unsaid)))
        for line in unsaid:
            show(message_line(line.name, line.text))
    if isinstance(visit.failure, RoomClosed):
        show(closing_line(visit.room.room_id, visit.failure))
    elif visit.failure is not None and not code:
        raise visit.failure
    return code or (1 if unsaid else 0)


def _show_last(visit: Visit) -> None:
    """Print the last of what the room said; notices of this program are over with it."""
    recent = reversed(visit.scrollback.newest(RECENT_LINES))
    lines = [line for line in recent if line.name or line.sequence][-LAST_LINES:]
    for line in lines:
        show(message_line(line.name, line.text) if line.name else line.text)
