"""Clusters on the screen, in the tests' emulator and in a real tmux.

The emulator draws each code point by itself, tmux some clusters as one: the program has to
ask. What it then draws is right in both, or the cursor would not be where it is.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output.vt100 import Vt100_Output

from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.clusters import clusters
from chatroom.chatter.terminal.output import PIECE_BYTES, ClusterOutput
from chatroom.chatter.terminal.stand_ins import StandIns
from tests.chatter.terminal.tmux import Tmux, tmux
from tests.chatter.terminal.unicode_file import examples

FAMILY, FLAG, HAND, HEART = "👨\u200d👩\u200d👧", "🇩🇪", "👋🏽", "❤\ufe0f"
WIDE_ROWS = 20
ENVIRONMENT = {"LANG": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent", "TZ": "UTC"}


@pytest.fixture(params=[(24, 80), (12, 40)], ids=["80x24", "40x12"])
def real(request, guests, room) -> Iterator[Tmux]:
    """Bob's chatter in tmux."""
    at = ("--host", guests.address, "--room", room, "--name", "Bob")
    command = (sys.executable, "-m", "chatroom.chatter", *at)
    with tmux(*command, size=request.param, environment=ENVIRONMENT) as terminal:
        terminal.until("you have entered the chat")
        yield terminal


def said(guests, room) -> list[str]:
    page = guests.do(lambda chat: chat.history(room))
    return [message.text for message in page.messages if message.kind == "said"]


def lines_of_clusters() -> list[list[str]]:
    """Unicode's clusters with bars between them, some to a line."""
    found = sorted(
        {
            cluster
            for example in examples()
            for cluster in example
            if len(cluster) > 1
            and cluster != "\r\n"
            and list(clusters(f"|{cluster}|")) == ["|", cluster, "|"]
        }
    )
    assert len(found) > 100
    return [found[at : at + 8] for at in range(0, len(found), 8)]


# ---- In the emulator ------------------------------------------------------------------


def test_backspace_in_the_middle(bob, guests, room) -> None:
    """`x🇩🇪y`, Left, Backspace, Enter says `xy`, and the screen shows it all the while."""
    bob.type(f"x{FLAG}y")
    bob.wait(lambda rows: rows[-1] == f"Bob> x{FLAG}y")
    bob.press("left", "backspace")
    bob.wait(lambda rows: rows[-1] == "Bob> xy")
    bob.press("enter")
    bob.until("Bob  xy")
    bob.wait(lambda _: not bob.style_of("xy").faint)
    assert ["xy"] == said(guests, room)


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, HAND, HEART, "e\u0301"])
def test_backspace_after_a_cluster(bob, guests, room, cluster: str) -> None:
    """Nothing is left of it, on the screen or in what is said."""
    bob.type(f"a{cluster}")
    bob.wait(lambda rows: len(rows[-1]) > len("Bob> a"))
    bob.press("backspace", "enter")
    bob.until("Bob  a")
    bob.wait(lambda rows: rows[-1] == "Bob>")
    while not said(guests, room):
        pass
    assert ["a"] == said(guests, room)


def test_rows_of_families_and_flags(bob, guests, room) -> None:
    """None is cut in two at a row's end, and what stands beside them stays in its column."""
    alice = guests.enter(room, "Alice")
    alice.say(FAMILY * WIDE_ROWS, FLAG * 3 * WIDE_ROWS, "the end")
    bob.until("the end")
    rows = "".join(row[20:] for row in bob.screen if len(row) > 20)
    assert FAMILY * WIDE_ROWS + FLAG * 3 * WIDE_ROWS in rows


def test_unicodes_clusters_in_the_emulator(bob) -> None:
    """The cursor is where the emulator says that the text ends; Backspaces leave nothing."""
    for line in lines_of_clusters():
        bob.type("|".join(line) + "|!")
        bob.wait(lambda rows: rows[-1].endswith("|!"))
        bob.wait(lambda rows: bob.cursor[1] == bob.column_of("!") + 1)
        bob.press(*["backspace"] * (2 * len(line) + 1))
        bob.wait(lambda rows: rows[-1] == "Bob>" and bob.cursor[1] == len("Bob> "))


def test_answers_that_come_late(guests, room, emulator) -> None:
    """A terminal far away answers while somebody types; nothing of it is in the line."""
    at = ("--host", guests.address, "--room", room, "--name", "Bob")
    with emulator(*at, answers=False) as bob:
        bob.until("you have entered the chat")
        bob.type("he")
        for piece in ("\x1b[24;", "3R\x1b[24;2R", "\x1b[", "24;7R"):
            bob.type(piece)
        bob.wait(lambda rows: rows[-1] == "Bob> he")
        bob.type("llo\x1b[24;5R\x1b[24;2R\x1b[24;2R\x1b[24;3R\x1b[24;2R!")
        bob.wait(lambda rows: rows[-1] == "Bob> hello!")


def test_clusters_are_handed_over_whole() -> None:
    """None is where Linux cuts what is written at once: tmux would draw it as two."""
    writes: list[bytes] = []

    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text.encode())
            return len(text)

    stand_ins = StandIns(Cells())
    output = ClusterOutput(
        Vt100_Output(Terminal(), lambda: Size(rows=24, columns=80), term="xterm"), stand_ins
    )
    for number in range(1_000):
        output.write("é" * (number % 7))
        output.write(stand_ins.text(FAMILY))
        if number % 100 == 0:
            output.write_raw("\x1b[0m" * 600)
    output.flush()
    assert 1_000 == sum(written.count(FAMILY.encode()) for written in writes)
    assert max(map(len, writes)) > PIECE_BYTES
    assert 1_000 == sum(
        written[at : at + PIECE_BYTES].count(FAMILY.encode())
        for written in writes
        for at in range(0, len(written), PIECE_BYTES)
    )


# ---- In tmux --------------------------------------------------------------------------


def test_unicodes_clusters_in_tmux(real) -> None:
    """As above, by tmux's own account of its screen."""
    prompt = real.cursor[1]
    for line in lines_of_clusters():
        half = line[:4]
        real.type("|".join(half) + "|!")
        real.wait(lambda rows: rows[-1].endswith("|!"))
        real.press("BSpace")
        real.wait(lambda rows: rows[-1].endswith("|"))
        real.press(*["BSpace"] * (2 * len(half)))
        real.wait(lambda rows: rows[-1].strip(" Bob>") == "" and real.cursor[1] == prompt)


def test_a_torn_screen(real, guests, room) -> None:
    """Rows with clusters, scrolled away and back: nothing is left of what stood there before."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"{FAMILY * 3} {FLAG} {HAND} {HEART} line {number}" for number in range(30)))
    real.until("line 29")
    before = real.screen
    real.press("PPage")
    real.wait(lambda rows: "line 29" not in "\n".join(rows))
    above = real.screen
    real.press("C-l")
    real.wait(lambda rows: rows[:-2] == above[:-2])
    real.press("NPage")
    real.wait(lambda rows: "line 29" in "\n".join(rows))
    real.wait(lambda rows: rows[:-2] == before[:-2])
    assert any(row.endswith("line 29") for row in before)
