"""chatter mute, moderator, withdraw, ban, update and what undoes them."""

from __future__ import annotations

import json
import re

import pytest

from chatroom.chatter.cli import run
from tests.chatter.moderated import Moderated, moderated


@pytest.fixture(scope="module")
def on(tmp_path_factory) -> Moderated:
    with moderated(tmp_path_factory.mktemp("moderated"), "--anonymous", "join,send,history") as on:
        yield on


@pytest.fixture
def room(on, chatter) -> str:
    return chatter("create", *on.admin).stdout.strip()


@pytest.fixture
def bob(on, room, piped, present):
    with piped("--host", on.address, "--room", room, "--name", "Bob") as bob:
        present(on.address, room, "Bob")
        yield bob


def test_somebody_is_muted_and_may_speak_again(on, room, chatter, bob) -> None:
    """What they say is refused, with a sentence; the list of members shows it."""
    first = chatter("mute", room, "bob", "--reason", "too loud", *on.moderator)
    assert (0, f"Bob may not speak in room {room}\n", "") == (
        first.returncode, first.stdout, first.stderr,
    )  # fmt: skip
    bob.hear("chat server: Bob was muted: too loud\n")
    bob.say("hello?\n")
    bob.hear("chat server: a moderator has muted you: you may read, not speak\n")
    listed = chatter("members", room, "--host", on.address)
    assert re.fullmatch(r"Bob\t\S+Z\tmuted\n", listed.stdout)
    again = json.loads(chatter("unmute", room, "Bob", "--json", *on.moderator).stdout)
    assert {"room_id": room, "name": "Bob", "muted": False, "moderator": False} == again
    bob.hear("chat server: Bob may speak again\n")


def test_a_moderator_is_made(on, room, chatter, piped, present) -> None:
    """Who has a token; the list of members shows it; --not takes it back."""
    with piped(*on.shown("ann"), "--room", room, "--name", "Ann"):
        present(on.address, room, "Ann")
        made = chatter("moderator", room, "Ann", *on.admin)
        assert (0, f"Ann is a moderator in room {room}\n") == (made.returncode, made.stdout)
        members = chatter("members", room, "--json", "--host", on.address).stdout
        assert json.loads(members)["moderator"]
        ended = chatter("moderator", room, "Ann", "--not", *on.admin)
        assert f"Ann is no moderator in room {room}\n" == ended.stdout


def test_a_message_is_withdrawn(on, room, chatter, piped, present, bob) -> None:
    """Its text is in no history; whoever listens reads a line that tells of it."""
    with piped("--host", on.address, "--room", room, "--name", "Ann") as ann:
        present(on.address, room, "Ann")
        bob.hear("Ann: Has entered the chat\n")
        bob.say("my password is 123\n")
        ann.hear("Bob: my password is 123\n")
        history = chatter("history", room, "--json", "--host", on.address).stdout.splitlines()
        [entry] = [entry for entry in map(json.loads, history) if "password" in entry["text"]]
        sequence = str(entry["sequence"])
        withdrawn = chatter("withdraw", room, sequence, "--reason", "private", *on.moderator)
        assert (0, f"Withdrew message {sequence} of room {room}\n") == (
            withdrawn.returncode, withdrawn.stdout,
        )  # fmt: skip
        ann.hear("chat server: a message of Bob was withdrawn: private\n")
    told = chatter("history", room, "--host", on.address).stdout
    assert "password" not in told
    assert "Bob: (withdrawn)\n" in told
    said = chatter("history", room, "--said", "--host", on.address).stdout
    assert "withdrawn" not in said
    objects = chatter("history", room, "--json", "--host", on.address).stdout.splitlines()
    marks = [each for each in map(json.loads, objects) if each["kind"] == "withdrawn"]
    assert [(int(sequence), "Bob"), (int(sequence), "chat server")] == [
        (each["withdrawn"], each["name"]) for each in marks
    ]
    again = chatter("withdraw", room, f"#{sequence}", *on.moderator)
    assert (1, f"chatter: message {sequence} was withdrawn already\n") == (
        again.returncode, again.stderr,
    )  # fmt: skip
    none = chatter("withdraw", room, "99999", *on.moderator)
    assert (
        f"chatter: room {room} has no message 99999 (`chatter history ROOM --json` has the"
        " sequence of each)\n"
    ) == none.stderr


@pytest.mark.parametrize("command", ["mute", "remove"])
def test_who_is_not_there_is_told_with_where_to_look(command, on, room, chatter) -> None:
    """The name may be misspelt, or somebody has gone."""
    ended = chatter(command, room, "Nobody", *on.moderator)
    assert (
        1,
        f"chatter: nobody called 'Nobody' is in room {room} (`chatter members ROOM` says who is)\n",
    ) == (ended.returncode, ended.stderr)


def test_somebody_is_banned_and_may_come_again(on, room, chatter, bob) -> None:
    """They are sent out and told why and until when; the list has the id that lifts it."""
    made = chatter("ban", room, "--name", "Bob", "--for", "7d", "--reason", "spam", *on.moderator)
    assert re.fullmatch(
        rf"Banned name Bob from room {room} until \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d;"
        r" its id is \w+\n",
        made.stdout,
    )
    assert 1 == bob.end()
    assert re.fullmatch(
        rb"chatter: you are banned until [-0-9]+ [:0-9]+ UTC: spam\n", bob.process.stderr.read()
    )
    [listed] = chatter("bans", room, *on.moderator).stdout.splitlines()
    ban_id, whom, value, until, reason, by = listed.split("\t")
    assert ("name", "Bob", "spam", "mo") == (whom, value, reason, by)
    assert until.endswith("Z")
    as_object = json.loads(chatter("bans", room, "--json", *on.moderator).stdout)
    assert (ban_id, room, "name", "Bob", until) == tuple(
        as_object[field] for field in ("ban_id", "room_id", "whom", "value", "until")
    )
    lifted = chatter("unban", ban_id, *on.moderator)
    assert f"Lifted the ban of name Bob from room {room}\n" == lifted.stdout
    again = chatter("unban", ban_id, *on.moderator)
    assert (1, f"chatter: there is no ban '{ban_id}'\n") == (again.returncode, again.stderr)
    back = chatter("--host", on.address, "--room", room, "--name", "Bob", say="hi\n")
    assert 0 == back.returncode


