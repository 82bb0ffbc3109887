"""The log of a room: what waits to be stored, and the newest of what is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .entry import Draft, Encode, Entry, Kind, Passage, all_stored_bytes
from .events import Echo
from .facts import RoomFacts
from .limits import Limits
from .member import Member
from .news import News
from .nonces import NoncesInFlight
from .notes import Note, NoteKind
from .refusals import DataLoss, JournalUnavailable, Refusal
from .tail import Tail


@dataclass(slots=True)
class Beside:
    """What is stored together with drafts, and is none: only with one that says so."""

    notes: dict[tuple[NoteKind, str], Note] = field(default_factory=dict)
    """By kind and key: the latest counts."""
    facts: RoomFacts | None = None
    replaced: list[Entry] = field(default_factory=list)
    freed: int = 0
    """By how many `Entry.stored_bytes` the log is smaller with those."""

    def __bool__(self) -> bool:
        return bool(self.notes or self.facts or self.replaced)

    def then(self, later: Beside) -> Beside:
        """This, and what came later."""
        return Beside(
            self.notes | later.notes,
            later.facts or self.facts,
            self.replaced + later.replaced,
            self.freed + later.freed,
        )

    def note(self, note: Note) -> None:
        """Have it stored."""
        self.notes[note.kind, note.key] = note


@dataclass(slots=True)
class Turn:
    """What a room hands to the commit loop at once."""

    drafts: list[Draft] = field(default_factory=list)
    """What is to be logged, in order."""
    unlogged: list[Draft] = field(default_factory=list)
    """Arrivals in a big room, which only the newcomers are shown."""
    changed: list[Member] = field(default_factory=list)
    """Whose record in the journal is to change."""
    beside: Beside | None = None


class Log:
    """Drafts become entries here, in turns: take and stamp, then publish or fail."""

    __slots__ = (
        "_drafts", "_in_flight", "_last_sent", "_unlogged", "active", "oldest", "size", "tail",
    )  # fmt: skip

    def __init__(
        self, *, newest: int, last_sent: int, oldest: int, size: int, limits: Limits
    ) -> None:
        """Begin after the entry `newest`, sent at `last_sent` (ns since 1970)."""
        self.active = 0
        """When something published was last said, in ns since 1970; 0: never."""
        self.tail = Tail(newest, max_bytes=limits.tail_bytes, chunk_bytes=limits.chunk_bytes)
        self.oldest = oldest
        """The sequence of the oldest entry that the journal keeps."""
        self.size = size
        """`Entry.stored_bytes` of all that it keeps."""
        self._drafts: list[Draft] = []
        self._unlogged: list[Draft] = []
        self._in_flight = NoncesInFlight()
        self._last_sent = last_sent

    @property
    def waiting(self) -> bool:
        """Whether something waits for the next turn."""
        return bool(self._drafts or self._unlogged)

    def add(self, draft: Draft) -> None:
        """Draft an entry; a message whose nonce is in flight waits for the first instead."""
        if not (draft.nonce and self._in_flight.follows(draft)):
            self._drafts.append(draft)

    def add_all(self, drafts: Iterable[Draft]) -> None:
        """As `add`, for each in order; their members are told if they cannot be stored."""
        follows = self._in_flight.follows
        self._drafts += [draft for draft in drafts if not (draft.nonce and follows(draft))]

    def add_unlogged(self, draft: Draft) -> None:
        """Draft what only its member is shown, once its record is stored."""
        if not (draft.nonce and self._in_flight.follows(draft)):
            self._unlogged.append(draft)

    def sign(self, author: int, name: str, taken: Iterable[Draft] = ()) -> None:
        """What an author has drafted is said under this name, up to its next arrival.

        `taken`: drafts of a turn that is still to be stored.
        """
        for draft in (*taken, *self._drafts):
            if draft.author == author:
                if draft.kind is Kind.ENTERED:
                    return
                draft.name = name

    def take(self) -> Turn:
        """Hand over everything that waits; what comes from now on is the next turn's."""
        turn = Turn(self._drafts, self._unlogged)
        self._drafts, self._unlogged = [], []
        return turn

    def put_back(self, turn: Turn) -> None:
        """Undo `take`: others have stored something first."""
        self._drafts = turn.drafts + self._drafts
        self._unlogged = turn.unlogged + self._unlogged

    def drop(self, of: Callable[[Draft], bool], refusal: Refusal) -> list[Draft]:
        """Refuse what waits and is `of` this; returns it."""
        gone = [draft for draft in (*self._drafts, *self._unlogged) if of(draft)]
        if gone:
            self._drafts = [draft for draft in self._drafts if not of(draft)]
            self._unlogged = [draft for draft in self._unlogged if not of(draft)]
            self._refuse_all(gone, refusal)
        return gone

    def _refuse_all(self, drafts: Iterable[Draft], refusal: Refusal) -> None:
        for draft in drafts:
            _refuse(draft, refusal)
            if draft.nonce:
                for each in self._in_flight.settled(draft):
                    _refuse(each, refusal)

    def learn(self, news: News) -> None:
        """Take in what others have stored after the newest entry, and what they have deleted."""
        entries = [entry for entry in news.entries if entry.sequence > self.tail.newest]
        if not entries or entries[0].sequence != self.tail.newest + 1:
            self.tail.restart(entries[0].sequence - 1 if entries else news.newest)
        if entries:
            self.tail.extend(entries)
        for entry in news.replaced:
            self.tail.replace(entry)
        self.oldest, self.size, self.active = news.oldest, news.size, news.active
        self._last_sent = max(self._last_sent, news.last_sent)

    def stamp(self, drafts: Sequence[Draft], now: int, encode: Encode) -> list[Entry]:
        """Give drafts the sequences after `newest`, and encode each once.

        `now` is in ns since 1970; time within a room never goes back.
        """
        self._last_sent = now = max(now, self._last_sent)
        first = self.tail.newest + 1
        return [
            Entry(sequence, now, draft.kind, draft.author, enveloped, draft.nonce)
            for sequence, (draft, enveloped) in enumerate(
                zip(drafts, encode(drafts, first, now), strict=True), first
            )
        ]

    def repeated(self, turn: Turn, used: Mapping[tuple[int, str], Entry]) -> bool:
        """Take out of a turn what was stored before under its nonce, and say so to the sender.

        Returns whether there was something.
        """
        fresh: list[Draft] = []
        for draft in turn.drafts:
            entry = used.get((draft.author, draft.nonce)) if draft.nonce else None
            if entry is None:
                fresh.append(draft)
                continue
            for each in (draft, *self._in_flight.settled(draft)):
                answer_repeat(each, entry)
        found = len(fresh) < len(turn.drafts)
        turn.drafts = fresh
        return found

    def publish(self, turn: Turn, entries: list[Entry], unlogged: Iterable[Entry] = ()) -> None:
        """Make committed entries readable, and settle their drafts."""
        if entries:
            self.tail.extend(entries)
            self.size += all_stored_bytes(entries)
            said = next((e for e in reversed(entries) if e.kind is Kind.SAID), None)
            if said is not None:
                self.active = said.sent
        self._settle(turn.drafts, entries)
        self._settle(turn.unlogged, unlogged)

    def _settle(self, drafts: Iterable[Draft], entries: Iterable[Entry]) -> None:
        for draft, entry in zip(drafts, entries, strict=True):
            if draft.settle is not None:
                draft.settle(entry)
            if draft.nonce:
                for each in self._in_flight.settled(draft):
                    answer_repeat(each, entry)

    def replace(self, beside: Beside) -> None:
        """Entries of before have become others, in their places."""
        for entry in beside.replaced:
            self.tail.replace(entry)
        self.size -= beside.freed

    def overfull(self, entries: int, size: int) -> bool:
        """Whether so much more than these bounds is kept that trimming is worth its cost."""
        kept = self.tail.newest - self.oldest
        return kept >= entries + max(entries >> 4, 16) or self.size > size + (size >> 4)

    def trimmed(self, oldest: int, freed: int, size: int | None = None) -> None:
        """Note what the journal has deleted: what is left, and the bytes of what went.

        `size`: bytes of all that is left, where that is not the rest alone.
        """
        self.oldest = oldest
        self.size = self.size - freed if size is None else size

    def fail(self, turn: Turn, refusal: JournalUnavailable) -> set[tuple[int, int]]:
        """Settle what could not be stored; departures wait for the next turn.

        Returns (author, since) of the arrivals that are undone by it.
        """
        kept: list[Draft] = []
        undone: set[tuple[int, int]] = set()
        for draft in (*turn.drafts, *turn.unlogged):
            if draft.kind is Kind.ENTERED and isinstance(draft.event, Passage):
                undone.add((draft.author, draft.event.since))
                if draft.member is not None:
                    draft.member.logged = False  # so is no departure from here on
        for draft in (*turn.drafts, *turn.unlogged):
            if draft.kind is Kind.LEFT and not _undoes(draft, undone):
                kept.append(draft)
            self._refuse_all((draft,), refusal)
        # Who departed while the arrival was being stored has a departure in the next turn.
        for draft in self._drafts:
            if not _undoes(draft, undone):
                kept.append(draft)
            elif draft.settle is not None:
                draft.settle(refusal)
        self._drafts = kept
        return undone


def _undoes(draft: Draft, undone: set[tuple[int, int]]) -> bool:
    """Whether it is the departure of an arrival that never was."""
    return (
        draft.kind is Kind.LEFT
        and isinstance(draft.event, Passage)
        and (draft.author, draft.event.since) in undone
    )


def answer_repeat(draft: Draft, entry: Entry) -> None:
    """Tell a retrier which entry its message, or its rename, became the first time.

    A stream that has not come to that entry yet gets it from the log.
    """
    member = draft.member
    if entry.kind is Kind.DAMAGED:
        _refuse(draft, DataLoss(entry.sequence))
    elif draft.settle is not None:
        draft.settle(entry)
    elif member is None or entry.sequence > member.cursor:
        return
    elif member.echo or entry.kind is Kind.RENAMED:
        member.tell(Echo(entry.envelope))


def _refuse(draft: Draft, refusal: Refusal) -> None:
    settle, draft.settle = draft.settle, None
    if settle is not None:
        settle(refusal)
    elif draft.member is not None:
        draft.member.tell_refused(draft.nonce, refusal)
