"""The questions before a chat, in a terminal: which room, and which name tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession

from chatroom.chatter.failures import Failure, complain
from chatroom.chatter.running import sentence_of
from chatroom.chatter.screen import show
from chatroom.chatter.terminal.picker import pick
from chatroom.chatter.terminal.visit import Visit
from chatroom.client import NameInvalid, NameTaken, RoomNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.client import Chat


async def admitted(
    chat: Chat,
    room_id: str | None,
    name: str | None,
    *,
    changed: Callable[[], None],
    looked_at: Callable[[], bool],
) -> Visit:
    """Ask for what is not given, and join. Raises Failure, ChatError, KeyboardInterrupt.

    What was asked for is asked for again when the server refuses it.
    """
    room, proposal = room_id, ""
    while True:
        room = room or await pick_room(chat)
        name_tag = name or await ask("Enter a Name Tag: ", proposal)
        show("Joining room")
        try:
            return await Visit.enter(chat, room, name_tag, changed=changed, looked_at=looked_at)
        except (NameTaken, NameInvalid) as refusal:
            if name:
                raise
            complain(sentence_of(refusal))
            proposal = refusal.free if isinstance(refusal, NameTaken) else name_tag
        except RoomNotFound as refusal:
            if room_id:
                raise
            complain(sentence_of(refusal))
            room = None


async def pick_room(chat: Chat) -> str:
    """List the rooms and let one be picked. Raises Failure, ChatError."""
    rooms = await chat.rooms()
    if not rooms:
        raise Failure("there are no rooms yet; create one with: chatter create")
    show("Chat rooms:")
    try:
        return await pick(rooms)
    except EOFError:
        raise Failure("no answer: the input has ended") from None


async def ask(question: str, proposal: str = "") -> str:
    """The answer to a question. Raises Failure when input ends instead."""
    prompt: PromptSession[str] = PromptSession(question)
    try:
        return await prompt.prompt_async(default=proposal)
    except EOFError:
        raise Failure("no answer: the input has ended") from None
