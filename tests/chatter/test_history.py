"""chatter history: any part of a room's log, as lines or as JSON."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chatroom.chatter.history import print_entries, print_history
from chatroom.chatter.moments import Moment
from chatroom.chatter.printing import log_printer_for, printer_for
from chatroom.chatter.watching import PAGE_ENTRIES
from chatroom.client import Gap, Kind, Member, Message, Page
from tests.chatter.logs import KeptLog, Printed

EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def talk(server) -> str:
    """A room in which Bob has said five things: entries 2 to 6, between coming and going."""
    from chatroom.client import connect

    async def speak() -> str:
        async with connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with chat.join(room_id, "Bob") as room:
                for text in ("one", "two\nlines", "three", "four \u202e", "five"):
                    await room.send(text)
        return room_id

    return asyncio.run(speak())


def sequences(ended) -> list[int]:
    assert "" == ended.stderr
    return [json.loads(line)["sequence"] for line in ended.stdout.splitlines()]


def test_lines_are_times_names_and_texts(server, chatter, talk) -> None:
    """Local time, then what was said as in a conversation; who came and went behind a star."""
    ended = chatter("history", talk, "--host", server, TZ="UTC-3")
    entries = [
        json.loads(line)
        for line in chatter("history", talk, "--json", "--host", server).stdout.splitlines()
    ]
    local = (datetime.fromisoformat(entry["time"]) + timedelta(hours=3) for entry in entries)
    times = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in local]
    shown = [
        "* Bob has entered the chat", "Bob: one", "Bob: two\n    lines", "Bob: three",
        "Bob: four ", "Bob: five", "* Bob has left the chat",
    ]  # fmt: skip
    assert (0, "") == (ended.returncode, ended.stderr)
    expected = [f"{time}  {line}\n" for time, line in zip(times, shown, strict=True)]
    assert "".join(expected) == ended.stdout


def test_json_has_every_field_and_the_whole_text(server, chatter, talk) -> None:
    """One object a line, in ASCII; texts are as they were sent, whatever they hold."""
    ended = chatter("history", talk, "--json", "--host", server)
    entries = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.stdout.isascii()
    assert list(range(1, 8)) == [entry["sequence"] for entry in entries]
    assert "four \u202e" == entries[4]["text"]
    assert ("left", "quit") == (entries[6]["kind"], entries[6]["reason"])
    assert {"room_id", "sequence", "time", "name", "text", "kind", "nonce"} == set(entries[1])
    assert (talk, "Bob", "said") == tuple(entries[1][key] for key in ("room_id", "name", "kind"))
    assert entries[1]["time"].endswith("Z")


def test_nobody_says_an_arrival_or_a_departure(server, chatter) -> None:
    """Neither by text nor by name; how somebody went is told in words."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    chatter("send", *at, "--room", room, "--name", "Eve", "Has left the chat\n* Bob was removed")
    chatter("send", *at, "--room", room, "--name", "* Bob has left the chat", ".")
    lines = chatter("history", room, *at).stdout.splitlines()
    shown = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", line) for line in lines]
    assert [
        "* Eve has entered the chat",
        "Eve: Has left the chat",
        "    * Bob was removed",
        "* Eve has left the chat",
        "* * Bob has left the chat has entered the chat",
        '"* Bob has left the chat": .',
        "* * Bob has left the chat has left the chat",
    ] == shown


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("quit", "* Bob has left the chat\n"),
        ("lost", "* Bob has lost the connection\n"),
        ("removed", "* Bob was removed\n"),
        ("too_slow", "* Bob was too slow and is out\n"),
        ("", "* Bob has left the chat\n"),
    ],
)
def test_how_somebody_went_is_told(reason: str, line: str, capsys) -> None:
    """Each reason of a departure has its words; one that is not known has the general ones."""
    left = Message(
        name="Bob",
        text="Has left the chat",
        kind=Kind.LEFT,
        event=Member(name="Bob", reason=reason),
    )
    log_printer_for(as_json=False, said=False).message("1", left)
    assert line == capsys.readouterr().out


