"""A room against the simplest model of it: a list of what is in the log."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from chatroom.core.entry import Kind
from chatroom.core.exhausted import RenameTooOften
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import name_tag
from chatroom.core.refusals import NameTaken
from tests.core.rooms import admit, commit, fail, new_room, read
from tests.faults.scale import scaled

NAMES = st.sampled_from(["Alice", "Bob", "Carol", "Dan", "alice"])


class RoomMachine(RuleBasedStateMachine):
    """Join, post, rename, leave, commit, fail and read in any order.

    The model of the log is `logged`; that of a member is where it began and what it
    must have been handed since.
    """

    members: Bundle[Any] = Bundle("members")

    def __init__(self) -> None:
        super().__init__()
        self.room = new_room(
            Limits(tail_bytes=100_000, write_bytes=60, logged_arrivals=3, rename_interval=0.0)
        )
        self.logged: list[tuple[Kind, int, bytes]] = []
        self.handed: dict[Member, bytes] = {}
        self.start: dict[Member, int] = {}
        self.arriving: list[Member] = []
        self.present: dict[str, Member] = {}
        self.renaming: dict[Member, str] = {}
        self.called: dict[int, str] = {}
        """The name of each author whose arrival is in the log, as of its newest entry."""

    @rule(target=members, name=NAMES, echo=st.booleans())
    def admit(self, name: str, echo: bool) -> Any:
        try:
            member = admit(self.room, name, echo=echo)
        except NameTaken:
            assert self.taken(name) is not None
            return multiple()
        assert self.taken(name) is None
        self.present[name.lower()] = member
        self.arriving.append(member)
        if not member.logged:
            self.start[member] = member.cursor = self.room.newest
            self.handed[member] = b""
        return member

    def taken(self, name: str) -> Member | None:
        """Who has a name, or is about to have it."""
        about = {new.lower(): member for member, new in self.renaming.items()}
        return (self.present | about).get(name.lower())

    @rule(member=members, name=NAMES)
    def rename(self, member: Member, name: str) -> None:
        if not member.present or member in self.arriving:
            return
        try:
            self.room.rename(member, name_tag(name, characters=32), "", monotonic=0.0)
        except RenameTooOften:
            assert member in self.renaming
        except NameTaken:
            assert self.taken(name) not in (None, member)
        else:
            assert self.taken(name) in (None, member)
            if name != member.name:
                self.renaming[member] = name

    @rule(member=members, text=st.sampled_from(["x", "hello", "a longer message than others"]))
    def post(self, member: Member, text: str) -> None:
        if member.present:
            self.room.post(member, text, "")

    @rule(member=consumes(members))
    def depart(self, member: Member) -> None:
        self.room.depart(member, LeaveReason.QUIT, now=1_000)
        self.renaming.pop(member, None)
        if self.present.get(member.name.lower()) is member:
            del self.present[member.name.lower()]

    @rule()
    def commit(self) -> None:
        for member in self.renaming:
            del self.present[member.name.lower()]
        for entry in commit(self.room):
            self.logged.append((entry.kind, entry.author, entry.envelope))
            self.check_name(entry.kind, entry.author, entry.envelope.decode())
            assert len(self.logged) == entry.sequence
            for member in self.arriving:
                if entry.kind is Kind.ENTERED and entry.author == member.author:
                    member.cursor = self.start[member] = entry.sequence
                    self.handed[member] = b""
        self.arriving.clear()
        for member, name in self.renaming.items():
            assert name == member.name
            self.present[name.lower()] = member
        self.renaming.clear()

    def check_name(self, kind: Kind, author: int, line: str) -> None:
        """Whatever an author does in the log, it does under the name that the log gives it."""
        name, _, text = line.partition(" ")[2].removesuffix("]").partition(": ")
        if kind is Kind.ENTERED:
            self.called[author] = name
        elif author in self.called:
            assert self.called[author] == name
        if kind is Kind.RENAMED:
            self.called[author] = text.removeprefix("is now known as ")

    @rule()
    def fail(self) -> None:
        fail(self.room)
        self.renaming.clear()
        for member in self.arriving:
            self.room.retract(member)
            if self.present.get(member.name.lower()) is member:
                del self.present[member.name.lower()]
        self.arriving.clear()

    @rule(member=members)
    def read(self, member: Member) -> None:
        if member in self.start:
            self.handed[member] += read(self.room, member)

    @invariant()
    def a_member_was_handed_exactly_the_log_since_its_arrival(self) -> None:
        for member, handed in self.handed.items():
            expected = b"".join(
                envelope
                for kind, author, envelope in self.logged[self.start[member] : member.cursor]
                if member.echo or author != member.author or kind is not Kind.SAID
            )
            assert expected == handed

    @invariant()
    def the_roster_is_who_is_present(self) -> None:
        assert len(self.present) == self.room.member_count
        names = {member.name.lower(): member for member in self.room.members()}
        assert self.present == names
        assert sorted(names) == [m.tag.key for m in self.room.members_following("", 100)]

    @invariant()
    def departures_match_arrivals(self) -> None:
        arrived = {author for kind, author, _ in self.logged if kind is Kind.ENTERED}
        left = [author for kind, author, _ in self.logged if kind is Kind.LEFT]
        assert len(left) == len(set(left))
        assert set(left) <= arrived


RoomMachine.TestCase.settings = settings(
    max_examples=scaled(50, 500, brief=20), stateful_step_count=40, deadline=None
)
TestRoom = RoomMachine.TestCase
