"""A chatter that is stopped and goes on: from outside, and by a shell."""

from __future__ import annotations

import os
import signal
import sys
import termios
from pathlib import Path

from tests.chatter.terminal.tmux import tmux


def keys_are_lines(terminal) -> bool:
    """Whether the terminal keeps what is typed until Enter, as shells leave it."""
    return bool(terminal.modes & termios.ICANON)


def test_stopped_from_outside(bob, guests, room) -> None:
    """The terminal is taken back, everything is drawn anew, and keys do what they did."""
    bob.type("half a line")
    bob.wait(lambda rows: rows[-1] == "Bob> half a line")
    before = bob.screen
    bob.stop()
    bob.until("another program's")
    assert keys_are_lines(bob)
    moment = bob.moment
    bob.go_on()
    bob.wait(lambda rows: rows[-1:] + rows[:-2] == before[-1:] + before[:-2])
    assert not keys_are_lines(bob)
    assert bob.alternate
    for mode in (b"\x1b[?2004h", b"\x1b[?1004h"):
        assert mode in bob.raw[moment:]
    bob.press("backspace", "left", "enter")
    bob.until("Bob  half a lin")
    bob.press("c-d")
    assert 0 == bob.end()
    assert keys_are_lines(bob)


def test_stopped_at_a_question(guests, room, emulator) -> None:
    """The question is drawn again, and its answer is read as before."""
    with emulator("--host", guests.address, "--room", room) as bob:
        bob.until("Enter a Name Tag:")
        bob.wait(lambda _: not keys_are_lines(bob))
        bob.stop()
        bob.until("another program's")
        bob.go_on()
        bob.until("Enter a Name Tag:")
        bob.type("Bobb")
        bob.press("backspace", "enter")
        bob.until("you have entered the chat", "Bob>")


def test_stopped_and_continued_by_a_shell(guests, room) -> None:
    """`kill -TSTP` leaves the screen to the shell; `fg` brings it back; so does Ctrl-Z."""
    command = f"{sys.executable} -m chatroom.chatter --host {guests.address} --room {room}"
    environment = {"LANG": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent"}
    shell = ("exec", "env", "PS1=shell> ", "bash", "--norc", "--noprofile")
    with tmux(*shell, environment=environment) as terminal:
        terminal.until("shell>")
        terminal.type(f"{command} --name Bob\n")
        terminal.until("you have entered the chat", "Bob>")
        process = int(terminal.do("display", "-p", "#{pane_pid}"))
        (chatter,) = children(process)
        for stop in (
            lambda: os.kill(chatter, signal.SIGTSTP),
            lambda: os.kill(chatter, signal.SIGSTOP),
            lambda: terminal.press("C-z"),
        ):
            terminal.type("some text")
            terminal.until("Bob> some text")
            stop()
            terminal.until("Stopped", "shell>")
            terminal.type("fg\n")
            # At the end: above the shell's line it may still stand from before.
            terminal.wait(lambda rows: rows[-1].rstrip() == "Bob> some text")
            terminal.until("you have entered the chat")
            terminal.press("C-c")
            terminal.wait(lambda rows: rows[-1].rstrip() == "Bob>")
        terminal.press("C-d")
        terminal.until("Joining room", "shell>")


def children(process: int) -> list[int]:
    return [
        int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]