def test_only_what_was_said(server, chatter, talk) -> None:
    """With --said nobody comes or goes, as lines and as JSON; the bounds stay what they are."""
    at = (talk, "--said", "--host", server)
    lines = chatter("history", *at)
    assert ["Bob: one", "Bob: five"] == [
        lines.stdout.splitlines()[number][21:] for number in (0, -1)
    ]
    assert [2, 3, 4, 5, 6] == sequences(chatter("history", *at, "--json"))
    assert [2] == sequences(chatter("history", *at, "--json", "--until", "2"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--since", "#3"), [3, 4, 5, 6, 7]),
        (("--since", "3", "--until", "4"), [3, 4]),
        (("--until", "2"), [1, 2]),
        (("--last", "2"), [6, 7]),
        (("--history", "2"), [6, 7]),
        (("--last", "2", "--until", "4"), [3, 4]),
        (("--last", "3", "--since", "6"), [6, 7]),
        (("--last", "99"), [1, 2, 3, 4, 5, 6, 7]),
        (("--said", "--last", "2"), [5, 6]),
        (("--said", "--last", "2", "--since", "6"), [6]),
        (("--said", "--last", "1", "--until", "1"), []),
        (("--since", "8"), []),
        (("--since", "5", "--until", "4"), []),
        (("--since", "1h"), [1, 2, 3, 4, 5, 6, 7]),
        (("--since", "2020-01-01T10:00"), [1, 2, 3, 4, 5, 6, 7]),
        (("--until", "1h30m"), []),
        (("--until", "2020-01-01"), []),
        (("--since", "2999-01-01"), []),
    ],
)
def test_part_of_it(server, chatter, talk, options, expected) -> None:
    """Sequences are included on both sides; --last counts what is left."""
    ended = chatter("history", talk, "--json", "--host", server, *options)
    assert (0, expected) == (ended.returncode, sequences(ended))


def test_empty_room_has_none(server, chatter) -> None:
    """Nothing to print is no failure."""
    room = chatter("create", "--host", server).stdout.strip()
    ended = chatter("history", room, "--since", "1d", "--host", server)
    assert (0, "", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_unknown_room_fails(server, chatter) -> None:
    """A room that is not there is told."""
    ended = chatter("history", "nowhere", "--host", server)
    assert (1, "chatter: there is no room nowhere\n") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    "options", [("--since", "yesterday"), ("--last", "0"), ("--follow", "--until", "1d")]
)
def test_wrong_usage(server, chatter, options) -> None:
    """What cannot be meant is told before anything is asked, with exit code 2."""
    ended = chatter("history", "1", "--host", server, *options)
    assert (2, "") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith("Usage: chatter history")


