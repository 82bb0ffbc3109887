"""Talk: what members say, at the pace they may, and that they type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from chatroom.core import refusals
from chatroom.core.entry import Entry, Manner, Said
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.names import NameTag
from chatroom.core.room import Room
from chatroom.core.saying import drafts_of
from chatroom.server.counters import Counters

from .commit import CommitLoop, into
from .congestion import Congestion, Turn
from .sessions import Place

DRAFT_BYTES = 200
"""What a draft costs beside its text (measured with sys.getsizeof)."""


class Talk:
    """What members do while they are in a room."""

    def __init__(
        self,
        commits: CommitLoop,
        limits: Limits,
        check_open: Callable[[], None],
        monotonic: Callable[[], float],
        counters: Counters,
    ) -> None:
        """`check_open` raises Draining; `monotonic` is in seconds."""
        self._commits = commits
        self._limits = limits
        self._check_open = check_open
        self._monotonic = monotonic
        self._counters = counters
        self._congestion = Congestion(monotonic)
        self.on_typing: Callable[[Room, Member, bool], None] = lambda *_: None
        """Called when a member of this node types, or has stopped."""

    def token_wait(self, member: Member) -> float:
        """Take a token of the member's rate: seconds to wait, 0 if it was taken."""
        bucket = member.bucket
        return bucket.take(self._monotonic()) if bucket.limited else 0.0

    @property
    def congested(self) -> int:
        """In how many rooms somebody waits for the room's rate."""
        return len(self._congestion)

    def room_turn(self, room: Room, call: Callable[[], None]) -> Turn | None:
        """None: by the room's rate one message may be said. Else `call` is called when it may."""
        return self._congestion.turn(room, call) if room.bucket.limited else None

    def say(self, place: Place, text: str, nonce: str, manner: Manner | None = None) -> None:
        """Draft a message of a stream, after `room_turn`; it is told if it cannot be stored.

        Raises Draining, TextInvalid, TextTooLong, NonceInvalid, or how the member's
        stream has ended.
        """
        self._check_open()
        place.room.post(place.member, text, nonce, manner=manner)
        if place.room.bucket.limited:
            self._congestion.take(place.room)
        self._commits.touch(place.room, len(text) + DRAFT_BYTES)

    def rename(self, place: Place, tag: NameTag, nonce: str) -> None:
        """Draft a rename that came by a stream, as `say`; see `Room.rename`."""
        self._check_open()
        place.room.rename(place.member, tag, nonce, monotonic=self._monotonic())
        if place.room.bucket.limited:
            self._congestion.take(place.room)
        self._commits.touch(place.room, DRAFT_BYTES)

    def say_all(self, place: Place, said: Sequence[Said]) -> int:
        """As `say` for each, up to one that is to be refused or above a rate; how many."""
        member, room = place.member, place.room
        if room.closing or member.over or member.mark.muted:
            return 0
        drafts = drafts_of(member, said, self._limits)
        if room.bucket.limited:
            drafts = drafts[: self._congestion.take_some(room, len(drafts))]
        if member.bucket.limited:
            may = member.bucket.take_some(len(drafts), self._monotonic())
            if may < len(drafts):
                room.bucket.give_back(len(drafts) - may)
                drafts = drafts[:may]
        if drafts:
            room.log.add_all(drafts)
            size = sum([len(draft.text) for draft in drafts])
            self._commits.touch(room, size + DRAFT_BYTES * len(drafts))
        return len(drafts)

    async def send(
        self, place: Place, text: str, nonce: str, manner: Manner | None = None
    ) -> Entry:
        """Draft a message and wait for its entry; under a used nonce, for the first one.

        Above a rate it waits, for `Limits.send_wait`. Raises RateLimited, RoomBusy,
        TextInvalid, TextTooLong, NonceInvalid, Draining, JournalUnavailable, or how the
        member's stream has ended.
        """
        await self._admit(place)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        place.room.post(place.member, text, nonce, into(settled), manner)
        self._commits.touch(place.room, len(text) + DRAFT_BYTES)
        return await settled

    async def send_rename(self, place: Place, tag: NameTag, nonce: str) -> Entry:
        """Draft a rename and wait for its entry, as `send`; see `Room.rename`."""
        await self._admit(place)
        settled: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        place.room.rename(
            place.member, tag, nonce, monotonic=self._monotonic(), settle=into(settled)
        )
        self._commits.touch(place.room, DRAFT_BYTES)
        return await settled

    async def _admit(self, place: Place) -> None:
        """Wait until a member, and its room, may say something."""
        await self.pace(place)
        if place.room.bucket.limited:
            await self._congestion.admit(place.room, self._limits.send_wait)
        self._check_open()

    async def pace(self, place: Place) -> None:
        """Wait for a token, `Limits.send_wait` at most; raises RateLimited."""
        waited = 0.0
        while wait := self.token_wait(place.member):
            if waited + wait > self._limits.send_wait:
                raise refusals.RateLimited(wait)
            await asyncio.sleep(wait)
            waited += wait
        await self._commits.room_to_read()

    def type(self, place: Place, active: bool) -> None:
        """Note that a member types, or has stopped; in a big room it is not passed on."""
        room, member = place.room, place.member
        if member.over or member.mark.muted or room.member_count > self._limits.typing_members:
            return
        self.on_typing(room, member, active)
        self.show_typing(room, member, active)

    def show_typing(self, room: Room, member: Member, active: bool) -> None:
        """Pass it on to the readers of this node, at its pace."""
        before = room.typing.version
        wait = room.typing.notice(member.author, member.name, active, self._monotonic())
        if wait is not None:
            asyncio.get_running_loop().call_later(wait, self._release_typing, room, member)
        if room.typing.version != before:
            room.wake_all()

    def _release_typing(self, room: Room, member: Member) -> None:
        if room.typing.release(member.author, self._monotonic()):
            room.wake_all()

    def read_later(self, member: Member) -> bool:
        """Whether a member's stream is not to be read for now: its outbox is full."""
        return len(member.outbox) >= self._limits.outbox
