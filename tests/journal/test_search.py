"""SQLite's index only narrows down what is read: a search finds what a look at all texts finds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.core.entry import Entry, Kind
from chatroom.core.query import parsed, terms_of
from chatroom.journal import Append
from chatroom.journal.port import unread
from chatroom.journal.sqlite import SQLiteJournal, backup
from chatroom.journal.sqlite.indexing import Indexing
from chatroom.journal.sqlite.opening import connect
from chatroom.journal.sqlite.reader import Reader
from chatroom.journal.sqlite.searches import Searches
from chatroom.journal.sqlite.searching import Searching
from chatroom.journal.sqlite.segments import Segment, next_from, slots_that_may_have
from chatroom.journal.sqlite.signatures import MOST_PARTS, SLOTS, Signing, place, slots_with
from chatroom.journal.sqlite.writer import Writer
from tests.faults.scale import scaled
from tests.journal.damaged_blocks import blocks_of, damage_head
from tests.journal.journals import BIG, new_room, says, spoken
from tests.journal.test_contract_search import SIZE, found, log, query

FULL = 600
"""Messages of `SIZE`: a segment, which is 512, and some more."""
WORDS = st.sampled_from(["a", "b", "c", "é", "東京", "Straße", "x.y", "👍"])
TEXT = st.lists(WORDS, max_size=4).map(" ".join)
SAID = st.tuples(TEXT, st.sampled_from(["Ann", "Bob"]), st.sampled_from([0, 300, 3_000, 30_000]))
QUERY = st.tuples(TEXT, st.sampled_from(["", " from:ann", ' "a b"', " 京"])).map("".join)
STEP = st.one_of(
    st.lists(SAID, min_size=1, max_size=60).map(lambda said: ("append", said * 3)),
    st.tuples(st.just("withdraw"), st.integers(0, 1_000)),
    st.tuples(st.just("trim"), st.integers(1, 200)),
    st.tuples(st.just("index"), st.none()),
    st.tuples(st.just("search"), st.tuples(QUERY, st.integers(1, 200), st.integers(1, 5))),
)


def play(directory: Path, scene: Callable[[SQLiteJournal], Awaitable[None]]) -> None:
    """Run a scene on an open journal, and close it."""

    async def running() -> None:
        journal = SQLiteJournal(directory / "chatroom.db", sync="off", spoken=spoken)
        await journal.open()
        try:
            await scene(journal)
        finally:
            await journal.close()

    asyncio.run(running())


def rows(directory: Path, sql: str) -> list[tuple[object, ...]]:
    """What a query finds in the file."""
    with closing(sqlite3.connect(directory / "chatroom.db")) as connection:
        return connection.execute(sql).fetchall()


@settings(max_examples=scaled(60, 60, brief=20), deadline=None)
@given(st.lists(STEP, min_size=3, max_size=12))
def test_index_and_texts_agree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    """Whatever is appended, withdrawn, trimmed and indexed, and in which order."""

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        texts: list[Entry] = []
        for what, given_ in [*steps, ("search", ("a", 10_000, 1_000))]:
            match what, given_:
                case "append", list(said):
                    begin = texts[-1].sequence + 1 if texts else 1
                    new = [
                        says(n, text, name=name, size=size)
                        for n, (text, name, size) in enumerate(said, begin)
                    ]
                    await journal.append([Append(key, new)])
                    texts += new
                case "withdraw", int(number) if texts:
                    at = number % len(texts)
                    gone = says(texts[at].sequence, "b (withdrawn)", kind=Kind.WITHDRAWN)
                    await journal.append([Append(key, replaced=[gone])])
                    texts[at] = gone
                case "trim", int(count):
                    await journal.trim(key, entries=count, size=BIG)
                    del texts[:-count]
                case "index", _:
                    await journal.index()
                case "search", (str(raw), int(below), int(count)) if parses(raw):
                    asked, before = query(raw), texts[0].sequence + below if texts else BIG
                    expected = [
                        entry
                        for entry in reversed(texts)
                        if entry.kind is Kind.SAID
                        and entry.sequence < before
                        and asked.finds(*spoken(entry.envelope))
                    ]
                    page = await journal.search(key, asked, before=before, count=count)
                    assert expected[:count] == list(page.entries)
                    assert page.more == (len(expected) > count)

    play(tmp_path_factory.mktemp("journal"), scene)


def parses(raw: str) -> bool:
    return bool(raw.strip())


@given(st.lists(st.sets(st.text(max_size=5), max_size=200), min_size=1, max_size=SLOTS))
def test_a_slot_has_its_words(slots: list[set[str]]) -> None:
    """Of each word that is in a slot the slot has its bit, however many there are."""
    signing = Signing()
    for terms in slots:
        signing.add(terms, 4_000)
    salt = b"s" * 16
    *_, parts = signing.parts(salt)
    assert 1 <= len(parts) <= MOST_PARTS
    for number, terms in enumerate(slots):
        for term in terms:
            part, slices = place(term, salt, len(parts))
            assert slots_with(parts[part], slices) >> number & 1


def test_few_slots_are_read_in_vain() -> None:
    """A word that is nowhere is looked for in less than one of a hundred slots."""
    signing = Signing()
    for slot in range(SLOTS):
        signing.add((f"word {slot} {number}" for number in range(230)), 4_000)
    *_, parts = signing.parts(b"salt")
    asked = 2_000
    vain = 0
    for number in range(asked):
        part, slices = place(f"nowhere {number}", b"salt", len(parts))
        vain += slots_with(parts[part], slices).bit_count()
    assert 0 < vain < asked * SLOTS / 100


def test_only_what_fills_a_segment_is_indexed(tmp_path: Path) -> None:
    """And it is counted; what a trim, or the end of the room, takes goes with its index."""

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(200))])
        await journal.index()
        assert 0 == journal.index_bytes
        rest = log(2 * FULL)[200:]
        await journal.append([Append(key, rest)])
        await journal.index()
        two = journal.index_bytes
        assert 0 < two < 2 * FULL * SIZE / 7
        await journal.index()
        assert two == journal.index_bytes
        await journal.trim(key, entries=200, size=BIG)
        assert 0 < journal.index_bytes < two
        await journal.append([Append(key, [says(2 * FULL + 1, "", kind=Kind.CLOSED)], closes=True)])
        await journal.purge(key)
        assert 0 == journal.index_bytes

    play(tmp_path, scene)
    assert [(0, 0)] == rows(
        tmp_path, "SELECT (SELECT count(*) FROM segment), (SELECT count(*) FROM signature)"
    )


def test_what_is_indexed_is_known_after_a_start(tmp_path: Path) -> None:
    """The next run goes on where this one stopped; a backup has the index too."""
    sizes: list[int] = []

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(FULL))])
        await journal.index()
        sizes.append(journal.index_bytes)

    async def later(journal: SQLiteJournal) -> None:
        assert sizes == [journal.index_bytes]

    play(tmp_path, scene)
    play(tmp_path, later)
    copied = tmp_path / "copy"
    copied.mkdir()
    backup(tmp_path / "chatroom.db", copied / "chatroom.db")
    play(copied, later)


def test_no_word_of_a_withdrawn_message_can_be_guessed(tmp_path: Path) -> None:
    """Its segment's salt is in no file afterwards, and the new segment has none of its words."""
    secret = [f"secret{number}" for number in range(20)]
    salts: list[bytes] = []

    def segment() -> Segment | None:
        with closing(sqlite3.connect(tmp_path / "chatroom.db")) as connection:
            found_ = next_from(connection, 1, 1)
            if found_ is not None:
                salts.append(found_.salt)
                of_each = [slots_that_may_have(connection, found_, [word]) for word in secret]
                assert all(of_each) == (len(salts) == 1)
            return found_

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        entries = [*log(FULL)[:99], says(100, " ".join(secret)), *log(FULL)[100:]]
        await journal.append([Append(key, entries)])
        await journal.index()
        assert await asyncio.to_thread(segment) is not None
        gone = says(100, "(withdrawn)", kind=Kind.WITHDRAWN)
        await journal.append([Append(key, replaced=[gone])])
        assert await asyncio.to_thread(segment) is None
        assert 0 == journal.index_bytes
        assert await journal.scrub()
        for file in tmp_path.iterdir():
            assert salts[0] not in await asyncio.to_thread(file.read_bytes)
        await journal.index()
        assert await asyncio.to_thread(segment) is not None
        assert salts[0] != salts[1]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE segment SET end = end + 50",
        "UPDATE segment SET first = first + 50",
        "UPDATE segment SET slots = zeroblob(length(slots))",
        "UPDATE segment SET parts = 17",
        "UPDATE signature SET slices = zeroblob(length(slices))",
        "UPDATE signature SET slices = x''",
        "DELETE FROM signature",
        "UPDATE signature SET key = -key",
    ],
)
def test_a_damaged_index_hides_no_message(tmp_path: Path, damage: str) -> None:
    """What it says of is read; a segment whose place is damaged is made anew."""

    async def begin(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(1_100))])
        await journal.index()

    async def scene(journal: SQLiteJournal) -> None:
        for _ in range(2):
            assert [*range(1007, 0, -100)] == await found(journal, 1, "rare")
            assert [] == await found(journal, 1, "nowhere")
            await journal.index()

    play(tmp_path, begin)
    with closing(sqlite3.connect(tmp_path / "chatroom.db")) as connection:
        connection.execute(damage)
        connection.commit()
    play(tmp_path, scene)