def test_following_goes_on_where_history_ends(server, chatter, piped) -> None:
    """What was said and what is said come in one row, until the room is deleted."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    chatter("send", *at, "--room", room, "--name", "Bob", "before")
    with piped("history", room, "--follow", "--json", *at) as reader:
        reader.hear('"text":"Has left the chat"')
        chatter("send", *at, "--room", room, "--name", "Bob", "after")
        reader.hear('"text":"after"')
        chatter("delete", room, *at)
        assert 0 == reader.end()
    found = [json.loads(line) for line in reader.lines if line]
    assert [1, 2, 3, 4, 5] == [entry["sequence"] for entry in found[:5]]
    assert "closed" == found[-1]["kind"]


def printed(log: KeptLog, **wanted: object) -> list[int]:
    """The sequences that history prints of a log."""
    printer = Printed()
    bounds = {"since": None, "until": None, "last": None, "follow": False} | wanted
    asyncio.run(print_history(log, "1", printer, **bounds))
    return [message.sequence for message in printer.messages]


def test_last_that_were_said_are_found_under_many_others() -> None:
    """The log is looked through backwards, page by page, no further than needed."""
    log = long_log(5000)
    log.entries = [
        entry if entry.sequence in (7, 1000, 1999) else replace(entry, kind=Kind.ENTERED)
        for entry in log.entries
    ]
    assert 1000 == printed(log, last=2, said=True)[0]
    assert 7 == printed(log, last=3, said=True)[0]
    assert 1 == printed(log, last=4, said=True)[0]
    assert 1500 == printed(log, last=2, said=True, since=Moment(sequence=1500))[0]


def long_log(newest: int, *, oldest: int = 1) -> KeptLog:
    """A log with an entry every ten seconds."""
    return KeptLog(
        [
            Message(
                name="Bob", text="x", sequence=number, sent=EPOCH + timedelta(seconds=10 * number)
            )
            for number in range(oldest, newest + 1)
        ]
    )


def test_long_history_comes_by_pages() -> None:
    """All of it is printed, and no page is larger than what a server gives."""
    log = long_log(3 * PAGE_ENTRIES + 7)
    assert list(range(1, 3 * PAGE_ENTRIES + 8)) == printed(log)
    assert max(log.asked) == PAGE_ENTRIES


def test_what_is_deleted_while_it_is_read_is_told() -> None:
    """The room is trimmed between two pages: the hole is in its place."""
    log, printer = long_log(3 * PAGE_ENTRIES), Printed()
    ask = log.history

    async def trimming(room_id: str, **page: int) -> Page:
        answer = await ask(room_id, **page)
        if page.get("after") == 0 and page["page_size"] == PAGE_ENTRIES:
            log.entries = log.entries[2 * PAGE_ENTRIES :]
        return answer

    log.history = trimming
    asyncio.run(print_entries(log, "1", printer, 1, 3 * PAGE_ENTRIES - 1))
    hole = printer.messages[PAGE_ENTRIES]
    assert (Kind.GAP, Gap(missed=PAGE_ENTRIES)) == (hole.kind, hole.event)
    assert 2 * PAGE_ENTRIES + 1 == printer.messages[PAGE_ENTRIES + 1].sequence
    assert 3 * PAGE_ENTRIES - 1 == printer.messages[-1].sequence


@pytest.mark.parametrize("oldest", [1, 4000])
@pytest.mark.parametrize("seconds", [0, 40_000, 40_001, 49_995, 50_000, 50_001])
def test_times_are_found_by_halving(oldest: int, seconds: int) -> None:
    """The first entry at the time or later, with few questions, however long the log."""
    log = long_log(5000, oldest=oldest)
    time = Moment(time=EPOCH + timedelta(seconds=seconds))
    expected = [number for number in range(oldest, 5001) if 10 * number >= seconds]
    assert expected == printed(log, since=time)
    below = [number for number in range(oldest, 5001) if 10 * number < seconds]
    assert below == printed(log, until=time)
    assert len(log.asked) < 50


DAMAGED = Message(
    name="chat server", text="(this message is damaged on disk)", kind=Kind.DAMAGED, sequence=3
)


def test_what_is_damaged_has_a_line(capsys) -> None:
    """Behind a star, which nobody can say; a program that wants what was said gets it apart."""
    log_printer_for(as_json=False, said=False).message("1", DAMAGED)
    printer_for(as_json=False).message("1", DAMAGED)
    assert 2 * "* a message here is damaged and cannot be shown\n" == capsys.readouterr().out
    log_printer_for(as_json=False, said=True).message("1", DAMAGED)
    said, told = capsys.readouterr()
    assert ("", True) == (said, "a message here is damaged" in told)
    printer_for(as_json=True).message("1", DAMAGED)
    found = json.loads(capsys.readouterr().out)
    assert ("damaged", 3, None) == (found["kind"], found["sequence"], found["time"])


@pytest.mark.parametrize("damaged", [{50}, set(range(40, 61)), set(range(1, 101)), {100}])
def test_times_are_found_beside_what_is_damaged(damaged: set[int]) -> None:
    """It has no time: the next one that has decides."""
    log = long_log(100)
    log.entries = [
        replace(DAMAGED, sequence=entry.sequence) if entry.sequence in damaged else entry
        for entry in log.entries
    ]
    found = printed(log, since=Moment(time=EPOCH + timedelta(seconds=500)))
    whole = set(range(50, 101)) - damaged
    assert sorted(whole) == [number for number in found if number not in damaged]
