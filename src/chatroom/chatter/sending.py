"""Saying something from a script: in and out of a room, done when it is stored."""

from __future__ import annotations

import asyncio
from typing import IO, TYPE_CHECKING

from chatroom.chatter import json_lines
from chatroom.chatter.decoding import NotText, decoded, input_encoding
from chatroom.chatter.failures import Failure, complain
from chatroom.chatter.lines import LINE_BYTES, LineSkipped
from chatroom.chatter.screen import drained, show
from chatroom.chatter.talk import told_unsaid
from chatroom.chatter.turns import in_turn
from chatroom.client import ChatError, Kind, NotAccepted

if TYPE_CHECKING:
    from chatroom.chatter.lines import Lines
    from chatroom.client import Chat, Message, Posted, Room

LOOK_BACK = 1000
"""Among so many of the newest entries a message of the same nonce is looked for."""
UNCONFIRMED = 64
"""Lines that may wait to be told of as stored."""


async def send(
    chat: Chat, room_id: str, name: str, text: str, *, nonce: str, as_json: bool
) -> None:
    """Say one thing and leave, once it is stored; a name in use is waited for.

    A nonce belongs to a session, which ends with the process: so with one given the
    newest entries are looked through first. As long as one is in the room nobody else
    has the name, and so nobody else can be saying the same. Raises ChatError, Failure.
    """
    stored: Message | None = None
    try:
        async with in_turn(chat, room_id, name) as room:
            if nonce:
                stored = await _said_before(chat, room, nonce)
            if stored is None:
                stored = await room.send(text, nonce=nonce)
            if as_json:
                show(json_lines.line(json_lines.message_object(room_id, stored)))
    except ChatError:
        if stored is None:  # else only leaving went wrong
            raise


async def _said_before(chat: Chat, room: Room, nonce: str) -> Message | None:
    """What this name has said under the nonce, if it is among the newest entries."""
    before: int | None = None
    seen = 0
    while seen < LOOK_BACK:
        page = await chat.history(room.room_id, before=before, page_size=LOOK_BACK - seen)
        for entry in reversed(page.messages):
            if (entry.kind, entry.name, entry.nonce) == (Kind.SAID, room.name, nonce):
                return entry
        if not page.messages or not page.more:
            break
        seen += len(page.messages)
        before = page.messages[0].sequence
    return None


async def send_lines(chat: Chat, room_id: str, name: str, lines: Lines, *, as_json: bool) -> int:
    """Say each line as a message and leave, once all are stored; the exit code.

    1 if a line was not accepted: the others are said all the same. A name in use is
    waited for. Raises ChatError, Failure.
    """
    async with in_turn(chat, room_id, name) as room:
        return await Lector(room, lines, as_json=as_json).read()


class Lector:
    """Reads lines out in a room, and hears for each whether it was stored."""

    def __init__(self, room: Room, lines: Lines, *, as_json: bool) -> None:
        self._room = room
        self._lines = lines
        self._as_json = as_json
        self._refused = False
        self._posted: asyncio.Queue[tuple[int, Posted] | None] = asyncio.Queue(UNCONFIRMED)

    async def read(self) -> int:
        """Read to the end; the exit code. Raises the ChatError that comes between."""
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen())
                group.create_task(self._speak())
                await self._confirm()
                listening.cancel()
        except ExceptionGroup as failed:
            told_unsaid(self._room, self._lines)
            raise failed.exceptions[0] from None
        return 1 if self._refused else 0

    async def _listen(self) -> None:
        """Hear how the membership ends; what others say is of no interest."""
        async for _ in self._room:
            pass

    async def _speak(self) -> None:
        number = 0
        while True:
            number += 1
            try:
                line = await self._lines.next()
            except LineSkipped as error:
                self._refuse(number, str(error))
                continue
            if line is None:
                break
            if line.strip():
                await self._posted.put((number, await self._room.post(line)))
        await self._posted.put(None)

    async def _confirm(self) -> None:
        while (item := await self._posted.get()) is not None:
            number, posted = item
            try:
                stored = await posted.stored()
            except NotAccepted as error:
                self._refuse(number, str(error))
                continue
            if self._as_json:
                show(json_lines.line(json_lines.message_object(self._room.room_id, stored)))
                await drained()

    def _refuse(self, number: int, sentence: str) -> None:
        self._refused = True
        complain(f"line {number}: {sentence}")


def whole(binary: IO[bytes] | None) -> str:
    """Everything that can be read, as one message without the ends of its last lines.

    Raises Failure for nothing, for more than a line of the pipe may have, and for what
    cannot be read.
    """
    try:
        data = binary.read(LINE_BYTES + 1) if binary else b""
    except OSError as error:
        raise Failure(f"cannot read standard input: {error.strerror or error}") from None
    if len(data) > LINE_BYTES:
        raise Failure(
            f"a message of more than {LINE_BYTES} bytes is too long; --lines sends each line"
        )
    try:
        text = decoded(data, input_encoding())
    except NotText as error:
        raise Failure(f"not said: {error}") from None
    text = text.replace("\r\n", "\n").rstrip("\n")
    if not text.strip():
        raise Failure("there is nothing to say: the input is empty")
    return text
