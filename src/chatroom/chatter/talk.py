"""Inside a room: what comes is printed, what is typed is sent, both at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from chatroom.chatter.endings import closing_line, unconfirmed
from chatroom.chatter.failures import complain
from chatroom.chatter.lines import LineTooLong
from chatroom.chatter.safe_text import message_line, one_line
from chatroom.chatter.screen import show
from chatroom.client import ChatError, Kind, RoomClosed

if TYPE_CHECKING:
    from chatroom.chatter.lines import Lines
    from chatroom.client import Message, Room


ABOUT_THE_CONNECTION = frozenset({Kind.CONNECTION_LOST, Kind.CONNECTED, Kind.GAP})


async def talk(room: Room, lines: Lines) -> int:
    """Talk until the room, the input or the membership ends; the exit code.

    The end of input leaves the room, after everything sent has been stored. 0: left,
    or the room was closed. 1: input that is not typed by a person had a line that was
    not accepted, or not said before the room was closed. Raises the ChatError that
    ended the membership otherwise; a connection that is lost and got back is only told.
    """
    conversation = Conversation(room, lines)
    listening = asyncio.create_task(conversation.listen())
    speaking = asyncio.create_task(conversation.speak())
    try:
        await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            speaking.result()  # the input has ended, or a bug is to be seen
        await listening
    except RoomClosed as closed:
        show(closing_line(room.room_id, closed))
        return _told_unsaid(room, lines)
    except (ChatError, asyncio.CancelledError):
        _told_unsaid(room, lines)
        raise
    finally:
        listening.cancel()
        speaking.cancel()
        await asyncio.gather(listening, speaking, return_exceptions=True)
    return 1 if conversation.unsaid and not lines.interactive else 0


class Conversation:
    """The two parts of talking, and how many lines could not be said."""

    def __init__(self, room: Room, lines: Lines) -> None:
        self.unsaid = 0
        self._arrived = False
        self._room = room
        self._lines = lines

    async def listen(self) -> None:
        """Print every message until the membership ends."""
        async for message in self._room:
            if message.kind is Kind.DRAINING:
                continue  # the end of the stream says it
            if message.kind in ABOUT_THE_CONNECTION:
                complain(one_line(message.text))
                continue
            if not self._arrived and self._is_own_arrival(message):
                self._arrived = True
                continue  # as in the documented dialogue: one knows that one has entered
            show(message_line(message.name, message.text))
            self.unsaid += message.kind is Kind.REFUSED

    def _is_own_arrival(self, message: Message) -> bool:
        return message.kind is Kind.ENTERED and message.name == self._room.name

    async def speak(self) -> None:
        """Send every line, then leave.

        Nothing is sent during the replay, so that what is said stands below it.
        """
        await self._room.wait_live()
        with suppress(ChatError):  # listening to the room says how it ended
            while (line := await self._line()) is not None:
                if line.strip():
                    await self._room.post(line)
        await self._room.leave()

    async def _line(self) -> str | None:
        while True:
            try:
                return await self._lines.next()
            except LineTooLong as error:
                complain(str(error))
                self.unsaid += 1


def _told_unsaid(room: Room, lines: Lines) -> int:
    """Tell of what may not have been said; the exit code that it makes."""
    if room.unacknowledged:
        complain(unconfirmed(room.unacknowledged))
    if lines.waiting:
        complain("more lines were read, and not said any more")
    unsaid = room.unacknowledged or lines.waiting
    return 1 if unsaid and not lines.interactive else 0
