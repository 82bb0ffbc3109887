"""A tap in the same process whose frames a program can look at: for tests and the lab."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from chatroom.chatwire.decode import Decoder, Frame
from chatroom.chatwire.tap import Tap
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Passage


class RecordedTap:
    """A tap that keeps every frame.

        async with RecordedTap("127.0.0.1:8080") as tap:
            ...  # connect to tap.address
            trailers = await tap.until(lambda frame: frame.kind is Kind.HEADERS and ...)
        print(len(tap.frames))

    For conversations of some seconds: nothing that passed is ever dropped.
    """

    def __init__(
        self,
        to: str,
        schema: Schema | None = None,
        *,
        tap: Callable[[Address, Callable[[Passage], None]], Tap] = Tap,
    ) -> None:
        """`tap` makes the tap itself: where to, and whom to tell what passes."""
        self._tap = tap(Address.parse(to), self._observe)
        self._decoder = Decoder(schema)
        self._pending: list[Passage] = []
        self._frames: list[Frame] = []
        self._passed = asyncio.Event()
        self.passages: list[Passage] = []
        """Everything that passed, undecoded."""

    async def __aenter__(self) -> Self:
        await self._tap.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tap.__aexit__(kind, error, trace)

    @property
    def address(self) -> str:
        """HOST:PORT that clients connect to."""
        return self._tap.address

    def turn_to(self, to: str) -> None:
        """Connect the clients that come from now on to another server, HOST:PORT."""
        self._tap.turn_to(Address.parse(to))

    def cut(self) -> None:
        """Break every connection off, as a network that fails would; go on listening."""
        self._tap.cut()

    @property
    def frames(self) -> list[Frame]:
        """The frames so far, decoded when they are first asked for."""
        pending, self._pending = self._pending, []
        for passage in pending:
            self._frames += self._decoder.take(passage)
        return self._frames

    async def until(self, wanted: Callable[[Frame], bool], *, after: int = 0) -> Frame:
        """The first frame with a number above `after` that is wanted; waits until it passes."""
        seen = after
        while True:
            self._passed.clear()
            for frame in self.frames[seen:]:
                if wanted(frame):
                    return frame
            seen = len(self._frames)
            await self._passed.wait()

    def _observe(self, passage: Passage) -> None:
        self._pending.append(passage)
        self.passages.append(passage)
        self._passed.set()
