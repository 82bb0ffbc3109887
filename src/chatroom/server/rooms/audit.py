"""The audit log: what was done by those who may do more than chat, and what they were refused.

Whoever nobody knows, and is refused for that, is not in it, only in the server's own log: else
anybody could fill it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from chatroom.core.audit import AuditRecord
from chatroom.core.grants import Identity
from chatroom.core.rate import TokenBucket
from chatroom.core.refusals import JournalUnavailable
from chatroom.journal import Journal, JournalError

from .background import Background

log = logging.getLogger(__name__)

NS = 1_000_000_000
SCRUB_SECONDS = 0.5
"""From one try to leave nothing of a withdrawn text on the disk to the next."""
SCRUB_PATIENCE = 60.0
"""Seconds of tries in vain after which the log says so, each time."""
SWEEP_SECONDS = 3600.0
REFUSALS_RATE = 1.0
REFUSALS_BURST = 100
"""Of refusals, of all together: so many a second, and so many at once, are recorded."""
FLOOD_SECONDS = 60.0


class Audit:
    """Records go into the journal, and as JSON lines into a file if one was named."""

    def __init__(
        self,
        journal: Journal,
        *,
        clock: Callable[[], int],
        file: Path | None = None,
        keep_seconds: float = 0.0,
    ) -> None:
        """`clock` is in ns since 1970; records are kept for `keep_seconds`; 0: for ever."""
        self._journal = journal
        self._clock = clock
        self._file = file
        self._refusals = TokenBucket(REFUSALS_RATE, REFUSALS_BURST, time.monotonic())
        self._flooded_until = 0.0
        self._keep = int(keep_seconds * NS)
        self._scrubbing: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self.background = Background()
        """What is audited goes on here, also when whoever asked for it has gone away."""
        self._withdrawn: list[AuditRecord] = []
        """Of which something may still be on the disk."""

    async def begin(self) -> None:
        """From here on forget what is older than it is kept; the journal is open.

        What was withdrawn when the server was killed is seen to now.
        """
        if self._keep:
            self._sweeping = asyncio.create_task(self._sweep(), name="audit")
        try:
            left = await self._journal.withdrawn()
        except JournalError:
            left = True  # it may be
        if left:
            self.scrub()

    async def _sweep(self) -> None:
        while True:
            try:
                await self._journal.forget_records(self._clock() - self._keep)
            except JournalError as error:
                log.warning("old audit records could not be deleted: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def records(
        self, *, after: int, count: int, since: int, room_id: str
    ) -> list[AuditRecord]:
        """See `Journal.records`; raises JournalUnavailable."""
        try:
            return await self._journal.records(
                after=after, count=count, since=since, room_id=room_id
            )
        except JournalError as error:
            raise JournalUnavailable(str(error), doing="read") from error

    async def refused(
        self, who: Identity, method: str, *, room_id: str, target: str, outcome: str
    ) -> None:
        """Record what somebody was refused, unless that comes in a flood: then the log says so."""
        now = time.monotonic()
        if self._refusals.take(now):
            if now >= self._flooded_until:
                log.warning(
                    "not all that %s is refused is in the audit log: it is too much", who.actor
                )
                self._flooded_until = now + FLOOD_SECONDS
            return
        await self.done(who, method, room_id=room_id, target=target, outcome=outcome)

    async def done(
        self, who: Identity, method: str, *, room_id: str, target: str, outcome: str
    ) -> None:
        """Record what somebody did."""
        await self._write(
            AuditRecord(
                at=self._clock(),
                actor=who.actor,
                key_id=who.key_id,
                token_id=who.token_id,
                address=who.address,
                method=method,
                room_id=room_id,
                target=target,
                outcome=outcome,
            )
        )

    async def _write(self, record: AuditRecord) -> None:
        try:
            await self._journal.record([record])
        except JournalError as error:
            # What was done is done: whoever looks for it finds it here at least.
            log.error("the audit log cannot be written (%s): %s", error, as_line(record))  # noqa: TRY400 # an operator needs no traceback
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, as_line(record))

    # ---- Withdrawn texts ----------------------------------------------------------------

    def scrub(self, room_id: str = "", sequence: int = 0) -> None:
        """See to it that nothing of a withdrawn text is on the disk, and record when it is so.

        Without a sequence: whatever was withdrawn before a start.
        """
        self._withdrawn.append(
            AuditRecord(
                at=0,
                actor="chat server",
                method="Scrub",
                room_id=room_id,
                target=str(sequence or "before the start"),
                outcome="OK",
            )
        )
        if self._scrubbing is None or self._scrubbing.done():
            self._scrubbing = asyncio.create_task(self._scrub(), name="scrub")

    async def _scrub(self) -> None:
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + SCRUB_PATIENCE
        while self._withdrawn:
            before = len(self._withdrawn)
            try:
                clean = await self._journal.scrub()
            except JournalError as error:
                log.warning("withdrawn messages are not off the disk yet: %s", error)
                clean = False
            if clean:
                gone, self._withdrawn = self._withdrawn[:before], self._withdrawn[before:]
                now = self._clock()
                for record in gone:
                    await self._write(replace(record, at=now))
                continue
            if loop.time() > patient_until:
                log.warning("withdrawn messages are not off the disk yet: who reads the file?")
                patient_until = loop.time() + SCRUB_PATIENCE
            await asyncio.sleep(SCRUB_SECONDS)

    async def close(self) -> None:
        """Give up what is still tried: a stop leaves nothing beside the tables."""
        await self.background.over()
        tasks = [task for task in (self._scrubbing, self._sweeping) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def as_line(record: AuditRecord) -> str:
    """As one line of JSON; the time as RFC 3339 has it."""
    fields = asdict(record)
    del fields["number"]
    fields["at"] = when(record.at)
    line = json.dumps(fields, ensure_ascii=False)
    # Whoever is shown it may have a terminal: C1 controls, and marks of direction, are escaped too.
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def when(ns: int) -> str:
    """A time in ns since 1970 as RFC 3339 has it, to the millisecond."""
    return f"{datetime.fromtimestamp(ns // NS, UTC):%Y-%m-%dT%H:%M:%S}.{ns % NS // 1_000_000:03d}Z"


def _append(path: Path, line: str) -> None:
    """Opened for each line: whoever rotates the file may move it away at any time.

    Of a pipe its reader is not waited for: the answers to all orders would wait with it.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    flags |= getattr(os, "O_NONBLOCK", 0)  # Windows has no such flag
    try:
        file = os.open(path, flags, 0o600)
        try:
            os.write(file, line.encode() + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        log.error("%s cannot be written (%s): %s", path, error.strerror, line)  # noqa: TRY400 # likewise
