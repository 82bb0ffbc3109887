"""The dialogue of the original, with the real server and input from pipes."""

from __future__ import annotations

import pytest

ROOMS = "Chat rooms:\n[1]: 1234\n[2]: 5678\nPick a room: "


def test_dialogue_is_the_original_to_the_letter(fresh_server, dialogue, piped) -> None:
    """Johnny Boi is shown the documented dialogue, to the byte, then how the room ended."""
    with piped("--host", fresh_server) as johnny:
        assert [0, 0, 0] == dialogue(johnny, newline="\n")
        assert b"" == johnny.process.stderr.read()
    expected = (
        ROOMS
        + "Enter a Name Tag: Joining room\n"
        + "Bob: Has entered the chat\n"
        + "Bob: Hey Johnny\n"
        + "Alice: Has entered the chat\n"
        + "Alice: Greetings!\n"
        + "chat server: chat room is closing\n"
        + "Room 5678 was closed\n"
    )
    assert expected == johnny.shown.decode()


def test_own_arrival_is_shown_to_the_others_alone(server, chatter, piped) -> None:
    """A member is not told that it has entered, and sees everybody else enter and leave."""
    at = ("--host", server, "--room", chatter("create", "--host", server).stdout.strip())
    with piped(*at, "--name", "Bob") as bob, piped(*at, "--name", "Eve") as eve:
        bob.say("hello\n")
        eve.hear("Bob: hello\n")
        eve.end_input()
        assert 0 == eve.end()
        again = chatter(*at, "--name", "Eve", say="back\n")
        bob.hear("Eve: back\nEve: Has left the chat\n")
        bob.end_input()
        assert 0 == bob.end()
    assert "Joining room\nBob: hello\n" == again.stdout
    assert "Bob: Has entered the chat" not in bob.lines
    assert "Eve: Has entered the chat" not in eve.lines


def test_all_piped_input_arrives(server, chatter) -> None:
    """What is piped in is stored before chatter ends, and the next member is shown it."""
    room = chatter("create", "--host", server).stdout.strip()
    at = ("--host", server, "--room", room)
    said = [f"line {number}" for number in range(25)]
    first = chatter(*at, "--name", "Bob", say="\n".join(said) + "\n")
    second = chatter(*at, "--name", "Eve")
    assert (0, "") == (first.returncode, first.stderr)
    expected = ["Joining room", *(f"Bob: {text}" for text in said[-10:])]
    assert [*expected, ""] == second.stdout.split("\n")


def test_last_line_needs_no_newline(server, chatter) -> None:
    """Input that ends in the middle of a line is said too; empty lines are not."""
    room = chatter("create", "--host", server).stdout.strip()
    at = ("--host", server, "--room", room)
    chatter(*at, "--name", "Bob", say="one\r\n\n   \ntwo")
    expected = "Joining room\nBob: one\nBob: two\n"
    assert expected == chatter(*at, "--name", "Eve").stdout


@pytest.mark.parametrize("answer", ["0", "3", "-1", "two", "", "9999", "1234567", "²"])
def test_bad_choice_is_asked_again(fresh_server, chatter, answer) -> None:
    """What is neither a number of the list nor a room is told, and asked again."""
    ended = chatter("--host", fresh_server, "--name", "Bob", say=f"{answer}\n1\n")
    complaint = "chatter: there is no such room; type its number (1 to 2) or its id\n"
    assert (0, complaint) == (ended.returncode, ended.stderr)
    expected = ROOMS + "Pick a room: Joining room\n"
    assert expected == ended.stdout


def test_room_id_may_be_typed(fresh_server, chatter) -> None:
    """A room can be picked by its id as well as by its number."""
    ended = chatter("--host", fresh_server, say="5678\nBob\n")
    expected = ROOMS + "Enter a Name Tag: Joining room\n"
    assert (0, expected) == (ended.returncode, ended.stdout)


def test_private_room_id_may_be_typed(fresh_server, chatter) -> None:
    """Who knows the id of a private room may type it although it is not listed."""
    room = chatter("create", "--private", "--host", fresh_server).stdout.strip()
    ended = chatter("--host", fresh_server, say=f"{room}\nBob\n")
    expected = ROOMS + "Enter a Name Tag: Joining room\n"
    assert (0, expected) == (ended.returncode, ended.stdout)


