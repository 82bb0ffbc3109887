"""A membership that outlives its streams: one task that reads, reconnects and resumes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from chatroom.client import endings, retry
from chatroom.client.admission import Admission
from chatroom.client.backoff import Backoff
from chatroom.client.errors import ChatError
from chatroom.client.latency import Latency
from chatroom.client.messages import Joined, Kind, Message, Page, message_from
from chatroom.client.reception import Reception
from chatroom.client.session import Session
from chatroom.client.speaker import Speaker

if TYPE_CHECKING:
    from chatroom.api.rpc import chat_pb2
    from chatroom.client.inbox import Inbox
    from chatroom.client.outbox import Outbox
    from chatroom.client.patience import Patience
    from chatroom.client.position import Position
    from chatroom.client.server import Server
    from chatroom.client.stream import Stream
    from chatroom.client.terms import Terms


class Membership:
    """One member of one room: `enter`, then `run` in a task of its own.

    What comes goes to the inbox, what the outbox has is sent. After a lost stream the
    next one resumes where the position is; what the outbox still has is sent again.
    Without a session (a server or a join without events) the first stream is the last.
    """

    def __init__(
        self,
        terms: Terms,
        server: Server,
        patience: Patience,
        *,
        position: Position,
        inbox: Inbox,
        outbox: Outbox,
    ) -> None:
        self.terms = terms
        self.over = False
        self.failure: BaseException | None = None
        """What it ended with; None also for leaving."""
        self.latency = Latency()
        self.reception = Reception(
            position=position,
            inbox=inbox,
            outbox=outbox,
            latency=self.latency,
            echo=terms.echo,
            typing=terms.typing,
            history=terms.history,
        )
        self.server = server
        self._patience = patience
        self._position = position
        if terms.resume is not None:
            position.follow(terms.resume.after)
        self._epoch = terms.resume.epoch if terms.resume is not None else ""
        """The epoch that `position` was last known to be right in."""
        self._fresh = False
        """Whether it is yet to be seen what the position means in the latest epoch."""
        self._inbox = inbox
        self._outbox = outbox
        self._speaker = Speaker(outbox, patience, self.latency)
        self._admission = Admission(terms, server, patience)
        self._backoff = Backoff(patience.backoff, patience.backoff_limit)
        self._leave_by: float | None = None
        self._came_to_leave = False
        """Whether the present stream was opened only to leave."""
        self._hurried = asyncio.Event()

    # ---- The whole of it ------------------------------------------------------------

    async def enter(self) -> None:
        """Join; raises what the server refuses it with. This is tried once.

        But a name in use is waited for, if the terms say whom to tell. If cancelled it takes the
        join back, for `Patience.hasty_leave` at most.
        """
        from chatroom.api.rpc import chat_pb2

        try:
            with suppress(TimeoutError):  # a server without events, and nothing was said yet
                first = await self._admission.first()
                resumed = self.terms.resume
                if resumed is None or not isinstance(first.event, Joined):
                    await self.reception.take(first)
                else:
                    self._fresh = first.event.session != resumed.secret
                    self.reception.admit(first.event, anew=False)
        except asyncio.CancelledError as error:
            leave = chat_pb2.ChatMessage(leave=chat_pb2.Leave())
            try:
                if (stream := self._admission.stream) is not None:
                    await stream.withdraw(leave, patience=self._patience.hasty_leave)
            finally:
                self._finish(error)
            raise
        except BaseException as error:
            self._finish(error)
            await self._admission.close()
            raise

    async def run(self) -> None:
        """Stay in the room, over as many streams as it takes, until the membership ends.

        Never raises a ChatError: `failure` is what it ended with.
        """
        try:
            while (lost := await self._attend()) is not None:
                if not await self._recovered(lost):
                    break
            self._finish(self._ending(None) if lost is None else None)
        except ChatError as error:
            self._finish(error)
        except asyncio.CancelledError:  # leaving took too long
            self._give_up()
            raise
        except BaseException as error:
            self._finish(error)
            raise

    def leave(self) -> None:
        """Leave once everything said is stored, or `Patience.leave` is over."""
        if self._leave_by is None:
            loop = asyncio.get_running_loop()
            self._leave_by = loop.time() + self._patience.leave
            loop.call_at(self._leave_by, self._give_up)
            self._hurried.set()
            self._speaker.leave()

    def say(self) -> None:
        """Send what the outbox has got."""
        self._speaker.wake()

    def type(self, active: bool) -> None:
        """Tell the others whether this member types; nothing while there is no connection."""
        self._speaker.type(active)

    def hurry(self) -> None:
        """End the pause before the next attempt, if there is one."""
        self._hurried.set()

    @property
    def leaving(self) -> bool:
        return self._leave_by is not None

    @property
    def joined(self) -> Joined | None:
        return self.reception.joined

    @property
    def name(self) -> str:
        return self.reception.name or self.terms.name

    def session(self, read: int | None = None) -> Session | None:
        """What resumes this membership, from behind the entry that was `read` last, or received."""
        if self.joined is None:
            return None
        epoch = self._epoch if self._fresh else self.joined.epoch
        after = self._position.after if read is None else read
        return Session(secret=self.joined.session, epoch=epoch, after=after)

    # ---- One stream -----------------------------------------------------------------

    async def _attend(self) -> ChatError | None:
        """Read the stream to its end; None if that was OK, else its error."""
        stream = self._admission.stream
        assert stream is not None, "enter() comes first"
        plain = self.joined is None
        if plain:
            self.reception.ever_live.set()
        since = (loop := asyncio.get_running_loop()).time()
        speaking = loop.create_task(self._speaker.speak(stream, plain=plain))
        # If that fails it is a bug; ending the stream brings it to light below.
        speaking.add_done_callback(
            lambda task: None if task.cancelled() or not task.exception() else stream.cancel()
        )
        try:
            if self._fresh:
                await self._catch_up()
            while (received := await self._read(stream)) is not None:
                replayed = self.reception.is_replayed(received.sequence)
                message = message_from(received, replayed=replayed)
                await self.reception.take(message)
                self._speaker.look(live=self.reception.live)
        except ChatError as error:
            return error
        finally:
            self._backoff.lasted(loop.time() - since)
            self._speaker.hush()
            speaking.cancel()
            stream.cancel()
            await asyncio.wait({speaking})
            await stream.close()
        if not speaking.cancelled():
            speaking.result()
        return None

    async def _read(self, stream: Stream) -> chat_pb2.Message | None:
        while True:
            try:
                return await stream.read(patience=self._patience.silence)
            except TimeoutError:
                if self.reception.heartbeats or self._speaker.awaits_heartbeat:
                    raise endings.lost("the server fell silent") from None

    # ---- From one stream to the next --------------------------------------------------

    async def _recovered(self, lost: ChatError) -> bool:
        """Get back into the room. False when there is nothing left to do there.

        Raises the error that the membership ends with.
        """
        if self.joined is None or self.reception.closed is not None:
            raise self._ending(lost) or lost
        if self._speaker.left or (self._came_to_leave and not self._outbox):
            return False  # all is stored; resuming might enter anew, only to leave again
        if self._patience.recovery == 0 or self._retry(lost) is retry.Stream.GIVE_UP:
            raise self._ending(lost) or lost
        await self._tell(Kind.CONNECTION_LOST, f"{lost}; reconnecting")
        clock = asyncio.get_running_loop().time
        begun, taken, failure = clock(), None, lost
        while True:
            delay = self._backoff.delay(failure.retry_after)
            if clock() + delay > self._until(begun):
                if self.leaving and not self._outbox:
                    return False
                raise self._ending(failure) or failure
            await self._pause(delay)
            leaving = self.leaving
            try:
                await self._rejoin(min(self._patience.call, self._until(begun) - clock()))
            except ChatError as error:
                failure = error
            else:
                self._came_to_leave = leaving
                return True
            decision = self._retry(failure)
            if decision is not retry.Stream.BRIEFLY:
                taken = None  # a server that was started anew holds the name anew
            elif taken is None:
                taken = clock()
            if decision is retry.Stream.GIVE_UP or (
                taken is not None and clock() - taken > self._patience.name
            ):
                raise (self._ending(failure) or failure) from lost
            if leaving and not self._outbox:
                return False  # it could not be said; the others will see that it is lost

    def _retry(self, error: ChatError) -> retry.Stream:
        return retry.stream_retry(error, renews=self.server.renews)

    def _until(self, begun: float) -> float:
        """Until when, by the loop's clock, to try; `begun` is when the connection was lost."""
        recovery = self._patience.recovery
        until = float("inf") if recovery is None else begun + recovery
        return until if self._leave_by is None else min(self._leave_by, until)

    async def _pause(self, delay: float) -> None:
        """Wait; but who leaves meanwhile, or is told to hurry, need not."""
        self._hurried.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurried.wait(), delay)

    async def _rejoin(self, patience: float) -> None:
        """Join with `resume` on a new stream. Raises ChatError."""
        before = self.joined
        assert before is not None, "without a session nothing is resumed"
        if not self._fresh:
            self._epoch = before.epoch
        session = Session(secret=before.session, epoch=before.epoch, after=self._position.after)
        try:
            async with asyncio.timeout(patience):
                first = await self._admission.anew(self.name, session, None)
        except TimeoutError:
            await self._admission.close()
            raise endings.lost("the server does not answer") from None
        except BaseException:
            await self._admission.close()
            raise
        if not isinstance(first.event, Joined):
            await self._admission.close()
            raise endings.lost("the server that answers now keeps no sessions")
        self._fresh = self._fresh or first.event.session != before.session
        self.reception.admit(first.event, anew=False)
        await self._tell(Kind.CONNECTED, "connected again", first.event)

    async def _catch_up(self) -> None:
        """After a fresh join take what was missed from the room's log, if it is the same log.

        It is when the epoch is, or when the entry that was seen last is still there: a
        server that was killed may give a new epoch to a log that has lost nothing. What
        this member has said and is in the log counts as acknowledged. What is not was
        never stored, so nothing stands against saying it again.
        """
        joined, position = self.joined, self._position
        assert joined is not None, "without a session nothing is resumed"
        page = await self._entries(max(position.after - 1, 0))
        if page is not None and page.epoch != joined.epoch:
            # Another server answers than the one that was joined, or the same started anew.
            raise endings.lost("the server was started anew")
        if (
            page is None
            or joined.sequence < position.seen
            or not (self._epoch == joined.epoch or any(map(position.knows, page.messages[:1])))
        ):
            await self.reception.lose_track()
            self.reception.admit(joined, anew=True)
        elif position.following:
            for entry in page.messages:
                await self.reception.take(entry)
            while page.more and position.seen < joined.sequence:
                seen = position.seen
                page = await self._entries(seen)
                if page is None:
                    break  # the hole is told when the stream's first new entry comes
                for entry in page.messages:
                    await self.reception.take(entry)
                if position.seen == seen:
                    break  # a page without anything new: the next would be the same
        self._fresh = False

    async def _entries(self, after: int) -> Page | None:
        """A page of the log; None when the server does not give it."""
        try:
            page = await self.server.entries_after(after)
        except ChatError as error:
            if self._retry(error) is retry.Stream.GIVE_UP:
                return None
            raise
        return replace(page, messages=tuple(replace(m, replayed=False) for m in page.messages))

    async def _tell(self, kind: Kind, text: str, event: Joined | None = None) -> None:
        await self._inbox.put(Message(name="", text=text, kind=kind, event=event))

    # ---- The end ----------------------------------------------------------------------

    def _give_up(self) -> None:
        self._finish(endings.unconfirmed() if self._outbox else None)

    def _finish(self, failure: BaseException | None) -> None:
        if self.over:
            return
        self.over = True
        self.failure = failure
        self.reception.ever_live.set()  # nobody waits for a replay that will not come
        self._inbox.end()
        self._outbox.fail(failure or endings.not_in_room())
        if self._admission.stream is not None:
            self._admission.stream.cancel()

    def _ending(self, error: ChatError | None) -> ChatError | None:
        return endings.of_membership(
            error, self.terms.room_id, self.reception.closed, leaving=self.leaving
        )
