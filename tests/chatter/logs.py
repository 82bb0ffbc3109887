"""A room's log without a server, and a printer that keeps what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from chatroom.client import ChatError, Message, Page, Patience, RoomClosed

PATIENCE = Patience(backoff=0.001, backoff_limit=0.001, recovery=0.05)


class KeptLog:
    """Answers `history` as a server does that keeps these entries."""

    def __init__(self, entries: Sequence[Message], epoch: str = "first") -> None:
        self.patience = PATIENCE
        self.entries = list(entries)
        self.epoch = epoch
        self.failures: list[ChatError] = []
        """What the next questions are answered with instead."""
        self.asked: list[int] = []
        """The page sizes."""

    async def history(
        self,
        room_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        page_size: int = 100,
    ) -> Page:
        self.asked.append(page_size)
        if self.failures:
            raise self.failures.pop(0)
        if after is None:
            kept = [entry for entry in self.entries if before is None or entry.sequence < before]
            page, more = kept[-page_size:], len(kept) > page_size
        else:
            kept = [entry for entry in self.entries if entry.sequence > after]
            page, more = kept[:page_size], len(kept) > page_size
        return Page(messages=tuple(page), epoch=self.epoch, more=more)


class Printed:
    """A printer that keeps what it is given."""

    complete = True

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.rooms_closed: list[str] = []

    def joining(self) -> None:
        pass

    def message(self, room_id: str, message: Message) -> None:
        self.messages.append(message)

    def heard(self, room_id: str, message: Message) -> None:
        pass

    def closed(self, room_id: str, closed: RoomClosed) -> None:
        self.rooms_closed.append(room_id)
