"""The questions before a chat, in a terminal: which room, and which name tag."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from chatroom.chatter.bearer import may_name
from chatroom.chatter.decoding import NotText, check_decoded, input_encoding
from chatroom.chatter.failures import Failure, complain
from chatroom.chatter.running import sentence_of
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import show
from chatroom.chatter.terminal.early import shown_early
from chatroom.client import NameInvalid, NameTaken, RoomNotFound

if TYPE_CHECKING:
    from chatroom.client import Chat, Room

PICK = "Pick a room: "
NAME = "Enter a Name Tag: "


async def admitted(
    chat: Chat, room_id: str | None, name: str | None, history: int | None = None
) -> Room:
    """Ask for what is not given, and join. Raises Failure, ChatError, KeyboardInterrupt.

    What was asked for is asked for again when the server refuses it; so is a name that was
    given, as it may be one's own that a lost terminal has left in the room for 15 s. A name is
    asked for if the token has none.
    """
    room, proposal = room_id, ""
    unnamed = not name and may_name(chat)
    while True:
        room = room or await pick_room(chat)
        name_tag = "" if unnamed else name or await ask_name(proposal)
        if not unnamed:
            show("Joining room")
        try:
            joining = chat.join(room, name_tag, history=history, echo=True, typing=True)
            return await _join(joining)
        except (NameTaken, NameInvalid) as refusal:
            if unnamed and isinstance(refusal, NameInvalid):
                unnamed = False
                continue
            if unnamed:
                raise
            complain(sentence_of(refusal))
            name = None
            proposal = one_line(refusal.free) if isinstance(refusal, NameTaken) else name_tag
        except RoomNotFound as refusal:
            if room_id:
                raise
            complain(sentence_of(refusal))
            room = None


async def _join(room: Room) -> Room:
    """Enter the room, and import the screen meanwhile."""
    entering = asyncio.create_task(room.__aenter__())
    try:
        await asyncio.sleep(0)
        importlib.import_module("chatroom.chatter.terminal.actions")
        return await entering
    except asyncio.CancelledError:
        entering.cancel()
        await asyncio.wait({entering})
        raise


async def pick_room(chat: Chat) -> str:
    """List the rooms and let one be picked. Raises Failure, ChatError."""
    rooms = await chat.rooms()
    if not rooms:
        raise Failure("there are no rooms yet; create one with: chatter create")
    show("Chat rooms:")
    lines = [f"[{number}]: {one_line(room.room_id)}" for number, room in enumerate(rooms, 1)]
    with shown_early("\n".join([*lines, PICK]), "chatroom.chatter.terminal.picker"):
        from chatroom.chatter.terminal.picker import Picker

        try:
            return await Picker(rooms, PICK).answer()
        except EOFError:
            raise Failure("no answer: the input has ended") from None


async def ask_name(proposal: str = "") -> str:
    """The answer to a question. Raises Failure when input ends instead."""
    with shown_early(NAME, "chatroom.chatter.terminal.question"):
        from chatroom.chatter.terminal.question import Question

        while True:
            try:
                answer = await Question(NAME, proposal).answer()
                check_decoded(answer, input_encoding())
            except EOFError:
                raise Failure("no answer: the input has ended") from None
            except NotText as error:
                complain(str(error))
                continue
            return answer
