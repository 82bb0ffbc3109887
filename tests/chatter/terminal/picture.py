"""Draws docs/pictures/chatter.svg, chatter's screen as the README shows it: `make picture`.

A server, the people of a small scene and chatter in a terminal are run for it; the terminal's
cells become an SVG with its text as text and its fonts by name. Times, the day and the round trip
differ from run to run: others stand in their places, so that the picture is always the same.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

from tests.chatter.emulator import Emulator, in_terminal
from tests.chatter.terminal.guests import Guests, guests_at
from tests.chatter.terminal_screen import Cell
from tests.client.servers import OURS, running

PICTURE = Path(__file__).resolve().parents[3] / "docs" / "pictures" / "chatter.svg"
ROWS, COLUMNS = 17, 80
CELL = (8.4, 19.0)
"""Width and height of a cell; a font of 14 has these where it is drawn as designed."""
EDGE = 14
FONTS = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GROUND, INK = "#14171a", "#d8d6d1"
COLOURS = {
    "black": "#14171a", "red": "#e5646a", "green": "#7fb069", "brown": "#d9a84e",
    "blue": "#6a9fe0", "magenta": "#c688d1", "cyan": "#5cb8b2", "white": "#d8d6d1",
}  # fmt: skip
"""The sixteen of a terminal, as this one's owner has chosen them; pyte's names."""
DAY = "Monday, 23 November 2026"


def scene(guests: Guests, bob: Emulator) -> None:
    """What is said and typed until the picture is taken; `guests` has made the rooms."""
    alice, carol = guests.enter("lobby", "Alice"), guests.enter("lobby", "Carol")
    bob.until("3 members")
    for number, room in enumerate(("ops", "dev"), 2):
        bob.type(f"/join {room}\r")
        bob.wait(lambda rows, room=room: rows[-2].startswith(f" {room} · "))
        bob.until(f" {number} {room} ")
    bob.type("\x1b1/ignore Mallory\r")
    bob.until("Mallory is ignored")
    guests.enter("ops", "Dave").say("disk of db-2 is at 80 %", "on it", "back at 40 %")
    guests.enter("dev", "Erin").say("Bob: may I merge the parser?")
    mallory = guests.enter("lobby", "Mallory")
    mallory.say("cheap watches, everybody!")
    carol.say("The build of this morning, if somebody has a minute:")
    carol.say("https://ci.example.com/chat/builds/4812/artifacts/coverage/report.html?branch=main")
    alice.say("Nice 🎉 Bob, shall we ship it?")
    bob.until("shall we ship it?")
    bob.type("Yes. I have read it: no surprises\r")
    bob.until("Bob  Yes.")
    bob.wait(lambda _: not bob.style_of("no surprises").faint)
    alice.say("opens the champagne", action=True)
    carol.rename("Carola")
    bob.until("opens the champagne", "now known as", "2 ops +3", "3 dev +1!")
    carol.type()
    bob.type("Thanks, see you at lun")
    bob.until("Carola is typing", "at lun")


def rows_of(bob: Emulator) -> list[list[Cell]]:
    """The cells of the screen, with what differs from run to run made the same."""
    rule = f" {DAY} ".center(COLUMNS - 1, "─")
    rows = [_replaced(row, r"^\d\d:\d\d", "10:04") for row in bob.cells()]
    rows = [_replaced(row, r"─+ \w+, \d+ \w+ \d{4} ─+", rule) for row in rows]
    return [_replaced(row, r"connected (?:<1|\d+) ms", "connected 2 ms") for row in rows]


def _replaced(row: list[Cell], pattern: str, text: str) -> list[Cell]:
    """The row with this text in the place of what matches, in the style of its first cell."""
    found = re.search(pattern, "".join(cell.data or "\0" for cell in row))
    if found is None:
        return row
    begin, end = found.span()
    put = [row[begin]._replace(data=character) for character in text]
    made = [*row[:begin], *put, *row[end:]]
    return (made + [row[-1]] * len(row))[: len(row)]


def drawn(rows: Sequence[Sequence[Cell]]) -> str:
    """The SVG of these rows of cells."""
    width, height = COLUMNS * CELL[0] + 2 * EDGE, len(rows) * CELL[1] + 2 * EDGE
    size = f'width="{width:g}" height="{height:g}" font-family="{FONTS}" font-size="14"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {size}>',
        "<title>chatter with three rooms in a terminal</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>',
    ]
    for number, row in enumerate(rows):
        parts += _row(number, row)
    return "\n".join([*parts, "</svg>", ""])


def _row(number: int, row: Sequence[Cell]) -> list[str]:
    """A row's parts: what is behind its text, and its text, by runs of one style."""
    top = EDGE + number * CELL[1]
    parts = []
    for begin, run in _runs(row):
        first = run[0]
        text = "".join(cell.data for cell in run)
        ink, ground = _colour(first.fg, INK), _colour(first.bg, GROUND)
        if first.reverse:
            ink, ground = ground, ink
        left, width = EDGE + begin * CELL[0], len(run) * CELL[0]
        if ground != GROUND:
            parts.append(
                f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{CELL[1]:g}"'
                f' fill="{ground}" shape-rendering="crispEdges"/>'
            )
        if not text.strip():
            continue
        style = f' fill="{ink}"'
        style += ' font-weight="bold"' if first.bold else ""
        style += ' fill-opacity=".6"' if first.faint else ""
        style += ' text-decoration="underline"' if first.underscore else ""
        parts.append(
            f'<text x="{left:g}" y="{top + CELL[1] * 0.74:g}" textLength="{width:g}"'
            f' lengthAdjust="spacingAndGlyphs" xml:space="preserve"{style}>{escape(text)}</text>'
        )
    return parts


def _runs(row: Sequence[Cell]) -> list[tuple[int, list[Cell]]]:
    """Cells of one style next to each other, and where they begin; a wide one is by itself."""
    runs: list[tuple[int, list[Cell]]] = []
    for at, cell in enumerate(row):
        wide = at + 1 < len(row) and not row[at + 1].data
        previous = runs[-1][1] if runs else []
        if not cell.data or (previous and not wide and _alike(previous[-1], cell)):
            previous.append(cell)
        else:
            runs.append((at, [cell]))
    return [(at, _without_end(run)) for at, run in runs]


def _alike(one: Cell, other: Cell) -> bool:
    return bool(one.data) and one._replace(data="") == other._replace(data="")


def _without_end(run: list[Cell]) -> list[Cell]:
    """Without spaces at its end that nobody sees: a text is as long as what is drawn of it."""
    if run[0].reverse or run[0].bg != "default":
        return run
    end = len(run)
    while end > 1 and run[end - 1].data == " ":
        end -= 1
    return run[:end]


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return COLOURS.get(name.removeprefix("bright"), f"#{name}")


def picture() -> str:
    """The picture, made anew."""
    settings = ["--message-rate", "0", "--room", "lobby", "--room", "ops", "--room", "dev"]
    unset = ("CHATTER_", "NO_COLOR", "COLORTERM", "LC_", "TMUX")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    with (
        TemporaryDirectory(prefix="picture-") as home,
        running([*OURS, *settings]) as address,
        guests_at(address) as guests,
    ):
        own = {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        environment = kept | own | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        at = ["--host", address, "--room", "lobby", "--name", "Bob", "--history", "0"]
        command = [sys.executable, "-m", "chatroom.chatter", *at]
        with in_terminal(command, environment, (ROWS, COLUMNS)) as bob:
            bob.until("you have entered the chat")
            scene(guests, bob)
            return drawn(rows_of(bob))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(Path.cwd())}")
