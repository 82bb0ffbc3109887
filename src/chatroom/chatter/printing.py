"""How what happens in rooms is printed: as lines for people, or as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chatroom.chatter import json_lines
from chatroom.chatter.endings import closing_line
from chatroom.chatter.failures import complain, remark
from chatroom.chatter.local_time import written
from chatroom.chatter.passages import passage
from chatroom.chatter.quotes import Quotes
from chatroom.chatter.safe_text import action_line, message_line, one_line
from chatroom.chatter.screen import show
from chatroom.client import Closed, Kind, Message

if TYPE_CHECKING:
    from chatroom.client import RoomClosed

ABOUT_THE_CONNECTION = frozenset({Kind.CONNECTION_LOST, Kind.CONNECTED, Kind.GAP})

TROUBLE = ABOUT_THE_CONNECTION | {Kind.DAMAGED}


class Printer(Protocol):
    """Prints what members and watchers of rooms come to know."""

    complete: bool
    """Whether it wants also what a person knows without being told."""

    def joining(self) -> None:
        """A room is about to be joined."""

    def message(self, room_id: str, message: Message) -> None:
        """Something is new, in a room or about the connection."""

    def heard(self, room_id: str, message: Message) -> None:
        """Something is known that is not to be printed, and may be answered."""

    def closed(self, room_id: str, closed: RoomClosed) -> None:
        """The room is deleted."""


class TextPrinter:
    """`name: text`, what is about the connection on standard error.

    With `times` the local time stands in front, with `rooms` the room in brackets.
    """

    complete = False

    def __init__(self, *, times: bool = False, rooms: bool = False) -> None:
        self._times = times
        self._rooms = rooms
        self._quotes = Quotes()

    def joining(self) -> None:
        show("Joining room")

    def message(self, room_id: str, message: Message) -> None:
        if message.kind in ABOUT_THE_CONNECTION:
            where = f"room {one_line(room_id)}: " if self._rooms and room_id else ""
            self.heard(room_id, message)
            complain(where + one_line(message.text))
            return
        front = f"{written(message.sent)}  " if self._times else ""
        if self._rooms:
            front += f"[{one_line(room_id)}] "
        show(front + self._line(message, self._quotes.before(room_id, message)))
        self.heard(room_id, message)

    def heard(self, room_id: str, message: Message) -> None:
        self._quotes.note(room_id, message)

    def closed(self, room_id: str, closed: RoomClosed) -> None:
        show(closing_line(room_id, closed))

    def _line(self, message: Message, quote: str) -> str:
        """What is printed of a message; what it answers stands before its text."""
        if message.kind is Kind.DAMAGED:
            return f"* {passage(message)}"
        if message.action:
            return action_line(message.name, quote + message.text)
        return message_line(message.name, quote + message.text)


class LogPrinter(TextPrinter):
    """As TextPrinter, but `* Bob has left the chat`, which nobody can say.

    In a conversation arrivals and departures have the original's words, which look like
    something that was said. What somebody does is `Bob: /me waves` here.
    """

    def _line(self, message: Message, quote: str) -> str:
        passed = passage(message)
        if message.action and not passed:
            return message_line(message.name, f"/me {quote}{message.text}")
        return f"* {passed}" if passed else super()._line(message, quote)


class JsonPrinter:
    """One object a line for everything; see docs/chatter.md."""

    complete = True

    def __init__(self) -> None:
        self._closed: set[str] = set()
        self._joined = False
        """Whether it makes a difference that a message is older than oneself in the room."""

    def joining(self) -> None:
        self._joined = True

    def message(self, room_id: str, message: Message) -> None:
        if message.kind is Kind.CLOSED:
            self._closed.add(room_id)
        found = json_lines.message_object(room_id, message)
        if self._joined and message.replayed:
            found["replayed"] = True
        show(json_lines.line(found))

    def heard(self, room_id: str, message: Message) -> None:
        pass  # a program gets the sequence of what is answered

    def closed(self, room_id: str, closed: RoomClosed) -> None:
        """Print the final message, unless it has come as one."""
        if room_id not in self._closed:
            event = Closed(reason=closed.why, successor=closed.successor)
            told = Message(name="", text=str(closed), kind=Kind.CLOSED, event=event)
            self.message(room_id, told)


class SaidOnly:
    """Prints by another printer what people say, and who comes and goes not at all.

    The rest, as that messages are missing or that the room was closed, is told on standard
    error, so that a program may take each line or object of the output for something said.
    """

    complete = False

    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    def joining(self) -> None:
        self._printer.joining()

    def heard(self, room_id: str, message: Message) -> None:
        self._printer.heard(room_id, message)

    def message(self, room_id: str, message: Message) -> None:
        if message.kind is Kind.SAID:
            self._printer.message(room_id, message)
            return
        self._printer.heard(room_id, message)
        if message.kind in TROUBLE:
            text = passage(message) or message.text
            complain(f"room {room_id}: {text}" if room_id else text)

    def closed(self, room_id: str, closed: RoomClosed) -> None:
        remark(closing_line(room_id, closed))


def printer_for(*, as_json: bool) -> Printer:
    """The printer of a conversation."""
    return JsonPrinter() if as_json else TextPrinter()


def log_printer_for(
    *, as_json: bool, said: bool, times: bool = False, rooms: bool = False
) -> Printer:
    """The printer of rooms' logs; with `said` only of what people said."""
    printer = JsonPrinter() if as_json else LogPrinter(times=times, rooms=rooms)
    return SaidOnly(printer) if said else printer