def test_room_that_is_gone_is_asked_again(fresh_server, chatter, piped) -> None:
    """A room deleted before it is joined is told, and the list is shown anew."""
    at = ("--host", fresh_server)
    with piped(*at, "--name", "Bob") as bob:
        bob.hear("Pick a room: ")
        chatter("delete", "5678", *at)
        bob.say("2\n1\n")
        bob.end_input()
        assert 0 == bob.end()
        assert b"chatter: there is no room 5678\n" == bob.process.stderr.read()
    expected = ROOMS + "Joining room\nChat rooms:\n[1]: 1234\nPick a room: Joining room\n"
    assert expected == bob.shown.decode()


@pytest.mark.parametrize(("say", "expected"), [("", ROOMS), ("9\n", ROOMS + "Pick a room: ")])
def test_end_of_input_instead_of_an_answer_fails(fresh_server, chatter, say, expected) -> None:
    """Without an answer chatter ends with a message and exit code 1."""
    ended = chatter("--host", fresh_server, say=say)
    assert (1, expected) == (ended.returncode, ended.stdout)
    assert ended.stderr.endswith("chatter: no answer: the input has ended\n")


def test_taken_name_is_asked_again(fresh_server, chatter, piped, present) -> None:
    """The server's sentence is shown and another name asked for."""
    at = ("--host", fresh_server, "--room", "1234")
    with piped(*at, "--name", "Bob"):
        present(fresh_server, "1234", "Bob")
        second = chatter(*at, say="bob\nchat server\nBobby\n")
    hint, taken, reserved = second.stderr.splitlines()
    assert hint == "chatter: the first line is taken as the name tag; --name says it without a line"
    assert "chatter: the name tag 'bob' is in use in this room; 'bob 2' is free" == taken
    assert reserved.startswith("chatter: this name tag is reserved")
    expected = "Enter a Name Tag: Joining room\n" * 3
    assert (0, expected) == (second.returncode, second.stdout)


def test_no_rooms_says_how_to_make_one(chatter, server) -> None:
    """A server without rooms is told with the command that creates one."""
    for line in chatter("list", "--host", server).stdout.splitlines():
        chatter("delete", line.split("\t")[0], "--host", server)
    ended = chatter("--host", server)
    sentence = "chatter: there are no rooms yet; create one with: chatter create\n"
    assert (1, "", sentence) == (ended.returncode, ended.stdout, ended.stderr)


def test_refused_line_of_a_script_fails(server, chatter) -> None:
    """A piped line that is not accepted is told as the server tells it, and fails the script."""
    room = chatter("create", "--host", server).stdout.strip()
    at = ("--host", server, "--room", room)
    ended = chatter(*at, "--name", "Bob", say="\x1b[31mred\nfine\n")
    assert 1 == ended.returncode
    assert ended.stdout.splitlines()[-1].startswith("chat server: ")
    assert "Bob: fine\n" in chatter(*at, "--name", "Eve").stdout


def test_overlong_line_is_skipped(server, chatter) -> None:
    """A line too long for the wire is skipped with a message; the others are said."""
    room = chatter("create", "--host", server).stdout.strip()
    at = ("--host", server, "--room", room)
    ended = chatter(*at, "--name", "Bob", say="before\n" + "x" * 300_000 + "\nafter\n")
    complaint = "chatter: a line of more than 61440 bytes was skipped\n"
    assert (1, complaint) == (ended.returncode, ended.stderr)
    shown = chatter(*at, "--name", "Eve").stdout
    assert "Joining room\nBob: before\nBob: after\n" == shown


def test_closed_room_tells_why_and_where_to(server, chatter, piped, present) -> None:
    """What the admin gave as the reason is part of the last line."""
    at = ("--host", server)
    room = chatter("create", *at).stdout.strip()
    with piped("--room", room, "--name", "Bob", *at) as bob:
        present(server, room, "Bob")
        chatter("delete", room, "--reason", "we moved", *at)
        assert 0 == bob.end()
    assert f"Room {room} was closed: we moved" == bob.lines[-2]
