"""What is made of each message that comes: whether it is new, and what it tells."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.client.messages import (
    CLOSING_TEXT,
    SERVER_NAME,
    ChatRoom,
    Closed,
    Joined,
    Kind,
    Refused,
    Renamed,
    gap,
)
from chatroom.client.roster import Roster

if TYPE_CHECKING:
    from chatroom.client.inbox import Inbox
    from chatroom.client.latency import Latency
    from chatroom.client.messages import Message
    from chatroom.client.outbox import Outbox, Posted
    from chatroom.client.position import Position

NOT_SHOWN = frozenset({Kind.JOINED, Kind.LIVE, Kind.HEARTBEAT})


class Reception:
    """Takes what comes over all streams of a membership, and knows what it has told.

    Each entry goes to the inbox once, in order; holes are told. Own messages settle
    the outbox, and go to the inbox only with `echo`; typing only with `typing`.
    """

    def __init__(
        self,
        *,
        position: Position,
        inbox: Inbox,
        outbox: Outbox,
        latency: Latency,
        echo: bool,
        typing: bool,
        history: int | None,
    ) -> None:
        self.joined: Joined | None = None
        """The latest admission."""
        self.name = ""
        """The own name tag as the room knows it; empty: not told."""
        self._names: set[str] = set()
        """Every one that this member has had: what was said then may be acknowledged now."""
        self.room: ChatRoom | None = None
        """The room as of the newest entry received."""
        self.live = False
        """Whether the replay of the present stream is over."""
        self.ever_live = asyncio.Event()
        """The first replay is over, or will never be."""
        self.heartbeats = False
        """Whether the server has ever sent one."""
        self.closed: Closed | None = None
        self.roster = Roster()
        """As of the newest entry received, which the application may not have asked for."""
        self._position = position
        self._inbox = inbox
        self._outbox = outbox
        self._latency = latency
        self._echo = echo
        self._not_shown = NOT_SHOWN if typing else NOT_SHOWN | {Kind.TYPING}
        self._history = history
        self._ahead: set[str] = set()

    def admit(self, joined: Joined, *, anew: bool) -> None:
        """Note the admission on a new stream; with `anew` nothing of the log is known."""
        self.joined = joined
        self._call(joined.name)
        self.live = False
        self.room = joined.room
        self.roster.admit(joined)
        if anew:
            self._position.begin(joined, self._history)

    def _call(self, name: str) -> None:
        self.name = name
        self._names.add(name)

    def is_replayed(self, sequence: int) -> bool:
        """Whether the entry that comes now is older than the membership.

        The own arrival is not, though it comes before the replay is over.
        """
        if self.joined is None or self.live or self._position.following:
            return False
        return 0 < sequence <= self.joined.sequence

    async def take(self, message: Message) -> None:
        """Take the next message of the stream, or the next entry of a page of the log."""
        if isinstance(message.event, Closed):
            self.closed = message.event
        elif isinstance(message.event, Joined):
            if self.joined is None:  # so late that the server was thought to have no events
                self.admit(message.event, anew=True)
            return
        if self.joined is None:
            if message.name == SERVER_NAME and message.text == CLOSING_TEXT:
                self.closed = Closed()
            await self._inbox.put(message)
            return
        if message.kind is Kind.LIVE:
            await self._go_live(self.joined)
            return
        if message.kind is Kind.HEARTBEAT:
            self.heartbeats = True
            self._latency.beaten()
        elif isinstance(message.event, Refused):
            self._refuse(message, message.event)
        await self._take_entry(message, self.joined)

    async def lose_track(self) -> None:
        """Tell that it is not known what was missed."""
        if self._position.following:
            await self._inbox.put(gap(None))

    async def _go_live(self, joined: Joined) -> None:
        missed = self._position.live(joined)
        if missed:
            await self._inbox.put(gap(missed))
        self.live = True
        self.ever_live.set()

    async def _take_entry(self, message: Message, joined: Joined) -> None:
        own = self._own(message)
        if own is not None:
            self._latency.answered(own.nonce)
            self._outbox.settle(own, message)
            if isinstance(message.event, Renamed):
                self._names.add(message.event.name)
            elif own.retried and self.live and message.sequence > self._position.seen + 1:
                # The answer to a retry may overtake the log; the entry itself is to come.
                self._ahead.add(message.nonce)
                return
        new, missed = self._position.take(message)
        if missed:
            self.roster.lose(message.sequence)
            await self._inbox.put(gap(missed))
        if new:
            self.roster.take(message)
            self._update(message, joined)
        if not new or message.kind in self._not_shown:
            return
        if message.kind is Kind.RENAMED:  # also one's own: `name` is another one from here on
            await self._inbox.put(message)
            return
        mine = own is not None or message.nonce in self._ahead
        self._ahead.discard(message.nonce)
        if self._echo or not mine:
            await self._inbox.put(message)

    def _update(self, message: Message, joined: Joined) -> None:
        now = message.event
        if isinstance(now, Renamed):
            # An admission already tells the name that its replay comes to.
            if message.name == self.name and not 0 < message.sequence <= joined.sequence:
                self._call(now.name)
        elif isinstance(now, ChatRoom) and self.room and message.sequence > joined.sequence:
            self.room = replace(
                self.room,
                title=now.title,
                capacity=now.capacity,
                closed_to_newcomers=now.closed_to_newcomers,
            )

    def _own(self, message: Message) -> Posted | None:
        """The unconfirmed message that this is the echo of."""
        if message.name not in self._names:
            return None
        if isinstance(message.event, Renamed):
            return self._outbox.find(message.event.nonce)
        if not message.sequence:
            return None
        if message.kind is not Kind.SAID and not message.withdrawn:
            return None
        return self._outbox.find(message.nonce)

    def _refuse(self, message: Message, refused: Refused) -> None:
        posted = self._outbox.find(refused.nonce)
        if posted is not None:
            self._latency.answered(posted.nonce)
            from chatroom.client.statuses import not_accepted

            self._outbox.settle(posted, not_accepted(refused, message.text))