def test_a_ban_of_the_whole_server(on, chatter) -> None:
    """Without a room, which only admins may; it is listed apart."""
    refused = chatter("ban", "--address", "192.0.2.0/24", *on.moderator)
    assert 1 == refused.returncode
    assert (
        "chatter: you may not do this: it needs the grant 'admin' (--token-file names a file with"
        " a token that allows it)\n"
    ) == refused.stderr
    made = json.loads(chatter("ban", "--address", "192.0.2.0/24", "--json", *on.admin).stdout)
    assert (None, "address", "192.0.2.0/24", None) == tuple(
        made[field] for field in ("room_id", "whom", "value", "until")
    )
    assert f"{made['ban_id']}\taddress\t192.0.2.0/24\t\t\tadmin\n" == (
        chatter("bans", *on.admin).stdout
    )
    lifted = chatter("unban", made["ban_id"], *on.admin).stdout
    assert "Lifted the ban of address 192.0.2.0/24 from the whole server\n" == lifted


def test_a_ban_of_very_many_addresses_is_asked_about(on, room, chatter, emulator) -> None:
    """A person is asked, a script has to say --yes; all of them nobody can ban."""
    wide = ("ban", room, "--address", "128.0.0.0/1")
    with emulator(*wide, *on.moderator) as terminal:
        terminal.until("128.0.0.0/1 is 1 in 2 of all IPv4 addresses. Ban them? [y/N]:")
        terminal.type("n\r")
        terminal.until("chatter: nobody was banned")
        assert 1 == terminal.end()
    assert "" == chatter("bans", room, *on.moderator).stdout
    with emulator(*wide, *on.moderator) as terminal:
        terminal.until("Ban them?")
        terminal.type("y\r")
        assert 0 == terminal.end()
    assert 0 == chatter(*wide, "--yes", *on.moderator).returncode
    assert 2 == len(chatter("bans", room, *on.moderator).stdout.splitlines())
    every = chatter("ban", room, "--address", "0.0.0.0/0", "--yes", *on.moderator)
    assert 1 == every.returncode
    assert every.stderr.startswith("chatter: 0.0.0.0/0 is every address; ")


def test_bans_are_a_table_for_a_person(on, room, chatter, emulator) -> None:
    """Local times; none is a sentence."""
    with emulator("bans", room, *on.admin) as none:
        assert 0 == none.end()
        assert f"Nobody is banned from room {room}" == none.screen[0]
    chatter("ban", room, "--name", "Mallory", *on.admin)
    with emulator("bans", room, *on.admin) as bans:
        assert 0 == bans.end()
        assert ["ID", "BY", "WHOM", "UNTIL", "REASON", "MADE", "BY"] == bans.screen[0].split()
        assert ["name", "Mallory", "admin"] == bans.screen[1].split()[1:]


def test_a_room_is_changed(on, room, chatter, bob) -> None:
    """Members are told; what is not given stays; a room that is closed lets nobody else in."""
    changed = chatter("update", room, "--title", "Tea", "--closed", *on.moderator)
    assert (0, f"Changed room {room}\n") == (changed.returncode, changed.stdout)
    bob.hear("chat server: the title is now 'Tea'; the room is closed to newcomers\n")
    refused = chatter("--host", on.address, "--room", room, "--name", "Carol")
    assert (1, f"chatter: room {room} is closed to newcomers; ask for an invitation\n") == (
        refused.returncode, refused.stderr,
    )  # fmt: skip
    opened = json.loads(chatter("update", room, "--open", "--json", *on.moderator).stdout)
    assert ("Tea", False) == (opened["title"], opened["closed_to_newcomers"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ban", "lobby"), "give one of --name, --identity, --address, --member"),
        (
            ("ban", "--name", "a", "--identity", "b"),
            "only one of --name and --identity: each is a ban of its own",
        ),
        (
            ("ban", "--address", "128.0.0.0/1", "--json"),
            "128.0.0.0/1 is 1 in 2 of all IPv4 addresses; if they are meant, add --yes",
        ),
        (("ban", "--address", "2000::/4"), "1 in 16 of all IPv6 addresses"),
        (("ban", "--member", "Bob"), "--member is of a room: give ROOM"),
        (("ban", "--name", "a", "--for", "soon"), "'soon' is no time span; write 90s,"),
        (
            ("ban", "--name", "a", "--for", "0d"),
            "'0d' is no time span; write 90s, 30m, 8h, 7d or 2w, more than 0",
        ),
        (("ban", "--name", "a", "--for", "999999w"), "that is beyond the calendar"),
        (("update", "lobby"), "give --title, --capacity,"),
        (("withdraw", "lobby", "0"), "'0' is no message's number; write it as 120 or '#120'"),
        (("withdraw", "lobby", "ten"), "`chatter history ROOM --json` has it of each message"),
        (("mute", "lobby"), "Missing argument 'NAME'"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments, told, capsys) -> None:
    """Before any server is asked."""
    assert 2 == run(list(arguments))
    assert told in " ".join(capsys.readouterr().err.split())