def test_a_damaged_message_is_not_found_and_hides_no_other(tmp_path: Path) -> None:
    """Neither before it was indexed, nor after."""

    async def begin(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(1_100))])

    async def scene(journal: SQLiteJournal) -> None:
        for _ in range(2):
            assert [507, 407, 207, 107, 7] == await found(journal, 1, "rare", before=600)
            await journal.index()

    play(tmp_path, begin)
    with closing(sqlite3.connect(tmp_path / "chatroom.db")) as connection:
        first, octets = connection.execute(
            "SELECT first, entries FROM block WHERE first <= 307 ORDER BY first DESC LIMIT 1"
        ).fetchone()
        assert b"n307 rare" in octets
        changed = octets.replace(b"n307 rare", b"n307 rarE")
        connection.execute("UPDATE block SET entries = ? WHERE first = ?", (changed, first))
        connection.commit()
    play(tmp_path, scene)


def test_who_goes_away_ends_a_search(tmp_path: Path) -> None:
    """It reads no further, and what others read does not wait for it."""

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, log(3_000))])
        searching = [asyncio.create_task(found(journal, key, "nowhere")) for _ in range(50)]
        await asyncio.sleep(0)
        read = await journal.read(key, after=0, entries=1, size=BIG)
        assert 1 == len(read)
        assert not all(task.done() for task in searching)
        for task in searching:
            task.cancel()
        await asyncio.wait(searching)
        assert all(task.cancelled() or task.done() for task in searching)
        assert [2907] == await found(journal, key, "rare", count=1)

    play(tmp_path, scene)


