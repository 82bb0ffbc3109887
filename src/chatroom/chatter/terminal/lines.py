"""What stands on the screen: one line a message, an event, or a notice of the program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from chatroom.chatter.local_time import local_time
from chatroom.chatter.passages import passage
from chatroom.chatter.safe_text import one_line, safe_text
from chatroom.client import SERVER_NAME, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from chatroom.client import Message


SHOWN_TEXT = 16 * 1024
"""Characters of one text that are shown: four times what our server takes. What another
one sends is drawn anew with every change of the screen."""
SHOWN_NAME = 128
WITHDRAWN = "(withdrawn)"
"""The server's text for it."""


class Tone(StrEnum):
    """How a line is shown."""

    SAID = "said"
    EVENT = "event"
    """Somebody came or went, or a moderator has done something."""
    WITHDRAWN = "withdrawn"
    """In the place of what somebody had said."""
    NOTICE = "notice"
    """From this program, or the server, to this person alone."""
    TROUBLE = "trouble"
    """As a notice, and something is wrong."""
    PENDING = "pending"
    """Said by this person, not yet known to be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, however many rows it takes. Its texts are safe to print."""

    tone: Tone
    text: str
    time: datetime
    """In local time."""
    name: str = ""
    who: str = ""
    """Whose name the text begins with: of somebody who came or went."""
    own: bool = False
    mentions: bool = False
    """Whether it names the person at the terminal."""
    earlier: bool = False
    """Whether it was said before this person came."""
    sequence: int = 0
    action: bool = False
    """It is what they do: shown as `* Bob waves`."""
    answers: int = 0
    """The sequence of what it answers; 0: nothing."""

    @property
    def words(self) -> str:
        """The text as it stands beside the name, or beside the star of an action."""
        return f"{self.name} {self.text}" if self.action else self.text


def line_of(message: Message, own_name: str, *, earlier: bool) -> Line:
    """The line for an entry, or another message, of a room in which one is `own_name`."""
    name = one_line(cut(message.name, SHOWN_NAME))
    own = message.name == own_name
    text, tone, shown_name, who = safe_text(cut(message.text, SHOWN_TEXT)), Tone.SAID, "", ""
    if passed := cut(passage(message), SHOWN_TEXT):
        arrived = own and not earlier and message.kind is Kind.ENTERED
        tone, text = Tone.EVENT, "you have entered the chat" if arrived else passed
        who = "" if arrived or message.name == SERVER_NAME else name
        if message.kind is Kind.DAMAGED:
            tone = Tone.TROUBLE
    elif message.withdrawn:
        tone, shown_name = Tone.WITHDRAWN, name
    elif message.kind is Kind.CONNECTED:
        tone = Tone.NOTICE
    elif message.kind in (Kind.CONNECTION_LOST, Kind.GAP, Kind.DRAINING):
        tone = Tone.TROUBLE
    elif message.kind is Kind.REFUSED:
        tone, text = Tone.TROUBLE, f"{name}: {text}"
    else:
        shown_name = name
    return Line(
        tone=tone,
        name=shown_name,
        who=who,
        text=text,
        time=local_time(message.sent),
        own=own,
        mentions=bool(shown_name)
        and tone is Tone.SAID
        and not own
        and message.name != SERVER_NAME
        and mentioned(own_name, text),
        earlier=earlier,
        sequence=message.sequence,
        action=message.action and tone is Tone.SAID,
        answers=message.in_reply_to if tone is Tone.SAID else 0,
    )


def withdrawn(line: Line) -> Line:
    """What stands in the place of a line whose text is gone."""
    if not line.name:
        return line
    return replace(
        line, tone=Tone.WITHDRAWN, text=WITHDRAWN, mentions=False, action=False, answers=0
    )


def pending(text: str, own_name: str, *, action: bool = False, answers: int = 0) -> Line:
    """The line for what was just typed."""
    return Line(
        tone=Tone.PENDING,
        name=one_line(own_name),
        text=safe_text(text),
        time=local_time(None),
        own=True,
        action=action,
        answers=answers,
    )


def notice(text: str, tone: Tone = Tone.NOTICE) -> Line:
    """A line from this program; the text may be a stranger's."""
    return Line(tone=tone, text=safe_text(text), time=local_time(None))


def cut(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis if it is longer than can be shown."""
    return text if len(text) <= length else f"{text[:length]}…"


def same_name(one: str, other: str) -> bool:
    """Whether two names are written alike but for their case."""
    return one.casefold() == other.casefold()


def mentioned(name: str, text: str) -> bool:
    """Whether the text has the name as a word or words of its own."""
    name, text = name.casefold(), text.casefold()
    at = text.find(name)
    while at >= 0 and name:
        before, after = text[at - 1 : at] if at else "", text[at + len(name) : at + len(name) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = text.find(name, at + 1)
    return False
