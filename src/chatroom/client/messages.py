"""What a member receives and what a server tells of its rooms, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.timestamp_pb2 import Timestamp

    from chatroom.api.rpc import chat_pb2

SERVER_NAME = "chat server"
"""The name tag that is the server's alone."""
CLOSING_TEXT = "chat room is closing"
"""What the server says last in a room that is deleted."""


class Kind(StrEnum):
    """What a message is. A server without events sends only SAID.

    CONNECTION_LOST, CONNECTED and GAP are this library's own: their name is empty and
    their text is a sentence for a person.
    """

    SAID = "said"
    ENTERED = "entered"
    LEFT = "left"
    RENAMED = "renamed"
    """Somebody has another name tag, perhaps oneself; the event is a Renamed."""
    CLOSED = "closed"
    DAMAGED = "damaged"
    """In the place of an entry that is damaged on the server's disk; nobody knows what it was."""
    UPDATED = "updated"
    """From the server: the room's title, its bounds, or who may come; the event is a ChatRoom."""
    CHANGED = "changed"
    """From the server: somebody was muted, or made a moderator, or not any more; the event is
    that Member."""
    WITHDRAWN = "withdrawn"
    """From the server: a message was withdrawn; the event is a Withdrawn. Or in that message's
    place, with its sender's name: then `Message.withdrawn` is true."""
    REFUSED = "refused"
    DRAINING = "draining"
    EXPIRING = "expiring"
    JOINED = "joined"
    LIVE = "live"
    TYPING = "typing"
    """Of somebody else; yielded only when joined with `typing`. The event is a Typing."""
    HEARTBEAT = "heartbeat"
    CONNECTION_LOST = "connection_lost"
    """From here on nothing comes until CONNECTED; what is sent is kept."""
    CONNECTED = "connected"
    """After CONNECTION_LOST; then comes what was missed. The event is the new Joined."""
    GAP = "gap"
    """Here entries of the room are missing; the event is a Gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a room; `reason` says why they left (quit, lost, removed, too_slow)."""

    name: str
    since: datetime | None = None
    reason: str = ""
    muted: bool = False
    """It may read, not speak."""
    moderator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A message whose text is gone, by its sequence."""

    sequence: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """The new name tag of who was called `Message.name` until now."""

    name: str
    nonce: str = ""
    """What its sender chose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One message was not accepted; the stream goes on."""

    reason: str
    code: int
    nonce: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The room is deleted."""

    reason: str = ""
    successor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """Somebody types, or has stopped.

    What they say, their leaving, and a lost connection end it too, without another notice.
    """

    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """The server is going away; it can be tried again after so many seconds."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """The token that was shown ends then; the stream ends with it."""

    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How many entries are missing; None when that cannot be known."""

    missed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRoom:
    """What a server tells of a room."""

    room_id: str
    title: str = ""
    private: bool = False
    member_count: int = 0
    capacity: int = 0
    created: datetime | None = None
    sequence: int = 0
    active: datetime | None = None
    """When something was last said; None: never, or a server that does not tell."""
    closed_to_newcomers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The admission to a room: what resuming needs, and the room as it was then."""

    session: str
    epoch: str
    sequence: int
    recovery: str
    name: str
    room: ChatRoom | None
    members: tuple[Member, ...]
    text_bytes: int
    """The longest text that the room takes, in bytes of UTF-8; 0: not told."""
    supported: frozenset[str] = frozenset()
    """What the server can: events, echo, rename. Empty: it does not tell, and cannot rename."""


Event = (
    Member
    | Renamed
    | Refused
    | Closed
    | Draining
    | Expiring
    | Typing
    | Joined
    | Gap
    | ChatRoom
    | Withdrawn
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a room; everything shown to a person is `name: text`.

    `sequence` is its position in the room, 0 for what is not in the room's log.
    `nonce` is what its sender chose: an own message (`echo`) has that of its `Posted`.
    `replayed` tells that it is older than the join: a bot should not answer it. What
    was missed while the connection was lost is not: it comes once, only later.
    `action` tells that it is what somebody does, not says: it is shown as `* Bob waves`.
    `in_reply_to` is the sequence of what it answers; 0: nothing. That may not be there any more.
    """

    name: str
    text: str
    sequence: int = 0
    sent: datetime | None = None
    nonce: str = ""
    kind: Kind = Kind.SAID
    event: Event | None = None
    replayed: bool = False
    action: bool = False
    in_reply_to: int = 0

    @property
    def withdrawn(self) -> bool:
        """Whether this stands in the place of a message whose text is gone."""
        return isinstance(self.event, Withdrawn) and 0 < self.event.sequence == self.sequence

    def same_entry(self, other: Message) -> bool:
        """Whether both are one entry of one log, withdrawn between the readings or not."""
        return (
            (self.sequence, self.sent, self.name) == (other.sequence, other.sent, other.name)
            and (self.withdrawn or other.withdrawn or self.text == other.text)
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries of a room in its order; `more` tells that there are others beyond."""

    messages: tuple[Message, ...]
    epoch: str
    more: bool


def gap(missed: int | None) -> Message:
    """The message that tells of missing entries."""
    if missed is None:
        text = "some messages may have been missed"
    else:
        text = "1 message was missed" if missed == 1 else f"{missed} messages were missed"
    return Message(name="", text=text, kind=Kind.GAP, event=Gap(missed=missed))


def damaged(sequence: int) -> Message:
    """What stands in the place of a damaged entry."""
    text = "(this message is damaged on disk)"
    return Message(name=SERVER_NAME, text=text, sequence=sequence, kind=Kind.DAMAGED, replayed=True)


def message_from(message: chat_pb2.Message, *, replayed: bool = False) -> Message:
    """The message as a value; an event that this version does not know counts as said."""
    which = message.WhichOneof("event")
    kind = Kind(which) if which else Kind.SAID
    event: Event | None = None
    if kind is Kind.ENTERED:
        event = member_from(message.entered)
    elif kind is Kind.LEFT:
        event = member_from(message.left)
    elif kind is Kind.CLOSED:
        event = Closed(reason=message.closed.reason, successor=message.closed.successor)
    elif kind is Kind.CHANGED:
        event = member_from(message.changed)
    elif kind is Kind.UPDATED:
        event = room_from(message.updated)
    elif kind is Kind.WITHDRAWN:
        withdrawn = message.withdrawn
        event = Withdrawn(sequence=withdrawn.sequence, reason=withdrawn.reason)
    elif kind is Kind.RENAMED:
        event = Renamed(name=message.renamed.name, nonce=message.renamed.nonce)
    elif kind is Kind.REFUSED:
        event = _refused_from(message.refused)
    elif kind is Kind.DRAINING:
        draining = message.draining
        event = Draining(
            retry_after=_seconds(draining.retry_after) if draining.HasField("retry_after") else None
        )
    elif kind is Kind.EXPIRING:
        event = Expiring(at=time_from(message.expiring.at))
    elif kind is Kind.TYPING:
        event = Typing(active=message.typing.active)
    elif kind is Kind.JOINED:
        event = _joined_from(message.joined)
    return Message(
        name=message.name,
        text=message.message,
        sequence=message.sequence,
        sent=time_from(message.sent) if message.HasField("sent") else None,
        nonce=message.nonce,
        kind=kind,
        event=event,
        replayed=replayed,
        action=message.action,
        in_reply_to=message.in_reply_to,
    )


def member_from(member: chat_pb2.Member) -> Member:
    """The member as a value."""
    return Member(
        name=member.name,
        since=time_from(member.since) if member.HasField("since") else None,
        reason=_word(member, "reason", "LEAVE_REASON_"),
        muted=member.muted,
        moderator=member.moderator,
    )


def room_from(room: chat_pb2.ChatRoom) -> ChatRoom:
    """The room as a value."""
    return ChatRoom(
        room_id=room.room_id,
        title=room.title,
        private=room.private,
        member_count=room.member_count,
        capacity=room.capacity,
        created=time_from(room.created) if room.HasField("created") else None,
        sequence=room.sequence,
        active=time_from(room.active) if room.HasField("active") else None,
        closed_to_newcomers=room.closed_to_newcomers,
    )


def page_from(page: chat_pb2.ListMessagesResponse) -> Page:
    """The page as a value."""
    return Page(
        messages=tuple(message_from(message, replayed=True) for message in page.messages),
        epoch=page.epoch,
        more=page.more,
    )


def found_from(page: chat_pb2.SearchMessagesResponse) -> Page:
    """What a search has found as a value, in its order: the newest first."""
    found = tuple(message_from(message, replayed=True) for message in page.messages)
    return Page(messages=found, epoch="", more=page.more)


def with_damaged(page: Page, sequence: int, *, upwards: bool) -> Page:
    """The page and the damaged entry at its end, if it is next; there may be more beyond."""
    messages = page.messages
    if messages and sequence != (
        messages[-1].sequence + 1 if upwards else messages[0].sequence - 1
    ):
        return page
    there = (damaged(sequence),)
    return Page(
        messages=messages + there if upwards else there + messages, epoch=page.epoch, more=True
    )


def _refused_from(refused: chat_pb2.Refused) -> Refused:
    return Refused(
        reason=refused.reason,
        code=refused.code,
        nonce=refused.nonce,
        retry_after=_seconds(refused.retry_after) if refused.HasField("retry_after") else None,
    )


def _joined_from(joined: chat_pb2.Joined) -> Joined:
    return Joined(
        session=joined.session,
        epoch=joined.epoch,
        sequence=joined.sequence,
        recovery=_word(joined, "recovery", "RECOVERY_"),
        name=joined.name,
        room=room_from(joined.room) if joined.HasField("room") else None,
        members=tuple(member_from(member) for member in joined.members),
        text_bytes=joined.limits.text_bytes,
        supported=_supported(joined),
    )


def _supported(joined: chat_pb2.Joined) -> frozenset[str]:
    """Features by their words, without those that this version does not know."""
    field = joined.DESCRIPTOR.fields_by_name["supported"].enum_type
    known = field.values_by_number if field else {}
    return frozenset(
        known[number].name.removeprefix("FEATURE_").lower()
        for number in joined.supported
        if number in known
    )


def _word(message: chat_pb2.Member | chat_pb2.Joined, field: str, prefix: str) -> str:
    """An enum's value in lower case without its prefix; empty when absent or unknown."""
    number = getattr(message, field)
    kind = message.DESCRIPTOR.fields_by_name[field].enum_type
    value = kind.values_by_number.get(number) if kind else None
    return value.name.removeprefix(prefix).lower() if value and number else ""


def time_from(stamp: Timestamp) -> datetime | None:
    """The time in UTC; None when no calendar has it."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