def test_a_search_that_reads_much_has_it_indexed(tmp_path: Path) -> None:
    """So the next one need not."""

    async def scene(journal: SQLiteJournal) -> None:
        key = await new_room(journal)
        await journal.append([Append(key, [says(n, f"n{n}") for n in range(1, 12_001)])])
        await journal.settle()
        assert [1] == await found(journal, key, "n1")
        async with asyncio.timeout(60):
            while not journal.index_bytes:
                await journal.probe()

    play(tmp_path, scene)


def test_rooms_are_indexed_when_it_is_quiet() -> None:
    """Not as long as something is stored again and again."""

    async def scene() -> None:
        begun = asyncio.Event()
        steps = 0

        async def read(_step: object) -> bool:
            return False

        async def write(_step: object) -> bool:
            nonlocal steps
            steps += 1
            begun.set()
            return True

        searches = Searches(read, write, unread, idle=0.01)
        searches.stored([1])
        await begun.wait()
        searches.stored([2])
        begun.clear()
        await begun.wait()  # the step that was under way, or the next time it is quiet
        await searches.close()
        was = steps
        await asyncio.sleep(0.02)
        assert was == steps

    asyncio.run(scene())


def test_terms_have_what_a_query_may_ask_for() -> None:
    """A name is no word: whoever looks for it finds what is said, and from: who has said it."""
    terms = terms_of("Ann", "hello")
    assert set(parsed("hello from:ann", characters=99, most=9).terms) == set(terms)
    assert not parsed("ann", characters=99, most=9).terms <= set(terms)


