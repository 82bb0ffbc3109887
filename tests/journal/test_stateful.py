"""Any order of appends, retries, trims, sweeps and restarts is what a list would give."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chatroom.core.entry import Entry, Kind
from chatroom.core.record import MemberRecord
from chatroom.journal import (
    NONCE_SECONDS,
    SESSION_SECONDS,
    Append,
    JournalConflict,
    NonceUsed,
    StoredRoom,
    Trimmed,
)
from tests.faults.scale import scaled
from tests.journal import postgres_databases
from tests.journal.journals import (
    BIG,
    KINDS,
    NOW,
    SECOND,
    Shelf,
    a_room,
    everything,
    record,
    without_nonces,
)

ROOMS = 2
AUTHORS = st.integers(1, 3)
NONCES = st.sampled_from(["", "", "a", "b", "c"])
SAID = st.lists(st.tuples(AUTHORS, NONCES, st.integers(0, 3_000)), min_size=1, max_size=6)


@dataclass
class Log:
    """A room, as simply as can be."""

    key: int
    entries: list[Entry] = field(default_factory=list)
    newest: int = 0

    @property
    def oldest(self) -> int:
        return self.newest - len(self.entries) + 1

    @property
    def size(self) -> int:
        return sum(entry.stored_bytes for entry in self.entries)


class JournalMachine(RuleBasedStateMachine):
    """A journal with two rooms, beside lists of what it must have."""

    kind = "memory"

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.shelf = Shelf(self.kind, self.directory)
        if self.kind == "postgres":
            self.runner.run(postgres_databases.empty())
        self.runner.run(self.shelf.open())
        self.logs: list[Log] = []
        self.nonces: dict[tuple[int, str], Entry] = {}
        self.members: dict[int, tuple[int, MemberRecord]] = {}
        self.now = NOW
        self.killed = False
        for _ in range(ROOMS):
            self._create()

    def _create(self) -> None:
        stored = self.runner.run(self.shelf.journal.create_room(a_room(f"r{len(self.logs)}")))
        self.logs.append(Log(stored.facts.key))

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.shelf.journal.close())
            self.runner.close()
            shutil.rmtree(self.directory)

    def _said(self, log: Log, said: list[tuple[int, str, int]]) -> list[Entry]:
        """Entries after the newest; no author uses a nonce twice in one call."""
        seen: set[tuple[int, str]] = set()
        made: list[Entry] = []
        for author, nonce, size in said:
            if (author, nonce) not in seen or not nonce:
                seen.add((author, nonce))
                sequence = log.newest + 1 + len(made)
                made.append(Entry(sequence, self.now, Kind.SAID, author, b"x" * size, nonce))
        return made

    @rule(seconds=st.sampled_from([1, 60, NONCE_SECONDS // 2, NONCE_SECONDS]))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(said=st.lists(SAID, min_size=ROOMS, max_size=ROOMS))
    def append(self, said: list[list[tuple[int, str, int]]]) -> None:
        # Authors are the server's own: one has no place in two rooms.
        batches = [
            self._said(log, [(author + 10 * room, nonce, size) for author, nonce, size in each])
            for room, (log, each) in enumerate(zip(self.logs, said, strict=True))
        ]
        used = {
            (entry.author, entry.nonce): first
            for batch in batches
            for entry in batch
            if (first := self.nonces.get((entry.author, entry.nonce)))
            and entry.sent - first.sent < NONCE_SECONDS * SECOND
        }
        appends = [Append(log.key, batch) for log, batch in zip(self.logs, batches, strict=True)]
        if used:
            with pytest.raises(NonceUsed) as refusal:
                self.runner.run(self.shelf.journal.append(appends))
            assert used == refusal.value.used
            return
        self.runner.run(self.shelf.journal.append(appends))
        for log, batch in zip(self.logs, batches, strict=True):
            log.entries += batch
            log.newest = batch[-1].sequence
            self.nonces |= {(entry.author, entry.nonce): entry for entry in batch if entry.nonce}

    @rule(room=st.integers(0, ROOMS - 1), off=st.sampled_from([-1, 1, 7]))
    def append_out_of_turn(self, room: int, off: int) -> None:
        log = self.logs[room]
        wrong = [Entry(log.newest + 1 + off, self.now, Kind.SAID, 1, b"")]
        with pytest.raises(JournalConflict):
            self.runner.run(self.shelf.journal.append([Append(log.key, wrong)]))

    @rule(
        room=st.integers(0, ROOMS - 1),
        authors=st.lists(AUTHORS, max_size=3, unique=True),
        gone=st.lists(AUTHORS, max_size=2),
        inside=st.booleans(),
    )
    def members_change(self, room: int, authors: list[int], gone: list[int], inside: bool) -> None:
        key = self.logs[room].key
        records = [
            record(10 * room + author, session=b"%d" % (10 * room + author), since=self.now,
                   ended=0 if inside else self.now)
            for author in authors
        ]  # fmt: skip
        leave = [10 * room + author for author in gone]
        self.runner.run(self.shelf.journal.append([Append(key, members=records, gone=leave)]))
        self.members |= {each.author: (key, each) for each in records}
        for author in leave:
            self.members.pop(author, None)

    @rule(room=st.integers(0, ROOMS - 1), entries=st.integers(0, 12), size=st.integers(0, 20_000))
    def trim(self, room: int, entries: int, size: int) -> None:
        log = self.logs[room]
        freed = 0
        while len(log.entries) > 1 and (len(log.entries) > entries or log.size > size):
            freed += log.entries.pop(0).stored_bytes
        trimmed = self.runner.run(self.shelf.journal.trim(log.key, entries=entries, size=size))
        assert Trimmed(log.oldest, freed) == trimmed

    @rule()
    def sweep(self) -> None:
        self.runner.run(self.shelf.journal.sweep(self.now))
        self.nonces = {
            key: entry
            for key, entry in self.nonces.items()
            if self.now - entry.sent < NONCE_SECONDS * SECOND
        }
        self.members = {
            author: (key, each)
            for author, (key, each) in self.members.items()
            if not each.ended or self.now - each.ended < SESSION_SECONDS * SECOND
        }

    @rule(room=st.integers(0, ROOMS - 1))
    @precondition(lambda self: len(self.logs[0].entries) > 3)
    def close_a_room_and_make_another(self, room: int) -> None:
        log = self.logs[room]
        self.runner.run(self.shelf.journal.append([Append(log.key, closes=True)]))
        self.runner.run(self.shelf.journal.purge(log.key))
        assert [] == self.runner.run(everything(self.shelf.journal, log.key))
        self.nonces = {key: e for key, e in self.nonces.items() if key[0] // 10 != room}
        self.members = {
            author: (key, each) for author, (key, each) in self.members.items() if key != log.key
        }
        stored = self.runner.run(self.shelf.journal.create_room(a_room(f"r{room}")))
        assert stored.facts.key not in [each.key for each in self.logs]
        self.logs[room] = Log(stored.facts.key)

    @rule()
    def restart(self) -> None:
        self._check_rooms(self.runner.run(self.shelf.reopen()))

    @rule()
    def kill(self) -> None:
        self.killed = True
        self._check_rooms(self.runner.run(self.shelf.kill()))

    @rule()
    def settle(self) -> None:
        self.runner.run(self.shelf.settle())

    def _check_rooms(self, rooms: list[StoredRoom]) -> None:
        listed = {room.facts.key: room for room in rooms}
        assert {log.key for log in self.logs} == set(listed)
        for log in self.logs:
            room = listed[log.key]
            assert (log.newest, log.oldest, log.size) == (room.newest, room.oldest, room.size)
            assert "e1" == room.facts.epoch or (self.killed and self.kind == "sqlite-off")
            inside = [
                each for key, each in self.members.values() if key == log.key and not each.ended
            ]
            assert sorted(inside, key=lambda each: (each.since, each.author)) == list(room.inside)

    @rule(room=st.integers(0, ROOMS - 1), after=st.integers(0, 40), most=st.integers(0, 9))
    def read_a_page(self, room: int, after: int, most: int) -> None:
        log = self.logs[room]
        expected = [entry for entry in log.entries if entry.sequence > after][:most]
        assert without_nonces(expected) == self.runner.run(
            self.shelf.journal.read(log.key, after=after, entries=most, size=BIG)
        )

    @rule(room=st.integers(0, ROOMS - 1), before=st.integers(1, 60), most=st.integers(1, 9))
    def read_a_page_backwards(self, room: int, before: int, most: int) -> None:
        log = self.logs[room]
        below = [entry for entry in log.entries if entry.sequence < before]
        for entries, size in (most, BIG), (BIG, 1):
            page = self.runner.run(
                self.shelf.journal.read_before(log.key, before=before, entries=entries, size=size)
            )
            assert without_nonces(below[-(1 if size == 1 else most) :]) == page or (
                size == 1 and all(not entry.envelope for entry in page[1:])
            )
        found = self.runner.run(self.shelf.journal.said_before(log.key, before=before, count=most))
        assert (below[-most:][0].sequence if below else before) == found

    @invariant()
    def everything_is_there(self) -> None:
        if not hasattr(self, "logs"):
            return
        for log in self.logs:
            stored = self.runner.run(everything(self.shelf.journal, log.key))
            assert without_nonces(log.entries) == stored
        for author in range(1, 14):
            found = self.runner.run(self.shelf.journal.session(b"%d" % author))
            assert self.members.get(author) == found


EXAMPLES = {
    "memory": scaled(15, 250, brief=8),
    "sqlite-full": scaled(5, 60, brief=3),
    "sqlite-off": scaled(8, 150, brief=4),
    "postgres": scaled(3, 60, brief=2),
}


@pytest.mark.shortened
@pytest.mark.parametrize("kind", KINDS)
def test_any_order_is_what_a_list_gives(kind: str) -> None:
    """Also with nonces used again, after trims, sweeps, restarts and kills."""
    machine = type("JournalMachine", (JournalMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=EXAMPLES[kind], stateful_step_count=30, deadline=None),
    )
