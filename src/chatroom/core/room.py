"""A room: a log, and the members who read it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from . import names
from .entry import (
    CLOSED_TEXT,
    ENTERED_TEXT,
    LEFT_TEXT,
    NOBODY,
    Closing,
    Draft,
    Encode,
    Entry,
    Kind,
    LeaveReason,
    Passage,
    Settle,
)
from .events import Refused
from .limits import Limits
from .member import Member
from .names import NameTag
from .rate import TokenBucket
from .refusals import (
    JournalUnavailable,
    NameTaken,
    NonceInvalid,
    Refusal,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    SessionUnknown,
)
from .tail import Tail
from .text import checked_text
from .typing_board import TypingBoard


@dataclass(slots=True, frozen=True)
class RoomFacts:
    """What a room was created with."""

    key: int
    """The journal's own number for it; a room id used anew has a new one."""
    room_id: str
    epoch: str
    """Changes whenever sequences may start over."""
    created: int
    """ns since 1970."""
    title: str = ""
    private: bool = False
    capacity: int = 0
    """Members; 0: the server's default."""
    history: int = 0
    """Entries to keep; 0: the server's default."""


class Room:
    """One room: its roster, what waits to be committed, and the tail of its log.

    Nothing is visible to a member before `publish`, and only entries that a journal
    has are published. The commit loop calls take, then publish or fail, one turn at
    a time; everything else may be called in between.
    """

    def __init__(
        self, facts: RoomFacts, *, newest: int, last_sent: int, limits: Limits, rng: random.Random
    ) -> None:
        """Begin after the entry `newest`, sent at `last_sent` (ns since 1970)."""
        self.facts = facts
        self.tail = Tail(newest, max_bytes=limits.tail_bytes, chunk_bytes=limits.write_bytes)
        self.typing = TypingBoard(limits.typing_interval)
        self.readers: set[Member] = set()
        """Everyone with an open stream, also those who have departed and read the rest."""
        self.closed: RoomClosed | None = None
        """Set when the closing entry is published: how every stream ends."""
        self.pending: list[Draft] = []
        self._closing: RoomClosed | None = None
        self._late: list[tuple[Member, LeaveReason]] = []
        """Who departed after `close`: nothing follows the closing entry in the log."""
        self._roster: dict[str, Member] = {}
        """By `NameTag.key`, in order of arrival."""
        self._names: dict[str, Member] = {}
        """By every key of a name tag: what a newcomer's must not collide with."""
        self._limits = limits
        self._rng = rng
        self._last_sent = last_sent

    # ---- What anyone may ask -------------------------------------------------

    @property
    def room_id(self) -> str:
        """Its id, as clients know it."""
        return self.facts.room_id

    @property
    def newest(self) -> int:
        """The sequence of the newest published entry; 0: there is none."""
        return self.tail.newest

    @property
    def capacity(self) -> int:
        """How many members may be in at once."""
        return self.facts.capacity or self._limits.room_capacity

    @property
    def history(self) -> int:
        """How many entries are kept."""
        return self.facts.history or self._limits.history_entries

    @property
    def member_count(self) -> int:
        """How many members are in."""
        return len(self._roster)

    @property
    def closing(self) -> bool:
        """Whether it was deleted: nobody joins or posts any more."""
        return self._closing is not None

    def members(self) -> list[Member]:
        """The roster, in order of arrival."""
        return list(self._roster.values())

    def member_called(self, name: str) -> Member | None:
        """The member of this name tag, compared as RFC 8266 does; raises NameInvalid."""
        return self._roster.get(names.name_tag(name, characters=self._limits.name_characters).key)

    # ---- Members -------------------------------------------------------------

    def admit(
        self, tag: NameTag, *, now: int, monotonic: float, events: bool, echo: bool, settle: Settle
    ) -> Member:
        """Let somebody in, and draft the arrival.

        The name is theirs from here on. `settle` hears of the arrival's commit; if
        the arrival is not to be logged (a big room), it is never called and
        `member.cursor` is set. Raises RoomNotFound, RoomFull, NameTaken.
        """
        if self._closing is not None:
            raise RoomNotFound(self.room_id)
        if any(key in self._names for key in tag.keys):
            free = names.free_name(
                tag, self._names.__contains__, characters=self._limits.name_characters
            )
            raise NameTaken(tag.text, free)
        if len(self._roster) >= self.capacity:
            raise RoomFull(self.room_id, self.capacity)
        limits = self._limits
        member = Member(
            tag,
            author=self._rng.randrange(1, 1 << 62),
            since=now,
            events=events,
            echo=echo,
            bucket=TokenBucket(limits.message_rate, limits.message_burst, monotonic),
        )
        member.typing_seen = self.typing.version
        self._roster[tag.key] = member
        self._names.update(dict.fromkeys(tag.keys, member))
        self.readers.add(member)
        if len(self._roster) > limits.logged_arrivals:
            member.cursor = self.newest
        else:
            self.pending.append(
                Draft(
                    Kind.ENTERED,
                    member.author,
                    tag.text,
                    ENTERED_TEXT,
                    member=member,
                    settle=settle,
                    passage=Passage(now),
                )
            )
            member.logged = True
        return member

    def unlogged_arrival(self, member: Member) -> Draft:
        """The line that only the newcomer of a big room gets (sequence 0)."""
        return Draft(
            Kind.ENTERED,
            member.author,
            member.name,
            ENTERED_TEXT,
            passage=Passage(member.since),
        )

    def retract(self, member: Member) -> None:
        """Undo `admit` for a member whose arrival could not be stored."""
        member.logged = False
        self._leave_roster(member)
        self.readers.discard(member)

    def depart(
        self, member: Member, reason: LeaveReason, *, outcome: Refusal | None = None
    ) -> bool:
        """Take a member off the roster, and draft the departure if the arrival was logged.

        Its stream reads on to its last sequence, `member.final`, then ends with
        `outcome`. False if it had departed before.
        """
        if not member.present:
            return False
        self._leave_roster(member)
        member.outcome = outcome
        if self._closing is not None:
            self._late.append((member, reason))  # the closing entry ends the stream
            return True
        if not member.logged:
            member.final = self.newest
            member.wake()
            return True
        self._draft_departure(member, reason)
        return True

    def _draft_departure(self, member: Member, reason: LeaveReason) -> None:
        def settled(result: Entry | Refusal) -> None:
            if isinstance(result, Refusal):
                member.outcome = member.outcome or result
                member.final = member.cursor
            else:
                member.final = result.sequence - 1
            member.wake()

        self.pending.append(
            Draft(
                Kind.LEFT,
                member.author,
                member.name,
                LEFT_TEXT,
                settle=settled,
                passage=Passage(member.since, reason),
            )
        )

    def detach(self, member: Member) -> None:
        """Forget a reader whose stream has ended. The last one takes the tail along."""
        self.readers.discard(member)
        if not self.readers:
            self.tail.clear()

    def _leave_roster(self, member: Member) -> None:
        member.present = False
        self.typing.forget(member.author)
        if self._roster.get(member.tag.key) is member:
            del self._roster[member.tag.key]
            for key in member.tag.keys:
                del self._names[key]

    # ---- What is said --------------------------------------------------------

    def post(self, member: Member, text: str, nonce: str, settle: Settle | None = None) -> None:
        """Draft what a member says; `settle` hears what became of it.

        Without `settle` the member is told through its outbox, if it could not be stored.

        Raises TextInvalid, TextTooLong, NonceInvalid, and RoomClosed or the member's
        own outcome when it is too late.
        """
        if self._closing is not None:
            raise self._closing
        if not member.present:
            raise member.outcome or SessionUnknown
        text = checked_text(text, limit=self._limits.text_bytes)
        if nonce and len(nonce.encode()) > self._limits.nonce_bytes:
            raise NonceInvalid(f"a nonce may have {self._limits.nonce_bytes} bytes")
        self.pending.append(
            Draft(Kind.SAID, member.author, member.tag.text, text, nonce, member, settle)
        )

    def close(self, reason: str, successor: str, settle: Settle | None = None) -> None:
        """Draft the closing entry, the last of the log; raises RoomNotFound if there is one."""
        if self._closing is not None:
            raise RoomNotFound(self.room_id)
        self._closing = RoomClosed(self.room_id, reason, successor)
        self.pending.append(
            Draft(
                Kind.CLOSED,
                NOBODY,
                names.SERVER_NAME,
                CLOSED_TEXT,
                settle=settle,
                closing=Closing(reason, successor),
            )
        )

    def reopen(self) -> None:
        """Undo `close` for a room whose closing could not be stored."""
        self._closing = None
        late, self._late = self._late, []
        for member, reason in late:
            if member.logged:
                self._draft_departure(member, reason)

    def wake_all(self) -> None:
        """Tell every reader that there may be something new."""
        for member in self.readers:
            member.wake()

    # ---- One turn of the commit loop -------------------------------------------

    def take(self) -> list[Draft]:
        """Hand over everything that waits; what comes from now on is the next turn's."""
        drafts, self.pending = self.pending, []
        return drafts

    def stamp(self, drafts: Iterable[Draft], now: int, encode: Encode) -> list[Entry]:
        """Give drafts the sequences after `newest`, and encode each once.

        `now` is in ns since 1970; time within a room never goes back.
        """
        self._last_sent = now = max(now, self._last_sent)
        return [
            Entry(sequence, now, draft.kind, draft.author, encode(draft, sequence, now))
            for sequence, draft in enumerate(drafts, self.newest + 1)
        ]

    def publish(self, drafts: list[Draft], entries: list[Entry]) -> None:
        """Make committed entries visible and wake every reader."""
        self.tail.extend(entries)
        if entries[-1].kind is Kind.CLOSED:
            self.closed = self._closing
        for draft, entry in zip(drafts, entries, strict=True):
            if draft.settle is not None:
                draft.settle(entry)
        self.wake_all()
        if not self.readers:
            self.tail.clear()

    def fail(self, drafts: list[Draft], refusal: JournalUnavailable) -> None:
        """Settle drafts that could not be stored; departures wait for the next turn."""
        kept: list[Draft] = []
        retracted = {draft.author for draft in drafts if draft.kind is Kind.ENTERED}
        for draft in drafts:
            if draft.kind is Kind.ENTERED and draft.member is not None:
                draft.member.logged = False  # so is no departure from here on
            settle, draft.settle = draft.settle, None
            if draft.kind is Kind.LEFT and draft.author not in retracted:
                kept.append(draft)
            if draft.kind is Kind.CLOSED:
                self.reopen()
            if settle is not None:
                settle(refusal)
            elif draft.member is not None:
                draft.member.tell(Refused(draft.nonce, refusal))
        # Who departed while the arrival was being stored has a departure in the next turn.
        for draft in self.pending:
            if draft.kind is not Kind.LEFT or draft.author not in retracted:
                kept.append(draft)
            elif draft.settle is not None:
                draft.settle(refusal)
        self.pending = kept