def closed_with(directory: Path, entries: list[Entry]) -> Path:
    """A journal that is closed and has these in its one room."""

    async def scene(journal: SQLiteJournal) -> None:
        await journal.append([Append(await new_room(journal), entries)])

    play(directory, scene)
    return directory / "chatroom.db"


def test_what_the_tables_get_meanwhile_is_found_once(tmp_path: Path) -> None:
    """A search has what was in the redo log alone when it began, wherever that is by then."""
    path = closed_with(tmp_path, log(FULL))
    with closing(connect(path)) as connection:
        reader = Reader(connection, lambda _: FULL)
        search = Searching(1, query("message"), spoken, log(FULL)[-200:], BIG, 1_000)
        while search.step(reader):
            pass
    assert [*range(FULL, 0, -1)] == [entry.sequence for entry in search.found.entries]


def test_what_is_withdrawn_while_it_is_indexed(tmp_path: Path) -> None:
    """No word of it is in the signature that is made, though it was read before."""
    secret = [f"secret{number}" for number in range(20)]
    words = [" ".join(f"w{number}x{word}" for word in range(40)) for number in range(2, FULL + 1)]
    texts = [" ".join(secret), *words]
    path = closed_with(tmp_path, [says(n, text, size=SIZE) for n, text in enumerate(texts, 1)])
    with closing(connect(path)) as connection:
        writer = Writer(connection)
        writer.rooms()
        indexing = Indexing([1], spoken)
        assert indexing.step(writer)
        writer.append([Append(1, replaced=[says(1, "(withdrawn)", kind=Kind.WITHDRAWN)])])
        while indexing.step(writer):
            pass
        segment = next_from(connection, 1, 1)
        assert segment is not None
        assert not all(slots_that_may_have(connection, segment, [word]) & 1 for word in secret)


def test_what_is_damaged_is_passed_when_it_is_indexed(tmp_path: Path) -> None:
    """Blocks between others and at the end: the rest gets its signatures, and indexing ends."""
    path = closed_with(tmp_path, log(2 * FULL))
    lost: list[int] = []
    for block in blocks_of(path, 1):
        if block.first <= 12 or 100 < block.first <= 160 or block.end > 2 * FULL:
            damage_head(path, block.first)
            lost += range(block.first, block.end)

    async def scene(journal: SQLiteJournal) -> None:
        await journal.index()
        assert 0 < journal.index_bytes
        shown = [number for number in range(2 * FULL, 0, -1) if number not in lost]
        assert shown == await found(journal, 1, "message", count=2 * FULL)

    play(tmp_path, scene)


def test_a_room_that_ends_while_it_is_indexed_has_no_index(tmp_path: Path) -> None:
    """Nothing of what was said in it is kept by that."""
    path = closed_with(tmp_path, log(FULL))
    with closing(connect(path)) as connection:
        writer = Writer(connection)
        writer.rooms()
        ends = [Append(1, [says(FULL + 1, "", kind=Kind.CLOSED)], closes=True)]

        def spoken_meanwhile(envelope: bytes) -> tuple[str, str]:
            """As `spoken`; when the first message is looked at, the room ends."""
            if ends:
                writer.append([ends.pop()])
            return spoken(envelope)

        indexing = Indexing([1], spoken_meanwhile)
        while indexing.step(writer):
            pass
        assert [] == ends
        assert 0 == writer.index_bytes
        assert next_from(connection, 1, 1) is None
