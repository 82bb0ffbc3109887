"""Learning: a room takes in what other nodes have stored.

What waits here was checked against the room as it was. So it is checked again: who drafted
something that others were quicker with is refused as if they had come later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .denials import Muted
from .entry import Closing, Draft, Entry, EntryEvent, Kind, Passage
from .exhausted import RenameTooOften
from .fenced import NodeFenced
from .leave_reason import LeaveReason
from .log import Beside
from .member import Member
from .names import NameTag, free_name, name_tag
from .news import News
from .record import MemberRecord
from .refusals import (
    NameInvalid,
    NameTaken,
    Refusal,
    Removed,
    RoomClosed,
    RoomFull,
    RoomNotFound,
    SessionReplaced,
    SessionUnknown,
)
from .room import Room
from .standing import Standing

ReadEvent = Callable[[bytes], EntryEvent | None]
"""Reads what an entry's envelope tells: of a passage, or of a closing; None of anything else."""


@dataclass(slots=True)
class Learned:
    """What a room has learnt that those who keep sessions and streams must know."""

    left: list[Member] = field(default_factory=list)
    """Who was in, and is not any more; or was served here, and is not any more."""
    elsewhere: list[Member] = field(default_factory=list)
    """Who is served by another node now, and was not, or by another one."""


class Learning:
    """Rooms of one node learn here."""

    def __init__(self, read: ReadEvent, *, monotonic: Callable[[], float]) -> None:
        """`monotonic` is in seconds."""
        self._read = read
        self._monotonic = monotonic

    def learn(self, room: Room, news: News, own: int) -> Learned:
        """Take in news, after what was taken of the room for a turn was put back.

        `own` is the number of this node.
        Its notes are another's to read, before. Every reader is to be woken then.
        """
        learned = Learned()
        room.version = news.version
        room.facts = news.facts
        room.log.learn(news)
        for record, _ in news.members:
            member = room.by_author(record.author)
            if member is not None and member.name != record.name:
                room.renaming.forget(record.author)  # what answered the last one does no more
        departures = {entry.author: entry for entry in news.entries if entry.kind is Kind.LEFT}
        for author in news.gone:
            if author in departures or not news.closed:  # or else it goes with the room
                self._gone(room, author, departures.get(author), learned)
        renamed = [
            (member, record)
            for record, node in news.members
            if (member := room.by_author(record.author)) is not None
            and (member.standing is Standing.ELSEWHERE or node == own)
            and member.name != record.name
        ]
        for member, _ in renamed:  # before anybody takes its name
            room.roster.remove(member)
        for member, record in renamed:
            if member.standing is not Standing.ELSEWHERE:
                self._renamed(room, member, record)
        for record, node in news.members:
            member = room.by_author(record.author)
            if member is None or member.standing is Standing.ELSEWHERE or node != own:
                self._elsewhere(room, record, node, learned)
        for member in room.members():
            member.mark = room.marks.of(member.subject, member.tag)
        if news.closed:
            self._ended(room, news)
        else:
            self._check_waiting(room)
        if not room.readers:
            room.tail.clear()
        return learned

    def _gone(self, room: Room, author: int, departure: Entry | None, learned: Learned) -> None:
        """Somebody has left, or was removed elsewhere; a big room does not say which."""
        outcome: Refusal | None = Removed()
        final = room.newest
        if departure is not None:
            final = departure.sequence - 1
            event = self._read(departure.envelope)
            if isinstance(event, Passage) and event.reason is not LeaveReason.REMOVED:
                outcome = None if event.reason is LeaveReason.QUIT else SessionReplaced()
        _drop(room, lambda draft: draft.author == author, SessionUnknown())
        self._forget_departed(room, author, learned)
        member = room.by_author(author)  # whom a drop has put back, if it was to be moved here
        if member is None:
            return
        room.leave_roster(member)
        member.outcome, member.final = outcome, final
        learned.left.append(member)

    def _forget_departed(self, room: Room, author: int, learned: Learned) -> None:
        """What was to be stored of somebody is not; whoever had departed here has no place here."""
        member = room.changed.pop(author, None)
        if member is not None and not member.present:
            learned.left.append(member)

    def _elsewhere(self, room: Room, record: MemberRecord, node: int, learned: Learned) -> None:
        author = record.author
        old = room.by_author(author)
        if old is None or old.standing is not Standing.ELSEWHERE:
            # It was served here, or had departed here, and that was not stored.
            _drop(room, lambda draft: draft.author == author, SessionReplaced())
            self._forget_departed(room, author, learned)
            old = room.by_author(author)
        if old is not None and old.standing is not Standing.ELSEWHERE:
            room.roster.remove(old)
            old.end(SessionReplaced())
            learned.left.append(old)
        elif old is not None and old.name == record.name:
            if old.node != node:
                old.node = node
                learned.elsewhere.append(old)
            old.logged = record.logged
            return
        elif old is not None:  # it was to be moved here, and was renamed there
            room.roster.remove(old)
            learned.left.append(old)
        self._make_way(room, record)
        member = room.restore(record, monotonic=self._monotonic())
        member.standing, member.node = Standing.ELSEWHERE, node
        learned.elsewhere.append(member)

    def _renamed(self, room: Room, member: Member, record: MemberRecord) -> None:
        """Whoever is served here may have got another name by a call that came to another node."""
        interval = room.limits.rename_interval
        refuse_rename(room, member, RenameTooOften(interval, interval or 1.0))
        tag = self._make_way(room, record)
        if tag is not None:
            room.renaming.learn(member, tag)
        room.roster.add(member)

    def _make_way(self, room: Room, record: MemberRecord) -> NameTag | None:
        """Whoever waits for the name that somebody has got elsewhere does not get it.

        Returns the name; None if it is none by rules that are newer.
        """
        characters = room.limits.name_characters
        try:
            tag = name_tag(record.name, characters=characters)
        except NameInvalid:
            return None
        for member in room.colliding(tag):
            free = free_name(tag, room.roster.has_key, characters=characters)
            taken = NameTaken(member.naming.pen, free)
            if member.standing is Standing.ARRIVING:
                refuse_arrival(room, member, taken)
            else:
                refuse_rename(room, member, taken)
        return tag

    def _check_waiting(self, room: Room) -> None:
        """What a draft was allowed by may have changed."""
        arriving = [each for each in room.members() if each.standing is Standing.ARRIVING]
        while arriving and room.member_count > room.capacity:
            refuse_arrival(room, arriving.pop(), RoomFull(room.room_id, room.capacity))
        muted = {each.author for each in room.members() if each.mark.muted}
        if muted:
            said = (Kind.SAID, Kind.RENAMED)
            _drop(room, lambda draft: draft.kind in said and draft.author in muted, Muted())

    def give_up(self, room: Room, node: int) -> list[Member]:
        """Nobody is served here any more; returns who was.

        What waits is refused. `node`: under which number this one has served them.
        """
        _drop(room, lambda _: True, NodeFenced())
        room.changed.clear()
        room.beside = Beside()
        served = [each for each in room.members() if each.standing is not Standing.ELSEWHERE]
        for member in served:
            record = member.record()
            assert record is not None, "it is in the roster"
            room.roster.remove(member)
            member.end(NodeFenced(), max(room.newest, member.cursor))
            left = room.restore(record, monotonic=self._monotonic())
            left.standing, left.node = Standing.ELSEWHERE, node
        return served

    def _ended(self, room: Room, news: News) -> None:
        """It was deleted elsewhere: what waits is too late."""
        event = self._read(news.entries[-1].envelope) if news.entries else None
        why = (event.reason, event.successor) if isinstance(event, Closing) else ("", "")
        ended = RoomClosed(room.room_id, *why)
        early = (Kind.ENTERED, Kind.CLOSED)
        _drop(room, lambda draft: draft.kind in early, RoomNotFound(room.room_id))
        _drop(room, lambda _: True, ended)
        room.changed.clear()
        room.beside = Beside()
        room.ending = room.closed = ended


def refuse_arrival(room: Room, member: Member, refusal: Refusal) -> None:
    """Its arrival, which is not stored, and whatever it has drafted since."""
    _drop(room, lambda draft: draft.author == member.author, refusal)
    room.changed.pop(member.author, None)


def refuse_rename(room: Room, member: Member, refusal: Refusal) -> None:
    """Its rename, which is not stored; what it says is said under the old name."""
    _drop(room, lambda draft: draft.author == member.author and draft.kind is Kind.RENAMED, refusal)


def _drop(room: Room, of: Callable[[Draft], bool], refusal: Refusal) -> None:
    """Refuse what waits and is `of` this."""
    room.renaming.undo(room.log.drop(of, refusal))
