"""All that the screen shows at once, in a real tmux: large and small, with and without colours."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from tests.chatter.terminal.tmux import Tmux, tmux

ENVIRONMENT = {"LANG": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent", "TZ": "UTC"}
LINK = "https://ci.example.com/chat/builds/4812/artifacts/coverage/report.html?branch=main"


@pytest.fixture(params=[(24, 80), (12, 40)], ids=["80x24", "40x12"])
def size(request) -> tuple[int, int]:
    return request.param


@pytest.fixture(params=[True, False], ids=["coloured", "plain"])
def coloured(request) -> bool:
    return request.param


@pytest.fixture
def real(coloured, size, guests, rooms, tmp_path) -> Iterator[Tmux]:
    """Bob's chatter in three rooms, in tmux."""
    at = ("--host", guests.address, *(f"--room={room}" for room in rooms), "--name", "Bob")
    command = (sys.executable, "-m", "chatroom.chatter", *at)
    more = {} if coloured else {"NO_COLOR": "1"}
    with tmux(
        *command, size=size, environment=ENVIRONMENT | {"XDG_STATE_HOME": str(tmp_path)} | more
    ) as terminal:
        terminal.until(f" 1 {rooms[0]}  2 {rooms[1]}  3 {rooms[2]}")
        yield terminal


@pytest.fixture
def rooms(guests) -> list[str]:
    return [guests.new_room() for _ in range(3)]


def numbered(guests, room: str, beginning: str) -> int:
    entries = guests.do(lambda chat: chat.history(room)).messages
    return next(entry.sequence for entry in entries if entry.text.startswith(beginning))


LARGE = """
10:04            →  you have entered the chat
10:04            →  Alice has entered the chat
10:04            →  Carol has entered the chat
10:04            →  Mallory has entered the chat
10:04            •  Mallory is ignored
10:04        Alice  Tea in the garden at four? I bring the green one and some
                    cake
10:04        Carol  The build is at
                    https://ci.example.com/chat/builds/4812/artifacts/coverage/
                    report.html?branch=main if somebody has a minute
10:04        Carol  > Alice: Tea in the garden at four? I bring the g…
                    Four is fine, green tea too
10:04            *  Alice brews tea
10:04            →  Carol is now known as Carola
10:04            •  all with tea:
                    #5 10:04 Alice: Tea in the garden at four? I bring the
                    green one and some cake
                    #8 10:04 Carol: Four is fine, green tea too
                    #9 10:04 * Alice brews tea
 1 garden  2 builds +3  3 parser +1!
 garden · 4 members · connected
"""
LARGE_ANSWER = """\
Answer Carol: The build is at https://ci.example.com/c… · Up, Down, Esc
Bob> Yes, gladly
"""
SMALL = """
10:04 → Carol is now known as Carola
10:04 • all with tea:
      #5 10:04 Alice: Tea in the garden
      at four? I bring the green one
      and some cake
      #8 10:04 Carol: Four is fine,
      green tea too
      #9 10:04 * Alice brews tea
 1 garden  2 builds +3  3 parser +1!
 garden · 4 members · connected
"""
SMALL_ANSWER = """
10:04 Carol: The build is at
      https://ci.example.com/chat/build
      s/4812/artifacts/coverage/report.
      html?branch=main if somebody has
      a minute
10:04 Carol: > Alice: Tea in the garde…
      Four is fine, green tea too
10:04 * Alice brews tea
 1 garden  2 builds +3  3 parser +1!
 garden · connected ↓ 2 below
Answer Carol: The buil… · Up, Down, Esc
> Yes, gladly
"""
LARGE_OTHER = """
10:04            →  you have entered the chat
10:04            →  Erin has entered the chat
───────────────────────────────────── new ─────────────────────────────────────
10:04         Erin  Bob: may I merge?
 1 garden  2 builds +3  3 parser
 parser · 2 members · connected
Bob>
"""
SMALL_OTHER = """
10:04 → you have entered the chat
10:04 → Erin has entered the chat
───────────────── new ─────────────────
10:04 Erin: Bob: may I merge?
 1 garden  2 builds +3  3 parser
 parser · 2 members · connected
>
"""
SCREENS = {
    (24, 80): (LARGE + "Bob>\n", LARGE + LARGE_ANSWER, LARGE_OTHER),
    (12, 40): (SMALL + ">\n", SMALL_ANSWER, SMALL_OTHER),
}
"""What was searched for, an answer that is typed, and another room."""


def test_three_rooms(real, size, coloured, guests, rooms) -> None:
    """With a search, a long link, /me, a nick that changed, an answer, and somebody ignored."""
    searched, answering, elsewhere = SCREENS[size]
    people = (guests.enter(rooms[0], name) for name in ("Alice", "Carol", "Mallory"))
    alice, carol, mallory = people
    real.until("Mallory has entered")
    real.type("/ignore Mallory\r")
    real.until("Mallory is ignored")
    alice.say("Tea in the garden at four? I bring the green one and some cake")
    mallory.say("Free tea here")
    carol.say(f"The build is at {LINK} if somebody has a minute")
    tea = numbered(guests, rooms[0], "Tea")
    carol.say("Four is fine, green tea too", in_reply_to=tea)
    alice.say("brews tea", action=True)
    carol.rename("Carola")
    guests.enter(rooms[1], "Dave").say("one", "two", "three")
    guests.enter(rooms[2], "Erin").say("Bob: may I merge?")
    real.until("now known as", f"2 {rooms[1]} +3", "+1!")
    real.type("/search tea\r")
    expect(real, rooms, searched)
    colours = re.findall(
        r"\x1b\[[\d;]*\b(?:3[0-8]|9[0-7])\b[\d;]*m", real.do("capture-pane", "-pe")
    )
    assert coloured == bool(colours)
    real.press("M-r", "Up", "Up")
    real.type("Yes, gladly")
    expect(real, rooms, answering)
    real.press("Enter")
    real.until("> Carol: The build is at")
    real.press("M-3")
    expect(real, rooms, elsewhere)


def expect(terminal: Tmux, rooms: list[str], block: str) -> None:
    """Wait until the screen ends with these rows."""
    wanted = block.strip("\n").split("\n")
    try:
        terminal.wait(lambda _: shown(terminal, rooms)[-len(wanted) :] == wanted)
    except AssertionError:
        assert wanted == shown(terminal, rooms)[-len(wanted) :]
        raise


def shown(real: Tmux, rooms: list[str]) -> list[str]:
    """The rows, with what differs from run to run made the same."""
    text = "\n".join(real.screen)
    for room, name in zip(rooms, ("garden", "builds", "parser"), strict=True):
        text = text.replace(room, name)
    text = re.sub(r"^\d\d:\d\d", "10:04", text, flags=re.MULTILINE)
    text = re.sub(r"(#\d+) \d\d:\d\d ", r"\1 10:04 ", text)
    text = re.sub(r"connected(?: \S+ m?s)?(?: +(?=↓))?", "connected ", text)
    text = re.sub(r" +$", "", text, flags=re.MULTILINE)
    return text.split("\n")
