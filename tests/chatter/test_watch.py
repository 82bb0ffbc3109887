"""chatter watch: rooms read as they grow, seen by nobody."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from chatroom.chatter.printing import log_printer_for
from chatroom.chatter.watching import Place, place_before, watch
from chatroom.client import Kind, Message, RoomNotFound, ServerUnavailable
from chatroom.client.messages import gap
from tests.chatter.logs import KeptLog, Printed
from tests.client.servers import Restartable

SENT = datetime(2026, 11, 22, tzinfo=UTC)
GONE = RoomNotFound(grpc.StatusCode.NOT_FOUND, "ROOM_NOT_FOUND", "there is no room 1")
AWAY = ServerUnavailable(grpc.StatusCode.UNAVAILABLE, "", "cannot reach it")


def test_watching_is_not_being_there(server, chatter, piped) -> None:
    """What is said is printed as it comes; the roster and the log do not show the watcher."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    chatter("send", *at, "--room", room, "--name", "Bob", "before")
    with piped("watch", room, "--last", "2", *at) as watcher:
        watcher.hear("Bob: before\n* Bob has left the chat\n")
        assert "" == chatter("members", room, *at).stdout
        chatter("send", *at, "--room", room, "--name", "Bob", "after")
        watcher.hear("* Bob has entered the chat\nBob: after\n* Bob has left the chat\n")
        chatter("delete", room, *at)
        assert 0 == watcher.end()
        assert b"" == watcher.process.stderr.read()
    assert [f"Room {room} was closed", ""] == watcher.lines[-2:]


def test_several_rooms_are_told_apart(server, chatter, piped) -> None:
    """Each line begins with its room; with --json it is a field. All must be gone for the end."""
    at = ("--host", server)
    one, two = (chatter("create", *at).stdout.strip() for _ in range(2))
    for room in (one, two):
        chatter("send", *at, "--room", room, "--name", "Bob", f"in {room}")
    with piped("watch", one, two, one, "--last", "3", *at) as lines:
        lines.hear(f"[{one}] Bob: in {one}\n")
        lines.hear(f"[{two}] Bob: in {two}\n")
        with piped("watch", one, two, "--last", "3", "--json", *at) as objects:
            objects.hear(f'"room_id":"{two}"')
            chatter("delete", one, *at)
            chatter("send", *at, "--room", two, "--name", "Bob", "still")
            lines.hear(f"[{two}] Bob: still\n")
            chatter("delete", two, *at)
            assert [0, 0] == [lines.end(), objects.end()]
    found = [json.loads(line) for line in objects.lines if line]
    assert {one: "closed", two: "closed"} == {item["room_id"]: item["kind"] for item in found}
    assert 1 == lines.lines.count(f"[{one}] Bob: in {one}")


@pytest.mark.parametrize(("form", "show"), [((), "Bob: {}"), (("--json",), '"text":"{}"')])
def test_only_what_is_said(server, chatter, piped, form, show) -> None:
    """With --said that is all of the output, counted by --last too; the end is told beside it."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    say = ("send", *at, "--room", room, "--name", "Bob")
    for text in ("one", "two", "three"):
        chatter(*say, text)
    with piped("watch", room, "--said", "--last", "2", *form, *at) as watcher:
        watcher.hear(show.format("three"))
        chatter(*say, "four")
        watcher.hear(show.format("four"))
        chatter("delete", room, *at)
        assert 0 == watcher.end()
        assert f"Room {room} was closed\n" == watcher.process.stderr.read().decode()
    assert 3 == len(watcher.lines[:-1])
    assert all(
        show.format(text) in line
        for text, line in zip(("two", "three", "four"), watcher.lines[:-1], strict=True)
    )


def test_only_what_is_said_and_what_is_missing(capsys) -> None:
    """What --said leaves out of the output and matters is told on standard error."""
    printer = log_printer_for(as_json=True, said=True)
    for message in (gap(3), Message(name="", text="connected again", kind=Kind.CONNECTED)):
        printer.message("ops" if message.kind is Kind.GAP else "", message)
    told = capsys.readouterr()
    assert "chatter: room ops: 3 messages were missed\nchatter: connected again\n" == told.err
    assert "" == told.out


def test_unknown_room_fails_at_once(server, chatter) -> None:
    """One of the rooms not being there is a failure before anything is watched."""
    room = chatter("create", "--host", server).stdout.strip()
    ended = chatter("watch", room, "nowhere", "--host", server)
    assert (1, "", "chatter: there is no room nowhere\n") == (
        ended.returncode, ended.stdout, ended.stderr,
    )  # fmt: skip


def test_restarted_server_costs_nothing(tmp_path: Path, chatter, piped) -> None:
    """After the return of the server everything is printed once, in order."""
    server = Restartable("--data", str(tmp_path), "--room", "1")
    server.start()
    try:
        at = ("--host", server.address)
        say = ("send", *at, "--room", "1", "--name", "Bob")
        with piped("watch", "1", "--last", "100", "--json", *at) as watcher:
            chatter(*say, "one")
            watcher.hear('"text":"one"')
            server.kill()
            server.start()
            chatter(*say, "two")
            watcher.hear('"text":"two"')
            chatter("delete", "1", *at)
            assert 0 == watcher.end()
    finally:
        server.kill()
    said = [json.loads(line) for line in watcher.lines if '"kind":"said"' in line]
    assert ["one", "two"] == [entry["text"] for entry in said]


def test_closed_output_ends_it_quietly(server, chatter, piped) -> None:
    """When nobody reads any more, the next line is the last: exit code 1, not a word."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    with piped("watch", room, "--last", "1", *at) as watcher:
        chatter("send", *at, "--room", room, "--name", "Bob", "one")
        watcher.hear("* Bob has left the chat\n")
        watcher.deafen()
        chatter("send", *at, "--room", room, "--name", "Bob", "two")
        assert 1 == watcher.process.wait(30)
        assert b"" == watcher.process.stderr.read()


