"""The questions before a chat: which room, and which name tag."""

from __future__ import annotations

import string
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatroom.chatter import json_lines
from chatroom.chatter.bearer import may_name
from chatroom.chatter.failures import Failure, complain
from chatroom.chatter.lines import LineSkipped
from chatroom.chatter.running import sentence_of
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import drained, show, write
from chatroom.chatter.talk import talk
from chatroom.client import NameInvalid, NameTaken, RoomNotFound

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from chatroom.chatter.kept_session import KeptSession
    from chatroom.chatter.lines import Lines
    from chatroom.chatter.printing import Printer
    from chatroom.client import Chat

PRIVATE_ID_CHARACTERS = 16
"""Private rooms are not listed, so an id at least this long is taken on trust; their
ids are 128 random bits."""
ID_ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")


async def chat_with(
    chat: Chat,
    lines: Lines,
    printer: Printer,
    *,
    room_id: str | None,
    name: str | None,
    history: int | None = None,
    wait: float | None = None,
    kept: KeptSession | None = None,
) -> int:
    """Ask for what is not given, join, and talk; the exit code. Raises Failure, ChatError.

    What was asked for is asked for again when the server refuses it. A name tag is asked for
    if the token has none. `history` is how
    many earlier messages are shown (None: as the server will have it), `wait` for how
    many seconds to listen after the end of input. Where nobody can be asked, a name that was
    given and is in use is waited for; `kept` has the place to take back, with a room and a name.
    """
    room, unnamed = room_id, not name and may_name(chat)
    hinted = lines.interactive or not room_id or bool(name)

    def told_of_waiting(taken: NameTaken) -> None:
        seconds = chat.patience.name
        complain(f"{sentence_of(taken)}; waiting {seconds:g} s at most (it may be one's own place)")

    patient = not lines.interactive and (unnamed or bool(name))
    while True:
        room = room or await pick_room(chat, lines)
        if unnamed:
            name_tag = ""
        else:
            if not hinted:
                complain("the first line is taken as the name tag; --name says it without a line")
                hinted = True
            name_tag = name or await ask(lines, "Enter a Name Tag: ")
            printer.joining()
        try:
            joining = chat.join(
                room,
                name_tag,
                history=history,
                echo=True,  # what was said here may be answered
                resume=kept.session if kept else None,
                when_taken=told_of_waiting if patient else None,
            )
            async with kept.entered(joining) if kept else joining as membership:
                if unnamed:
                    printer.joining()
                return await talk(membership, lines, printer, wait)
        except (NameTaken, NameInvalid) as refusal:
            if unnamed and isinstance(refusal, NameInvalid):
                unnamed = False
                continue
            if name or unnamed:
                raise
            complain(sentence_of(refusal))
        except RoomNotFound as refusal:
            if room_id:
                raise
            complain(sentence_of(refusal))
            room = None


@contextmanager
def holding(
    path: Path | None, chat: Chat, room_id: str | None, name: str | None
) -> Generator[KeptSession | None, None, None]:
    """The file of `--state`, if there is to be one. Raises Failure."""
    if path is None or not room_id or not name:
        yield None
        return
    from chatroom.chatter.kept_session import Whose, kept_session

    with kept_session(path, Whose(str(chat.address), room_id, name)) as kept:
        yield kept


async def create_room(
    chat: Chat, room_id: str | None, *, private: bool, as_json: bool = False
) -> str:
    """Create a room, say so in the original's words or as JSON, and return its id."""
    room = await chat.create_room(room_id, private=private)
    if as_json:
        show(json_lines.line(json_lines.room_object(room)))
    else:
        show(f"Chat room created: {one_line(room.room_id)}")
    return room.room_id


async def pick_room(chat: Chat, lines: Lines) -> str:
    """List the rooms and ask until one is picked. Raises Failure, ChatError."""
    room_ids = [room.room_id for room in await chat.rooms()]
    if not room_ids:
        raise Failure("there are no rooms yet; create one with: chatter create")
    show("Chat rooms:")
    for number, room_id in enumerate(room_ids, start=1):
        show(f"[{number}]: {one_line(room_id)}")
    while True:
        room = chosen(await ask(lines, "Pick a room: "), room_ids)
        if room is not None:
            return room
        numbers = "1" if len(room_ids) == 1 else f"1 to {len(room_ids)}"
        complain(f"there is no such room; type its number ({numbers}) or its id")


def chosen(answer: str, room_ids: list[str]) -> str | None:
    """The room id that an answer means: a number in the list, an id in it, a private id."""
    answer = answer.strip()
    if answer.isascii() and answer.isdigit() and 1 <= int(answer[:9]) <= len(room_ids):
        return room_ids[int(answer[:9]) - 1]
    if answer in room_ids or (
        len(answer) >= PRIVATE_ID_CHARACTERS and ID_ALPHABET.issuperset(answer)
    ):
        return answer
    return None


async def ask(lines: Lines, question: str) -> str:
    """The answer to a question. Raises Failure when input ends instead."""
    while True:
        write(question)
        await drained()
        try:
            answer = await lines.next()
        except LineSkipped as error:
            complain(str(error))
            continue
        if answer is None:
            if lines.interactive:
                show("")
            raise Failure("no answer: the input has ended")
        return answer
