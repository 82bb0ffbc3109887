"""chatter --json in a pipe, and what --wait and signals make of the end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.client.servers import Restartable


def objects(conversation) -> list[dict[str, object]]:
    """Everything on standard output: nothing but objects, in ASCII."""
    text = conversation.shown.decode("ascii")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def room(server, chatter) -> tuple[str, ...]:
    return ("--host", server, "--room", chatter("create", "--host", server).stdout.strip())


def test_one_object_a_message(room, chatter, piped) -> None:
    """Earlier messages, arrivals, texts, departures and the end are objects with their facts."""
    server, room_id = room[1], room[3]
    chatter("send", *room, "--name", "Eve", "earlier")
    with piped("--json", *room, "--name", "Bob") as bob:
        bob.hear('"kind":"entered"')
        eve = ("send", *room, "--name", "Eve")
        chatter(*eve, "first\nsecond \U0001f642")
        bob.hear('"kind":"left"')
        chatter("delete", room_id, "--reason", "we moved", "--host", server)
        assert 0 == bob.end()
        assert b"" == bob.process.stderr.read()
    found = objects(bob)
    assert [
        ("said", "Eve", True), ("entered", "Bob", None), ("entered", "Eve", None),
        ("said", "Eve", None), ("left", "Eve", None), ("closed", "chat server", None),
    ] == [(item["kind"], item["name"], item.get("replayed")) for item in found]  # fmt: skip
    assert "first\nsecond \U0001f642" == found[3]["text"]
    assert "quit" == found[4]["reason"]
    assert ("we moved", "") == (found[5]["reason"], found[5]["successor"])
    assert {room_id} == {item["room_id"] for item in found}


def test_plain_lines_are_said(room, chatter, piped) -> None:
    """Input is lines as ever; a refused one is an object with the reason, and exit code 1."""
    ended = chatter("--json", *room, "--name", "Bob", say="fine\n\x1b[31m\nlast\n")
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (1, "") == (ended.returncode, ended.stderr)
    assert ["entered", "refused"] == [item["kind"] for item in found]
    assert ("TEXT_INVALID", 0) == (found[1]["reason"], found[1]["sequence"])
    shown = chatter(*room, "--name", "Eve").stdout
    assert "Joining room\nBob: fine\nBob: last\n" == shown


def test_lost_connection_is_an_object(tmp_path: Path, piped, present) -> None:
    """So is its return; standard error stays empty."""
    server = Restartable("--data", str(tmp_path), "--room", "1")
    server.start()
    try:
        with piped("--json", "--host", server.address, "--room", "1", "--name", "Bob") as bob:
            present(server.address, "1", "Bob")
            server.kill()
            bob.hear('"kind":"connection_lost"}')
            server.start()
            bob.hear('"kind":"connected"}')
            bob.end_input()
            assert 0 == bob.end()
            assert b"" == bob.process.stderr.read()
    finally:
        server.kill()
    lost, back = objects(bob)[-2:]
    assert f"lost the connection to {server.address}; reconnecting" == lost["text"]
    assert (0, None, "") == (back["sequence"], back["time"], back["name"])


@pytest.mark.parametrize("given", [(), ("--room", "1"), ("--name", "Bob")])
def test_nothing_is_asked(chatter, given) -> None:
    """Questions would not be JSON: without room and name it is wrong usage."""
    ended = chatter("--json", *given, say="1\nBob\n")
    assert (2, "") == (ended.returncode, ended.stdout)
    assert "give --room ID and --name NAME" in ended.stderr


def test_created_room_is_an_object(server, chatter) -> None:
    """--create tells the room as JSON before the messages."""
    at = ("--host", server, "--json", "--create")
    alone = json.loads(chatter(*at).stdout)
    room, arrival = map(json.loads, chatter(*at, "--name", "Bob").stdout.splitlines())
    fields = {"room_id", "title", "private", "member_count", "capacity", "created", "sequence"}
    assert fields | {"active", "closed_to_newcomers"} == alone.keys() & room.keys()
    assert alone["active"] is None
    assert room["room_id"] == arrival["room_id"]


def test_history_says_how_much_comes_first(room, chatter) -> None:
    """So many of the newest messages; none with 0."""
    chatter("send", *room, "--name", "Eve", "--lines", say="one\ntwo\nthree\n")
    two = chatter(*room, "--name", "Bob", "--history", "2").stdout
    none = chatter(*room, "--name", "Bob", CHATTER_HISTORY="0").stdout
    assert ("Joining room\nEve: two\nEve: three\n", "Joining room\n") == (two, none)


def test_wait_listens_after_the_end_of_input(room, chatter, piped) -> None:
    """What is said after it is printed, until the room is deleted: exit code 0."""
    with piped(*room, "--name", "Bob", "--wait") as bob:
        bob.say("hello\n")
        bob.end_input()
        with piped(*room, "--name", "Eve") as eve:
            eve.hear("Bob: hello\n")
            eve.say("are you there?\n")
            bob.hear("Eve: are you there?\n")
        chatter("delete", room[3], "--host", room[1])
        assert 0 == bob.end()
    assert [f"Room {room[3]} was closed", ""] == bob.lines[-2:]


def test_wait_ends_after_its_seconds(room, chatter) -> None:
    """Then the room is left; a refused line makes it exit code 1 all the same."""
    good = chatter(*room, "--name", "Bob", "--wait", "0.1", say="hello\n")
    bad = chatter(*room, "--name", "Bob", "--wait", "0", say="\x07\n")
    assert [0, 1] == [good.returncode, bad.returncode]
    log = chatter("history", room[3], "--last", "1", "--host", room[1]).stdout
    assert log.endswith("* Bob has left the chat\n")


def test_interrupt_ends_waiting_with_130(room, piped, present) -> None:
    """Ctrl-C is an interrupt, after the end of input too."""
    with piped(*room, "--name", "Bob", "--wait") as bob:
        bob.end_input()
        present(room[1], room[3], "Bob")
        bob.interrupt()
        assert 130 == bob.end()
        assert b"" == bob.process.stderr.read().strip()


def test_sigterm_leaves_the_room(room, chatter, piped, present) -> None:
    """The others see that it left, not that it was lost; it ends by the signal."""
    with piped(*room, "--name", "Bob", "--wait") as bob:
        bob.end_input()
        present(room[1], room[3], "Bob")
        bob.process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == bob.end()
        assert b"" == bob.process.stderr.read()
    log = chatter("history", room[3], "--json", "--last", "1", "--host", room[1])
    left = json.loads(log.stdout)
    assert ("left", "Bob", "quit") == (left["kind"], left["name"], left["reason"])