def entries(*numbers: int) -> list[Message]:
    return [
        Message(name="Bob", text=f"text {number}", sequence=number, sent=SENT) for number in numbers
    ]


def read(log: KeptLog, place: Place) -> list[int | Kind]:
    """What reading on finds: sequences, and the kind of what is no entry."""
    found, _ = asyncio.run(place.read_on(log))
    return [message.sequence or message.kind for message in found]


def test_same_log_under_another_epoch_goes_on() -> None:
    """A crash of the server that lost nothing is nothing to be told."""
    log = KeptLog(entries(1, 2, 3, 4), epoch="second")
    place = Place("1", "first", entries(3)[0])
    assert ([4], "second") == (read(log, place), place.epoch)


def test_other_log_is_read_from_its_beginning() -> None:
    """What was seen is not in it: all of it is new, and that something is missing is told."""
    log = KeptLog(entries(1, 2), epoch="second")
    assert [Kind.GAP, 1, 2] == read(log, Place("1", "first", entries(3)[0]))
    other = Message(name="Eve", text="text 2", sequence=2, sent=SENT)
    assert [Kind.GAP, 1, 2] == read(log, Place("1", "first", other))
    assert [1, 2] == read(log, Place("1", "first", None))


def test_what_was_deleted_before_it_was_read_is_told() -> None:
    """A watcher that was too slow, or away for too long, is told of the hole."""
    place = Place("1", "first", entries(3)[0])
    assert [Kind.GAP, 6, 7] == read(KeptLog(entries(6, 7)), place)
    assert [] == read(KeptLog(entries(6, 7)), place)


@pytest.mark.parametrize(
    ("last", "expected"), [(0, []), (1, [5]), (3, [3, 4, 5]), (9, [1, 2, 3, 4, 5])]
)
def test_beginning_with_the_newest(last: int, expected: list[int]) -> None:
    """So many entries are still to be read."""
    log = KeptLog(entries(1, 2, 3, 4, 5))
    assert expected == read(log, asyncio.run(place_before(log, "1", last)))


def test_beginning_with_the_newest_that_were_said() -> None:
    """With --said arrivals and departures are not counted."""
    log = KeptLog(entries(1, 2, 3, 4, 5))
    log.entries[3:] = [replace(entry, kind=Kind.LEFT) for entry in log.entries[3:]]
    assert [2, 3, 4, 5] == read(log, asyncio.run(place_before(log, "1", 2, said=True)))
    assert [] == read(log, asyncio.run(place_before(log, "1", 0, said=True)))


def test_server_that_is_away_is_told_once() -> None:
    """Lost, and connected again; then what came meanwhile, and the end of the room."""
    log, printer = KeptLog(entries(1, 2)), Printed()
    log.failures = [AWAY, AWAY]

    async def scene() -> None:
        watching = asyncio.create_task(watch(log, [Place("1", "first", entries(1)[0])], printer))
        while not printer.messages or printer.messages[-1].sequence != 2:
            await asyncio.sleep(0)
        log.failures = [GONE]
        await watching

    asyncio.run(scene())
    assert [Kind.CONNECTION_LOST, Kind.CONNECTED, Kind.SAID] == [m.kind for m in printer.messages]
    assert ["1"] == printer.rooms_closed


def test_server_that_stays_away_ends_it() -> None:
    """After as long as a lost connection is tried to be got back."""
    log, printer = KeptLog(entries(1)), Printed()
    log.failures = [AWAY] * 10_000
    with pytest.raises(ServerUnavailable):
        asyncio.run(watch(log, [Place("1", "first", entries(1)[0])], printer))
    assert [Kind.CONNECTION_LOST] == [message.kind for message in printer.messages]


def test_what_was_deleted_in_a_room_that_was_empty_is_told() -> None:
    """A watcher of an empty room is to see everything from the first entry on."""
    place = asyncio.run(place_before(KeptLog([]), "1", 0))
    assert [Kind.GAP, 6, 7] == read(KeptLog(entries(6, 7)), place)
    asked_for_more = asyncio.run(place_before(KeptLog(entries(6, 7)), "1", 9))
    assert [6, 7] == read(KeptLog(entries(6, 7)), asked_for_more)
