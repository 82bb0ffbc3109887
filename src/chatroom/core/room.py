"""A room: a log, and the members who read it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from . import passages
from .bans import Bans
from .entry import Entry, Kind, Manner, Settle
from .facts import RoomFacts
from .leave_reason import LeaveReason
from .limits import Limits
from .log import Beside, Log, Turn
from .marks import Marks
from .member import Member
from .names import NameTag
from .naming import Naming
from .rate import TokenBucket
from .record import MemberRecord
from .refusals import (
    JournalUnavailable,
    Refusal,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    SessionReplaced,
    SessionUnknown,
)
from .renaming import Renaming
from .restoring import restored
from .roster import Roster
from .saying import draft_of
from .standing import Standing
from .typing_board import TypingBoard


class Room:
    """One room: its roster, what waits to be committed, and the tail of its log.

    Nothing is visible to a member before `publish`, and only entries that a journal
    has are published. The commit loop calls take, then publish or fail, one turn at
    a time; everything else may be called in between.
    """

    def __init__(
        self,
        facts: RoomFacts,
        *,
        newest: int,
        last_sent: int,
        limits: Limits,
        rng: random.Random,
        oldest: int = 1,
        size: int = 0,
    ) -> None:
        """Begin after the entry `newest`, sent at `last_sent` (ns since 1970)."""
        self.facts = facts
        self.log = Log(newest=newest, last_sent=last_sent, oldest=oldest, size=size, limits=limits)
        self.tail = self.log.tail
        self.typing = TypingBoard(limits.typing_interval)
        self.bucket = TokenBucket(*limits.room_rate, 0.0)
        self.readers: set[Member] = set()
        """Everyone with an open stream, also who has departed and reads the rest."""
        self.marks = Marks()
        self.bans = Bans()
        self.beside = Beside()
        self.version = 0
        """In a journal that several nodes share: raised by each append to the room."""
        self.closed: RoomClosed | None = None
        """Set when the closing entry is published: how every stream ends."""
        self.changed: dict[int, Member] = {}  # by author
        self.ending: RoomClosed | None = None
        """Once it is deleted: how every stream will end, when that is stored."""
        self._late: list[tuple[Member, LeaveReason]] = []
        """Who departed after `close`: nothing follows the closing entry in the log."""
        self.roster = Roster(limits)
        self.members_following = self.roster.following
        self.colliding = self.roster.colliding
        self.formerly = self.roster.formerly
        self.by_author = self.roster.by_author
        self.renaming = Renaming(self.log, self.roster, self.marks, self.typing, limits)
        self.limits = limits
        self._rng = rng

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
        return self.facts.capacity or self.limits.room_capacity

    @property
    def history(self) -> int:
        """How many entries are kept."""
        return self.facts.history or self.limits.history_entries

    @property
    def overfull(self) -> bool:
        """Whether so much more than its bounds is kept that trimming is worth its cost."""
        return self.log.overfull(self.history, self.limits.history_bytes)

    @property
    def member_count(self) -> int:
        """How many are in."""
        return len(self.roster)

    @property
    def closing(self) -> bool:
        """Whether it was deleted: nobody joins or posts any more."""
        return self.ending is not None

    @property
    def waiting(self) -> bool:
        """Whether something waits for the next turn."""
        return bool(self.changed or self.beside) or self.log.waiting

    def members(self) -> list[Member]:
        """The roster, in order of arrival."""
        return self.roster.members()

    def member_called(self, name: str) -> Member | None:
        """The member of this name tag, compared as RFC 8266 does; raises NameInvalid."""
        return self.roster.called(name)

    # ---- Coming ----------------------------------------------------------------

    def admit(
        self,
        tag: NameTag,
        *,
        now: int,
        monotonic: float,
        events: bool,
        echo: bool,
        settle: Settle,
        session: bytes | None = None,
        author: int | None = None,
        former: tuple[str, ...] = (),
        subject: str = "",
        invitation: str = "",
        address: str = "",
    ) -> Member:
        """Let somebody in, and draft the arrival.

        The name is theirs from here on. `settle` hears of the arrival's commit; if it is
        not to be logged (a big room), of an entry with the sequence 0. A member that comes
        back by its session after its departure has the author and the `former` names it had. Raises
        RoomNotFound, RoomFull, NameTaken.
        """
        if self.ending is not None:
            raise RoomNotFound(self.room_id)
        self.roster.check_free(tag)
        if len(self.roster) >= self.capacity:
            raise RoomFull(self.room_id, self.capacity)
        limits = self.limits
        member = Member(
            Naming(tag, former),
            author=author or self._rng.randrange(1, 1 << 62),
            since=now,
            events=events,
            echo=echo,
            bucket=TokenBucket(limits.message_rate, limits.message_burst, monotonic),
            session=session,
            subject=subject,
            invitation=invitation,
            address=address,
        )
        member.mark = self.marks.of(subject, tag)
        self.let_in(member)
        member.logged = len(self.roster) <= limits.logged_arrivals
        self.changed[member.author] = member
        arrival = passages.arrival(member, settle)
        (self.log.add if member.logged else self.log.add_unlogged)(arrival)
        return member

    def take_over(
        self, old: Member, *, events: bool, echo: bool, after: int, address: str = ""
    ) -> Member:
        """Go on with a member on another stream, silently, from the sequence `after`.

        The stream that it had, if any, ends with SessionReplaced.
        """
        member = old.on_another_stream(events=events, echo=echo, after=after, address=address)
        self.let_in(member)
        old.end(SessionReplaced())
        return member

    def restore(self, record: MemberRecord, *, monotonic: float) -> Member:
        """Put somebody back whom the journal has inside; it has no stream yet."""
        member = restored(record, self.roster, self.marks, self.limits, monotonic=monotonic)
        self.roster.add(member)
        return member

    def let_in(self, member: Member) -> None:
        """It has a stream here."""
        member.typing_seen = self.typing.version
        self.roster.add(member)
        self.readers.add(member)

    def welcome(self, member: Member) -> None:
        """Its arrival is stored, and its client is told: from here on it may come back."""
        if member.standing is Standing.ARRIVING:
            member.standing = Standing.INSIDE

    def retract(self, member: Member) -> None:
        """Undo `admit`, whose arrival could not be stored."""
        member.logged = False
        self.leave_roster(member)
        self.readers.discard(member)

    # ---- Going -----------------------------------------------------------------

    def depart(
        self, member: Member, reason: LeaveReason, *, now: int, outcome: Refusal | None = None
    ) -> bool:
        """Take a member off the roster, and draft the departure if the arrival was logged.

        Its stream reads on to its last sequence, `member.final`, then ends with
        `outcome`. False if it had departed before. `now` is in ns since 1970.
        """
        if not member.present:
            return False
        self.leave_roster(member)
        member.reason = reason
        member.ended = member.ended or now
        member.outcome = outcome
        if self.ending is not None:
            self._late.append((member, reason))  # the closing entry ends the stream
        else:
            self._draft_departure(member, reason)
        return True

    def dismiss(self, member: Member, outcome: Refusal) -> None:
        """End a member's stream after what it can see now; it stays in the room."""
        member.standing = Standing.DISMISSED
        member.outcome = outcome
        member.final = max(self.newest, member.cursor)
        member.wake()

    def _draft_departure(self, member: Member, reason: LeaveReason) -> None:
        def settled(result: Entry | Refusal) -> None:
            if isinstance(result, Refusal):
                member.outcome = member.outcome or result
                member.final = member.cursor
            elif member.final is None:
                member.final = result.sequence - 1
            member.wake()

        self.changed[member.author] = member
        if not member.logged:
            member.final = self.newest
            member.wake()
            return
        self.log.add(passages.departure(member, reason, settled))

    def detach(self, member: Member) -> None:
        """Forget a reader whose stream has ended. The last one takes the tail along."""
        self.readers.discard(member)
        if not self.readers:
            self.tail.clear()

    def leave_roster(self, member: Member) -> None:
        """Its name is free, and nobody is told."""
        member.standing = Standing.DEPARTED
        self.typing.forget(member.author)
        self.renaming.forget(member.author)
        self.roster.remove(member)

    # ---- What is said --------------------------------------------------------

    def post(
        self,
        member: Member,
        text: str,
        nonce: str,
        settle: Settle | None = None,
        manner: Manner | None = None,
    ) -> None:
        """Draft what a member says, or does; `settle` hears what became of it.

        Without `settle` the member is told through its outbox: if it could not be stored,
        or had been stored before under the same nonce. Raises TextInvalid, TextTooLong,
        NonceInvalid, Muted, and RoomClosed or the member's own outcome when it is too late.
        """
        self._check_open(member)
        self.log.add(draft_of(member, text, nonce, settle, manner, self.limits))

    def rename(
        self,
        member: Member,
        tag: NameTag,
        nonce: str,
        *,
        monotonic: float,
        settle: Settle | None = None,
    ) -> None:
        """Draft another name tag for a member, which is taken from here on.

        It is told as by `post`, and if the arrival was not logged also of the entry; `monotonic`
        is in seconds. Raises NameTaken, RenameTooOften, NonceInvalid, Muted, and
        as `post` when it is too late.
        """
        self._check_open(member)
        if self.renaming.draft(member, tag, nonce, monotonic, settle):
            self.changed[member.author] = member

    def _check_open(self, member: Member) -> None:
        if self.ending is not None:
            raise self.ending
        if member.over:
            raise member.outcome or SessionUnknown

    def close(self, reason: str, successor: str, settle: Settle | None = None) -> None:
        """Draft the closing entry, the last of the log; raises RoomNotFound if there is one."""
        if self.ending is not None:
            raise RoomNotFound(self.room_id)
        self.ending = RoomClosed(self.room_id, reason, successor)
        self.log.add(passages.closing(reason, successor, settle))

    def reopen(self) -> None:
        """Undo `close` for a room whose closing could not be stored."""
        self.ending = None
        while self._late:
            self._draft_departure(*self._late.pop(0))

    def wake_all(self) -> None:
        """Tell every reader that there may be something new; some of them end by it."""
        for member in tuple(self.readers):
            member.wake()

    # ---- One turn of the commit loop -------------------------------------------

    def take(self) -> Turn:
        """Hand over everything that waits; what comes from now on is the next turn's."""
        turn = self.log.take()
        if self.changed:
            turn.changed = list(self.changed.values())
            self.changed = {}
        if self.beside:
            turn.beside, self.beside = self.beside, Beside()
        return turn

    def put_back(self, turn: Turn) -> None:
        """Undo `take`: others have stored something first."""
        self.log.put_back(turn)
        for member in turn.changed:
            self.changed.setdefault(member.author, member)
        if turn.beside is not None:
            self.beside = turn.beside.then(self.beside)

    def publish(self, turn: Turn, entries: list[Entry], unlogged: Sequence[Entry] = ()) -> None:
        """Make committed entries visible; every reader is to be woken then."""
        if entries and entries[-1].kind is Kind.CLOSED:
            self.closed = self.ending
        if turn.beside is not None:
            self.facts = turn.beside.facts or self.facts
            self.log.replace(turn.beside)
        self.renaming.stored(turn, entries, unlogged)
        self.log.publish(turn, entries, unlogged)
        if not self.readers:
            self.tail.clear()

    def repeated(self, turn: Turn, used: Mapping[tuple[int, str], Entry]) -> bool:
        """Take out of a turn what was stored before, under its nonce; see `Log.repeated`."""
        before = turn.drafts
        found = self.log.repeated(turn, used)
        kept = {id(draft) for draft in turn.drafts}
        self.renaming.undo([each for each in before if id(each) not in kept], turn.drafts)
        return found

    def fail(self, turn: Turn, refusal: JournalUnavailable) -> None:
        """Settle what could not be stored; departures wait for the next turn.

        What was to be stored beside is not: who asked for that hears it by its draft.
        """
        if turn.drafts and turn.drafts[-1].kind is Kind.CLOSED:
            self.reopen()
        undone = self.log.fail(turn, refusal)
        self.renaming.undo((*turn.drafts, *turn.unlogged))
        for member in turn.changed:
            if (member.author, member.since) not in undone:
                self.changed.setdefault(member.author, member)
