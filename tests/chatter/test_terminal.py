"""chatter in a terminal, as a person sees it."""

from __future__ import annotations

import json
import signal

DIALOGUE = """\
Chat rooms:
[1]: 1234
[2]: 5678
Pick a room: 2
Enter a Name Tag: Johnny Boi
Joining room
Bob: Has entered the chat
Bob: Hey Johnny
Hey bob
Alice: Has entered the chat
Alice: Greetings!
chat server: chat room is closing
"""
"""The original's, as it is documented."""


def test_dialogue_in_a_terminal(fresh_server, terminal, dialogue) -> None:
    """Johnny Boi's terminal shows the documented dialogue to the byte, what he types included."""
    with terminal("--plain", "--host", fresh_server) as johnny:
        assert [0, 0, 0] == dialogue(johnny, newline="\r\n")
    expected = DIALOGUE + "Room 5678 was closed\n"
    assert expected.replace("\n", "\r\n") == johnny.shown.decode()


def test_bad_choice_in_a_terminal(fresh_server, terminal) -> None:
    """A wrong answer is told below the question, which is asked again."""
    with terminal("--plain", "--host", fresh_server) as bob:
        bob.hear("Pick a room: ")
        bob.say("7\n")
        bob.hear("Pick a room: ")
        bob.say("2\n")
        bob.hear("Enter a Name Tag: ")
        bob.say("Bob\n")
        bob.hear("Joining room\r\n")
        bob.say("\x04")
        assert 0 == bob.end()
    assert [
        "Chat rooms:",
        "[1]: 1234",
        "[2]: 5678",
        "Pick a room: 7",
        "chatter: there is no such room; type its number (1 to 2) or its id",
        "Pick a room: 2",
        "Enter a Name Tag: Bob",
        "Joining room",
        "",
    ] == bob.lines


def test_ctrl_d_leaves(fresh_server, terminal) -> None:
    """Ctrl-D in a room leaves it with exit code 0."""
    with terminal("--plain", "--host", fresh_server, "--room", "1234", "--name", "Bob") as bob:
        bob.hear("Joining room\r\n")
        bob.say("bye\n\x04")
        assert 0 == bob.end()


def test_ctrl_d_at_a_question_fails(fresh_server, terminal) -> None:
    """Ctrl-D instead of an answer ends with 1, the message on a line of its own."""
    with terminal("--plain", "--host", fresh_server) as bob:
        bob.hear("Pick a room: ")
        bob.say("\x04")
        assert 1 == bob.end()
    assert ["Pick a room: ", "chatter: no answer: the input has ended", ""] == bob.lines[-3:]


def test_ctrl_c_ends_with_130(fresh_server, terminal, present) -> None:
    """Ctrl-C in a terminal ends with 130 and shows nothing but what the terminal echoes."""
    with terminal("--plain", "--host", fresh_server, "--room", "1234", "--name", "Bob") as bob:
        present(fresh_server, "1234", "Bob")
        bob.say("\x03")
        assert 130 == bob.end()
    assert ["Joining room", "^C", ""] == bob.lines


def test_refused_line_of_a_person_is_no_failure(fresh_server, terminal) -> None:
    """A person sees the refusal and goes on; leaving is a success all the same."""
    with terminal("--plain", "--host", fresh_server, "--room", "1234", "--name", "Bob") as bob:
        bob.hear("Joining room\r\n")
        bob.say("bell \x07\n")
        bob.hear("chat server: ")
        bob.say("\x04")
        assert 0 == bob.end()


def test_history_says_how_much_comes_first(fresh_server, emulator, chatter) -> None:
    """On the screen too."""
    room = ("--host", fresh_server, "--room", "1234")
    chatter("send", *room, "--name", "Eve", "--lines", say="one\ntwo\n")
    with emulator(*room, "--name", "Bob", "--history", "1") as bob:
        bob.until("two", "have entered")
        assert "one" not in bob.text


def test_waiting_is_for_input_that_ends(fresh_server, emulator) -> None:
    """A screen has no end of input: wrong usage."""
    with emulator("--host", fresh_server, "--wait", "1") as bob:
        assert 2 == bob.end()
        assert "Error: --wait is for input that ends: add --plain, or pipe it in" in bob.screen


def test_sigterm_gives_the_terminal_back(fresh_server, emulator, chatter) -> None:
    """The room is left and the screen is as it was, then the signal ends the program."""
    with emulator("--host", fresh_server, "--room", "1234", "--name", "Bob") as bob:
        bob.until("have entered")
        bob.process.send_signal(signal.SIGTERM)
        assert -signal.SIGTERM == bob.end()
        assert not bob.alternate
    log = chatter("history", "1234", "--json", "--last", "1", "--host", fresh_server)
    assert ("left", "quit") == tuple(json.loads(log.stdout)[key] for key in ("kind", "reason"))
