"""A tap with a plan, for programs and tests.

    async with faulty("127.0.0.1:50051", "drop down message 2", "cut idle 5s: rst") as tap:
        channel = grpc.aio.insecure_channel(tap.address)
        ...
        print(tap.faults)

Where there is no event loop, `running` has one in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from chatroom.chatwire.decode import Frame, Kind
from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.faults.meaning import Meanings
from chatroom.chatwire.faults.passing import FaultyHalf, Passing
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.recorded import RecordedTap
from chatroom.chatwire.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.faults.choosing import Meaning
    from chatroom.chatwire.passage import Passage
    from chatroom.wire.addresses import Address


T = TypeVar("T")


class FaultyTap(Tap):
    """A tap that does to what passes what a plan says; otherwise as `Tap`."""

    def __init__(
        self,
        to: Address,
        observe: Callable[[Passage], None],
        *,
        plan: Plan,
        meaning: Meaning,
        **options: Any,
    ) -> None:
        """`meaning` reads messages, where rules ask for what is in them."""
        super().__init__(to, observe, half=partial(FaultyHalf, begin=self._begin), **options)
        self.plan = plan
        """For the connections that come from now on."""
        self.happened: set[str] = set()
        """The rules, as they are written, of which something has come."""
        self._meaning = meaning
        self._passing: list[Passing] = []

    def release(self, key: str) -> int:
        """Let go what waits for this key, on all connections; how many messages did."""
        self._passing = [one for one in self._passing if not one.over]
        return sum(one.release(key) for one in self._passing)

    def _begin(self, number: int, observe: Callable[[Passage], None]) -> Passing:
        passing = Passing(self.plan, self._meaning, number, observe, self.happened)
        self._passing = [*(one for one in self._passing if not one.over), passing]
        return passing


class FaultyRecordedTap(RecordedTap):
    """A tap with a plan that keeps every frame, in this process; `faulty` makes one."""

    def __init__(self, to: str, plan: Plan, schema: Schema | None = None) -> None:
        schema = schema or own_schema()
        self._faulty: FaultyTap | None = None

        def tap(address: Address, observe: Callable[[Passage], None]) -> FaultyTap:
            self._faulty = FaultyTap(address, observe, plan=plan, meaning=Meanings(schema))
            return self._faulty

        super().__init__(to, schema, tap=tap)

    @property
    def plan(self) -> Plan:
        """For the connections that come from now on."""
        assert self._faulty is not None
        return self._faulty.plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        assert self._faulty is not None
        self._faulty.plan = plan

    def release(self, key: str) -> int:
        """Let go what `hold` keeps for this key; how many messages did."""
        assert self._faulty is not None
        return self._faulty.release(key)

    @property
    def unfitted(self) -> list[str]:
        """The rules that nothing has fitted so far."""
        assert self._faulty is not None
        happened = self._faulty.happened
        return [rule.text for rule in self.plan.rules if rule.text not in happened]

    @property
    def faults(self) -> list[Frame]:
        """The frames that a fault has touched, and what it did that is no frame."""
        return [one for one in self.frames if one.altered is not None or one.kind is Kind.FAULT]


def faulty(
    to: str, *rules: str | Plan, seed: int = 0, proto: Path | None = None
) -> FaultyRecordedTap:
    """A tap before the server at `to` (HOST:PORT), an asynchronous context manager.

    `rules` are as docs/faults.md has them, or whole plans, whose own seeds do not count.
    `proto` describes the messages, where `field` has names: a .proto file or descriptor set.
    Raises RuleInvalid for a rule that is none, SchemaUnusable for such a file.
    """
    from chatroom.chatwire.schema import open_schema

    plan = planned(rules, seed)
    return FaultyRecordedTap(to, plan, open_schema(proto) if proto is not None else None)


def planned(rules: Sequence[str | Plan], seed: int = 0) -> Plan:
    """One plan of rules and plans. Raises RuleInvalid."""
    every = [
        rule for one in rules for rule in (one if isinstance(one, Plan) else Plan.of(one)).rules
    ]
    return Plan(tuple(every), seed)


class Background:
    """A tap in a thread: what `running` gives. Its methods may be called from any thread."""

    def __init__(self, tap: FaultyRecordedTap, loop: asyncio.AbstractEventLoop) -> None:
        self._tap = tap
        self._loop = loop

    @property
    def address(self) -> str:
        """HOST:PORT that clients connect to."""
        return self._tap.address

    @property
    def frames(self) -> list[Frame]:
        """What has passed so far."""
        return self._call(lambda: list(self._tap.frames))

    @property
    def faults(self) -> list[Frame]:
        """The frames that a fault has touched, and what it did that is no frame."""
        return self._call(lambda: self._tap.faults)

    @property
    def unfitted(self) -> list[str]:
        """The rules that nothing has fitted so far."""
        return self._call(lambda: self._tap.unfitted)

    def release(self, key: str) -> int:
        """Let go what `hold` keeps for this key; how many messages did."""
        return self._call(lambda: self._tap.release(key))

    def cut(self) -> None:
        """Break every connection off; go on listening."""
        self._call(self._tap.cut)

    def _call(self, what: Callable[[], T]) -> T:
        async def doing() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result()


@contextlib.contextmanager
def running(
    to: str, *rules: str | Plan, seed: int = 0, proto: Path | None = None
) -> Iterator[Background]:
    """The same in a thread of its own, for tests and clients that have no event loop."""
    tap = faulty(to, *rules, seed=seed, proto=proto)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="chatwire faults", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(tap.__aenter__(), loop).result()
        try:
            yield Background(tap, loop)
        finally:
            asyncio.run_coroutine_threadsafe(tap.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
