"""One membership in one room, as an application uses it."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Self

from chatroom.client.endings import cannot_rename, not_in_room
from chatroom.client.errors import RoomClosed
from chatroom.client.outbox import Posted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from chatroom.client.inbox import Inbox
    from chatroom.client.membership import Membership
    from chatroom.client.messages import ChatRoom, Joined, Member, Message, Page
    from chatroom.client.outbox import Outbox
    from chatroom.client.patience import Patience
    from chatroom.client.session import Session

NONCE_BYTES = 64
"""The longest nonce that a server takes, in bytes of UTF-8."""


class Room:
    """A membership: enter it with `async with`, iterate to receive, `send` to speak.

    Iterating yields what can be shown to a person, each entry of the room once and in
    its order, and ends after `leave()`. It raises RoomClosed when the room is deleted;
    Removed, SessionReplaced, ServerUnavailable or another ChatError when the membership
    ended in another way; what came before is yielded first.

    A lost connection does not end it: the member comes back, what was missed is
    yielded, what was not confirmed is sent again and stored once. Messages of
    Kind.CONNECTION_LOST, CONNECTED and GAP tell of it. docs/retrying.md says when that
    is given up. A server without events has no sessions: there it ends the membership.

    Entering raises what the server refuses a join with (NameTaken, RoomNotFound, …),
    and ServerUnavailable at once. Leaving the block leaves the room. So does cancelling,
    at any await, within `Patience.hasty_leave`; cancelled again it is only disconnected.
    """

    def __init__(
        self, membership: Membership, inbox: Inbox, outbox: Outbox, patience: Patience
    ) -> None:
        self.room_id = membership.terms.room_id
        self._membership = membership
        self._inbox = inbox
        self._outbox = outbox
        self._patience = patience
        self._task: asyncio.Task[None] | None = None
        self._entered = False
        self._read = 0
        """The sequence of the last entry that the application has dealt with."""
        self._in_hand: Message | None = None
        """What it was given, and has not asked for more since."""
        self._told = False
        """Whether the application has been raised what ended the membership."""

    @property
    def name(self) -> str:
        """The name tag: as asked for, then as the room knows it, also after a rename."""
        return self._membership.name

    @property
    def joined(self) -> Joined | None:
        """The latest admission; None with a server that knows no events."""
        return self._membership.joined

    @property
    def session(self) -> Session | None:
        """What `Chat.join` takes this place back with (`resume`), from another process too.

        What was yielded counts as read as soon as the next message is asked for. Keep it where
        nobody else can read it. None before entering, and with a server without events.
        """
        all_read = self._inbox.empty and self._in_hand is None
        return self._membership.session(None if all_read else self._read)

    @property
    def members(self) -> tuple[Member, ...] | None:
        """Who is in the room, in order of arrival; this member too.

        As of the newest entry received: it may know of an arrival before that is yielded.
        None before entering, with a server without events, and where it cannot be known:
        in rooms of 500 and more (`Chat.members` asks the server). While the connection is
        lost, and after the end, it stays as it was.
        """
        return self._membership.reception.roster.members

    @property
    def details(self) -> ChatRoom | None:
        """The room as of the newest entry received: its title, how many it takes, who may come.

        Its other fields are those of the latest admission. None before entering, and with a
        server without events.
        """
        return self._membership.reception.room

    @property
    def latency(self) -> float | None:
        """The newest round trip on the present connection, in seconds.

        From handing over a message, or a heartbeat, until it was read that the server has
        stored, refused or answered it. None until the first is known, soon after the
        replay, and while the connection is lost; always with a server without events.
        """
        return self._membership.latency.latest

    @property
    def unacknowledged(self) -> int:
        """How many of the messages sent have not been confirmed."""
        return len(self._outbox)

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a room is entered once; join again for another membership")
        self._entered = True
        await self._membership.enter()
        session = self._membership.session()
        self._read = session.after if session is not None else 0
        self._task = asyncio.create_task(self._membership.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, membership = self._task, self._membership
        if task is None:
            return
        patience = self._patience
        try:
            membership.leave()
            self._inbox.end()  # nobody will ask for what still comes
            await asyncio.wait(
                {task}, timeout=patience.leave if kind is None else patience.hasty_leave
            )
        except asyncio.CancelledError:
            if kind is None:
                await asyncio.wait({task}, timeout=patience.hasty_leave)
            raise
        finally:
            task.cancel()
            await asyncio.wait({task})
        if kind is not None:
            return
        failure = membership.failure
        if failure is not None and not self._told and not isinstance(failure, RoomClosed):
            raise failure

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        if self._task is None:
            raise RuntimeError("enter the room first: async with chat.join(...) as room")
        if self._in_hand is not None:
            self._read = self._in_hand.sequence or self._read
            self._in_hand = None
        message = await self._inbox.get()
        if message is not None:
            self._in_hand = message
            return message
        if self._membership.failure is not None:
            self._told = True
            raise self._membership.failure
        raise StopAsyncIteration

    async def send(
        self, text: str, *, nonce: str = "", action: bool = False, in_reply_to: int = 0
    ) -> Message:
        """Say something and wait until the room has it; as stored, with its sequence.

        With `action` it is what one does: "waves" is shown as `* Bob waves`. `in_reply_to` is the
        sequence of what it answers. A server that knows neither takes it as said plainly.

        Raises NotAccepted when the server refuses it, and otherwise as `post`. Whoever
        gives up waiting does not take it back.
        """
        with self._inbox.hurry():
            posted = await self.post(text, nonce=nonce, action=action, in_reply_to=in_reply_to)
            return await self._stored(posted)

    async def rename(self, name: str) -> Message:
        """Take another name tag; the entry that tells of it, once the room has it.

        It is yielded too, in its place. What is said after calling this is said under the new
        name. Raises NotAccepted, as with the reasons NAME_TAKEN and RENAME_TOO_OFTEN, and with
        RENAME_UNKNOWN for a server that cannot do it; otherwise as `post`.
        """
        from chatroom.api.rpc import chat_pb2

        failure = self._ended()
        if failure is not None:
            raise failure
        if self.joined is None or "rename" not in self.joined.supported:
            raise cannot_rename()
        rename = chat_pb2.Rename(name=name, nonce=secrets.token_urlsafe(12))
        posted = Posted(chat_pb2.ChatMessage(rename=rename))
        with self._inbox.hurry():
            await self._outbox.add(posted, self._ended)
            self._membership.say()
            return await self._stored(posted)

    async def _stored(self, posted: Posted) -> Message:
        try:
            return await posted.stored()
        except BaseException as error:
            self._told = self._told or error is self._membership.failure
            raise

    async def search(self, query: str) -> AsyncIterator[Page]:
        """Pages of what was said here and has all words of a query: see `Chat.search`.

        Each page is asked for when it is wanted. Raises ChatError.
        """
        before = None
        more = True
        while more:
            page = await self._membership.server.found(query, before)
            yield page
            more = page.more and bool(page.messages)
            before = page.messages[-1].sequence if page.messages else None

    async def post(
        self, text: str, *, nonce: str = "", action: bool = False, in_reply_to: int = 0
    ) -> Posted:
        """Say something, as by `send`; returns at once, unless much is unconfirmed (`Limits`).

        What the server does not accept comes back as a message of Kind.REFUSED. The
        `nonce`, by which the server knows a repetition, is made if not given.

        Raises NotInRoom, or the error with which the membership has ended; ValueError
        for a text that is not Unicode or a nonce that is too long or under way.
        """
        from chatroom.api.rpc import chat_pb2

        if len(nonce.encode()) > NONCE_BYTES:
            raise ValueError(f"a nonce has at most {NONCE_BYTES} bytes")
        message = chat_pb2.Message(
            message=text,
            nonce=nonce or secrets.token_urlsafe(12),
            action=action,
            in_reply_to=in_reply_to,
        )
        posted = Posted(chat_pb2.ChatMessage(message=message))
        with self._inbox.hurry():
            await self._outbox.add(posted, self._ended)
        self._membership.say()
        return posted

    async def typing(self, *, active: bool = True) -> None:
        """Tell the others that this member types, or has stopped; returns at once.

        To be called at every key: the same is told again only after 3 s. Nothing is told
        while the connection is lost, during the replay, when leaving, or to a server
        without events, and nothing is raised for that. A notice that is told counts to
        the rate of messages that the server allows.
        """
        if self._task is not None:
            self._membership.type(active)

    def reconnect_now(self) -> None:
        """Try at once to get a lost connection back, if a pause before that is under way.

        For when a person asks: the pauses are there to spare the server.
        """
        self._membership.hurry()

    async def leave(self) -> None:
        """Leave the room; iterating then ends after everything sent has been stored.

        While the connection is lost that takes one more connection, or as many as it
        takes to have stored what is unconfirmed, within `Patience.leave`. A server
        without events confirms nothing; iterating ends after a moment.
        """
        if self._task is not None:
            self._membership.leave()

    async def wait_live(self) -> None:
        """Wait until the replay is over; somebody has to iterate meanwhile.

        Returns at once with a server without events, and when the membership ends.
        """
        if self._task is not None:
            await self._membership.reception.ever_live.wait()

    def _ended(self) -> BaseException | None:
        """Why nothing can be said any more."""
        membership = self._membership
        if membership.failure is not None:
            self._told = True
            return membership.failure
        if self._task is None or membership.leaving or membership.over:
            return not_in_room()
        return None
