"""Learning: a room takes in what other nodes have stored.

What waits here was checked against the room as it was. So it is checked again: who drafted
something that others were quicker with is refused as if they had come later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .denials import Muted
from .entry import Draft, Kind
from .member import Member
from .names import free_name, name_tag
from .news import News
from .record import MemberRecord
from .refusals import (
    NameInvalid,
    NameTaken,
    Refusal,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    SessionReplaced,
    SessionUnknown,
)
from .room import Room
from .standing import Standing


@dataclass(slots=True)
class Learned:
    """What a room has learnt that those who keep sessions and streams must know."""

    left: list[Member] = field(default_factory=list)
    """Who was served here, and is not any more."""
    elsewhere: list[Member] = field(default_factory=list)
    """Who is served by another node now, and was not, or by another one."""


class Learning:
    """Rooms of one node learn here."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        """`monotonic` is in seconds."""
        self._monotonic = monotonic

    def learn(self, room: Room, news: News, *, ended: RoomClosed | None = None) -> Learned:
        """Take in news, after what was taken of the room for a turn was put back.

        Its notes are another's to read, before. `ended`: how streams end, of a room that has.
        Every reader is to be woken then.
        """
        learned = Learned()
        room.version = news.version
        room.facts = news.facts
        room.log.learn(news)
        departures = {
            entry.author: entry.sequence for entry in news.entries if entry.kind is Kind.LEFT
        }
        for author in news.gone:
            self._gone(room, author, departures.get(author), learned)
        for record, _ in news.members:
            self._forget_name(room, record)
        for record, node in news.members:
            self._elsewhere(room, record, node, learned)
        for member in room.members():
            member.mark = room.marks.of(member.subject, member.tag)
        if ended is not None:
            self._ended(room, ended)
        else:
            self._check_waiting(room)
        if not room.readers:
            room.tail.clear()
        return learned

    def _gone(self, room: Room, author: int, departure: int | None, learned: Learned) -> None:
        """Somebody was removed elsewhere, or was taken for lost."""
        member = room.by_author(author)
        self._drop(room, lambda draft: draft.author == author, SessionUnknown())
        room.changed.pop(author, None)
        if member is None:
            return
        served = member.standing is not Standing.ELSEWHERE
        room.leave_roster(member)
        member.outcome = SessionUnknown()
        member.final = (departure or room.newest + 1) - 1
        if served:
            learned.left.append(member)

    def _forget_name(self, room: Room, record: MemberRecord) -> None:
        """Who has another name now gives the old one up, before anybody takes it."""
        member = room.by_author(record.author)
        if (
            member is not None
            and member.standing is Standing.ELSEWHERE
            and member.name != record.name
        ):
            room.roster.remove(member)

    def _elsewhere(self, room: Room, record: MemberRecord, node: int, learned: Learned) -> None:
        old = room.by_author(record.author)
        if old is not None and old.standing is not Standing.ELSEWHERE:
            self._drop(room, lambda draft: draft.author == record.author, SessionReplaced())
            room.changed.pop(record.author, None)
            room.roster.remove(old)
            old.replaced()
            learned.left.append(old)
            old = None
        elif old is None:  # it had departed here, perhaps, and that was not stored
            self._drop(room, lambda draft: draft.author == record.author, SessionReplaced())
            room.changed.pop(record.author, None)
        if old is not None:
            if old.node != node:
                old.node = node
                learned.elsewhere.append(old)
            old.logged = record.logged
            return
        self._make_way(room, record)
        member = room.restore(record, monotonic=self._monotonic())
        member.standing, member.node = Standing.ELSEWHERE, node
        learned.elsewhere.append(member)

    def _make_way(self, room: Room, record: MemberRecord) -> None:
        """Whoever waits for the name that somebody has got elsewhere does not get it."""
        characters = room.limits.name_characters
        try:
            tag = name_tag(record.name, characters=characters)
        except NameInvalid:  # by rules that are newer than the name
            return
        for member in room.colliding(tag):
            free = free_name(tag, room.roster.has_key, characters=characters)
            taken = NameTaken(member.naming.pen, free)
            kind = Kind.ENTERED if member.standing is Standing.ARRIVING else Kind.RENAMED
            self._refuse(room, member, kind, taken)

    def _refuse(self, room: Room, member: Member, kind: Kind, refusal: Refusal) -> None:
        """Its arrival, and whatever it drafted since, or its rename alone."""
        arriving = kind is Kind.ENTERED
        self._drop(
            room,
            lambda draft: draft.author == member.author and (arriving or draft.kind is kind),
            refusal,
        )
        if arriving:
            room.changed.pop(member.author, None)

    def _check_waiting(self, room: Room) -> None:
        """What a draft was allowed by may have changed."""
        arriving = [each for each in room.members() if each.standing is Standing.ARRIVING]
        while arriving and room.member_count > room.capacity:
            self._refuse(room, arriving.pop(), Kind.ENTERED, RoomFull(room.room_id, room.capacity))
        muted = {each.author for each in room.members() if each.mark.muted}
        if muted:
            said = (Kind.SAID, Kind.RENAMED)
            self._drop(room, lambda draft: draft.kind in said and draft.author in muted, Muted())

    def _ended(self, room: Room, ended: RoomClosed) -> None:
        """It was deleted elsewhere: what waits is too late."""
        early = (Kind.ENTERED, Kind.CLOSED)
        self._drop(room, lambda draft: draft.kind in early, RoomNotFound(room.room_id))
        self._drop(room, lambda _: True, ended)
        room.ending = room.closed = ended

    def _drop(self, room: Room, of: Callable[[Draft], bool], refusal: Refusal) -> None:
        """Refuse what waits and is `of` this."""
        room.renaming.undo(room.log.drop(of, refusal))
