"""chatter members and remove, and the tables of list and members."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def room(server, chatter) -> str:
    return chatter("create", "--host", server).stdout.strip()


def test_members_are_fields_in_a_pipe(server, chatter, piped, present, room) -> None:
    """Name and time of arrival (RFC 3339), tab-separated; with --json an object each."""
    with piped("--host", server, "--room", room, "--name", "Johnny Boi"):
        present(server, room, "Johnny Boi")
        lines = chatter("members", room, "--host", server)
        member = json.loads(chatter("members", room, "--json", "--host", server).stdout)
    assert (0, "") == (lines.returncode, lines.stderr)
    assert re.fullmatch(r"Johnny Boi\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\n", lines.stdout)
    assert {
        "room_id": room, "name": "Johnny Boi", "since": lines.stdout[11:-1], "muted": False,
        "moderator": False,
    } == member  # fmt: skip


def test_members_of_no_room(server, chatter) -> None:
    """An empty room has none; a room that is not there is told."""
    ended = chatter("members", "nowhere", "--host", server)
    assert (1, "chatter: there is no room nowhere\n") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("as_json", [False, True])
def test_remove_sends_somebody_out(server, chatter, piped, present, room, as_json) -> None:
    """They are told why; it is confirmed in their name's own case, and doing it again fails."""
    with piped("--host", server, "--room", room, "--name", "Bob") as bob:
        present(server, room, "Bob")
        options = ["--reason", "no shouting", "--host", server, *(["--json"] if as_json else [])]
        first, second = (chatter("remove", room, name, *options) for name in ("bOB", "Bob"))
        assert 1 == bob.end()
        assert b"chatter: you were removed from the room: no shouting\n" == (
            bob.process.stderr.read()
        )
    assert (0, 1) == (first.returncode, second.returncode)
    if as_json:
        assert "Bob" == json.loads(first.stdout)["name"]
    else:
        assert f"Removed Bob from room {room}\n" == first.stdout
    assert second.stderr.startswith("chatter: nobody called 'Bob' is in room")


def test_rooms_are_objects_with_json(server, chatter, room) -> None:
    """One object a line, with the fields of the contract."""
    chatter("create", "plants", "--title", "Grün [red]x[/red]", "--host", server)
    listed = chatter("list", "--json", "--host", server).stdout
    rooms = {item["room_id"]: item for item in map(json.loads, listed.splitlines())}
    assert ("Grün [red]x[/red]", False, 0, 0) == tuple(
        rooms["plants"][key] for key in ("title", "private", "member_count", "sequence")
    )
    deleted = json.loads(chatter("delete", "plants", "--json", "--host", server).stdout)
    assert "plants" == deleted["room_id"]
    assert room in rooms


def test_list_is_a_table_for_a_person(fresh_server, emulator, chatter) -> None:
    """In a terminal the rooms are a table with a heading; titles are text, not markup."""
    title = "[bold]Plants[/bold] :seedling: and 12 more"
    chatter("create", "green-room", "--title", title, "--host", fresh_server)
    with emulator("list", "--host", fresh_server) as listing:
        assert 0 == listing.end()
        assert listing.style_of("ROOM").bold
        assert [
            "ROOM        MEMBERS  TITLE",
            "1234              0",
            "5678              0",
            f"green-room        0  {title}",
        ] == listing.screen[:4]


def test_table_fits_a_narrow_terminal(fresh_server, emulator, chatter) -> None:
    """A long title goes on in its column."""
    chatter("create", "green-room", "--title", "0123456789" * 4, "--host", fresh_server)
    with emulator("list", "--host", fresh_server, size=(12, 40)) as listing:
        assert 0 == listing.end()
        assert [
            "green-room        0  0123456789012345678",
            "                     9012345678901234567",
            "                     89",
        ] == listing.screen[3:6]


def test_members_are_a_table_for_a_person(fresh_server, emulator, piped, present) -> None:
    """In local time, to the second."""
    with piped("--host", fresh_server, "--room", "1234", "--name", "[red]Bob"):
        present(fresh_server, "1234", "[red]Bob")
        with emulator("members", "1234", "--host", fresh_server) as members:
            assert 0 == members.end()
            heading, bob = members.screen[:2]
    assert "NAME      SINCE" == heading
    assert re.fullmatch(r"\[red\]Bob  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", bob)


def test_nobody_and_no_rooms_are_said_to_a_person(server, chatter, emulator, room) -> None:
    """Where a program gets no lines, a person gets a sentence."""
    with emulator("members", room, "--host", server) as members:
        assert 0 == members.end()
        assert f"Nobody is in room {room}" == members.screen[0]
    assert "" == chatter("members", room, "--host", server).stdout


def test_person_who_creates_a_room_is_told_what_next(server, emulator) -> None:
    """The id alone is the result; on standard error stands how to go in."""
    with emulator("create", "tea-room", "--host", server) as created:
        assert 0 == created.end()
        assert "tea-room" == created.screen[0]
        told = "".join(created.screen[1:3])
    assert told.endswith(f"chatter --host {server} --room tea-room")
