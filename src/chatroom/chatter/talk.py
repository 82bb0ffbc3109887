"""Inside a room: what comes is printed, what is typed is sent, both at once."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from chatroom.chatter.endings import unconfirmed
from chatroom.chatter.failures import complain
from chatroom.chatter.lines import LineSkipped
from chatroom.chatter.screen import drained
from chatroom.client import ChatError, Kind, Refused, RoomClosed

if TYPE_CHECKING:
    from chatroom.chatter.lines import Lines
    from chatroom.chatter.printing import Printer
    from chatroom.client import Message, Room


async def talk(room: Room, lines: Lines, printer: Printer, wait: float | None = None) -> int:
    """Talk until the room, the input or the membership ends; the exit code.

    The end of input leaves the room, after everything sent has been stored, and after
    `wait` seconds of listening if that is given. 0: left,
    or the room was closed. 1: input that is not typed by a person had a line that was
    not accepted, or not said before the room was closed. Raises the ChatError that
    ended the membership otherwise; a connection that is lost and got back is only told.
    """
    conversation = Conversation(room, lines, printer, wait)
    listening = asyncio.create_task(conversation.listen())
    speaking = asyncio.create_task(conversation.speak())
    try:
        await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            speaking.result()  # the input has ended, or a bug is to be seen
        await listening
    except RoomClosed as closed:
        printer.closed(room.room_id, closed)
        told = told_unsaid(room, lines)
        return 1 if told and not lines.interactive else 0
    except (ChatError, asyncio.CancelledError):
        told_unsaid(room, lines)
        raise
    finally:
        listening.cancel()
        speaking.cancel()
        await asyncio.gather(listening, speaking, return_exceptions=True)
    return 1 if conversation.unsaid and not lines.interactive else 0


class Conversation:
    """The two parts of talking, and how many lines could not be said."""

    def __init__(self, room: Room, lines: Lines, printer: Printer, wait: float | None) -> None:
        self.unsaid = 0
        self._arrived = False
        self._own: set[str] = set()
        """The nonces of what was said here and has not come yet."""
        self._room = room
        self._lines = lines
        self._printer = printer
        self._wait = wait

    async def listen(self) -> None:
        """Print every message until the membership ends, but what was said here."""
        async for message in self._room:
            if message.nonce in self._own and message.kind in (Kind.SAID, Kind.WITHDRAWN):
                self._own.discard(message.nonce)
                self._printer.heard(self._room.room_id, message)
                continue
            if isinstance(message.event, Refused):
                self.unsaid += 1
                self._own.discard(message.event.nonce)
            if self._printer.complete or not self._is_known(message):
                self._printer.message(self._room.room_id, message)
                await drained()

    def _is_known(self, message: Message) -> bool:
        """Whether a person knows it: that one has entered, as in the documented dialogue.

        That the server goes away is told by the end of the stream.
        """
        if not self._arrived and self._is_own_arrival(message):
            self._arrived = True
            return True
        return message.kind is Kind.DRAINING

    def _is_own_arrival(self, message: Message) -> bool:
        return message.kind is Kind.ENTERED and message.name == self._room.name

    async def speak(self) -> None:
        """Send every line, listen as long as was asked for, then leave.

        Nothing is sent during the replay, so that what is said stands below it.
        """
        await self._room.wait_live()
        with suppress(ChatError):  # listening to the room says how it ended
            while (line := await self._line()) is not None:
                if line.strip():
                    nonce = secrets.token_urlsafe(12)
                    if self._room.joined is not None:  # else nothing of it comes back
                        self._own.add(nonce)
                    await self._room.post(line, nonce=nonce)
            if self._wait is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait):
                        await asyncio.Event().wait()  # listening ends it, if anything does
        await self._room.leave()

    async def _line(self) -> str | None:
        while True:
            try:
                return await self._lines.next()
            except LineSkipped as error:
                complain(str(error))
                self.unsaid += 1


def told_unsaid(room: Room, lines: Lines) -> bool:
    """Tell of what may not have been said; whether there is any."""
    if room.unacknowledged:
        complain(unconfirmed(room.unacknowledged))
    if lines.waiting:
        complain("more lines were read, and not said any more")
    return bool(room.unacknowledged or lines.waiting)
