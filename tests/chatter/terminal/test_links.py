"""Links: found in texts, told to the terminal, listed and opened."""

from __future__ import annotations

import re
import stat
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatter.terminal.browser import NotOpened, command_for
from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.links import LONGEST, Seen, Targets, address, links, pieces
from chatroom.chatter.terminal.wrap import wrap
from tests.chatter.control_sequences import SEQUENCE, text

LONG = "https://ci.example.com/" + "/".join(f"job-{number}" for number in range(20)) + "?q=1&r=(a)"
CELLS = Cells()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("see https://example.com/a.", ["https://example.com/a"]),
        ("(https://en.example.org/wiki/A_(b))", ["https://en.example.org/wiki/A_(b)"]),
        ("<http://a.b/c> and HTTPS://D.E", ["http://a.b/c", "HTTPS://D.E"]),
        (
            "see “https://a.b/c”, or https://日本.jp/パス。",
            ["https://a.b/c", "https://日本.jp/パス"],
        ),
        ("ftp://a.b javascript://a file:///etc/passwd xhttp://c.d", []),
        ("http:// https://... nothing://", []),
        ("https://a.b/" + "x" * LONGEST, []),
    ],
)
def test_links_of_a_text(said: str, expected: list[str]) -> None:
    """Http and https alone, without what stands around them in a sentence."""
    assert expected == links(said)


@given(st.text(max_size=50))
def test_an_address_commands_nothing(path: str) -> None:
    """Neither a terminal, nor a shell that would get to see it."""
    made = address("https://a.b/" + path)
    assert re.fullmatch(r"[!#%&()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*", made)


@given(
    st.lists(
        st.sampled_from(["see", LONG, "https://a.b/c", "日本語", "https://a.b/c,", "x" * 30, "\n"]),
        max_size=8,
    ),
    st.integers(2, 60),
)
def test_a_link_is_whole_over_all_rows(words: list[str], width: int) -> None:
    """However narrow the screen is, its pieces joined are the link, and nothing else is one."""
    said = " ".join(words)
    rows = wrap(said, width, max(width - 4, 2), CELLS)
    cut = pieces(rows, said)
    assert rows == ["".join(part for part, _ in row) for row in cut]
    linked = "".join(part for row in cut for part, link in row if link)
    assert "".join(links(said)) == linked


def test_numbers_stay() -> None:
    """A link keeps its number however many come after it, and when it is said again."""
    seen = Seen()
    seen.look_at("https://a.b/1 https://a.b/2", "Alice")
    seen.look_at("https://a.b/3", "Bob")
    seen.look_at("again https://a.b/1", "Carol")
    assert {3: ("https://a.b/3", "Bob"), 1: ("https://a.b/1", "Carol")} == seen.newest(2)
    assert "https://a.b/2" == seen.numbered(2)
    seen.forget("https://a.b/2")
    assert "" == seen.numbered(2)


def test_a_style_has_no_text_of_a_stranger() -> None:
    """prompt_toolkit obeys words in styles; a link's style has a number."""
    targets = Targets()
    link = "https://a.b/[ZeroWidthEscape]reverse"
    style = targets.style(link)
    assert re.fullmatch(r" class:link class:to-\d+", style)
    assert "https://a.b/[ZeroWidthEscape]reverse;" not in targets.begins("class:said")
    assert f"\x1b]8;id=1;{link}\x1b\\" == targets.begins("class:said" + style)


@pytest.mark.parametrize(
    ("browser", "expected"),
    [
        ("", ["xdg-open", "https://a.b/%27;%60x%60"]),
        ("missing:firefox", ["firefox", "https://a.b/%27;%60x%60"]),
        ("firefox --new %s", ["firefox", "--new", "https://a.b/%27;%60x%60"]),
        ("firefox '", ["xdg-open", "https://a.b/%27;%60x%60"]),
    ],
)
def test_which_browser(tmp_path: Path, browser: str, expected: list[str]) -> None:
    """The first of $BROWSER that is there, else the system's; the link is one word of ASCII."""
    for name in ("firefox", "xdg-open"):
        program(tmp_path / name, "exit 0")
    environment = {"BROWSER": browser, "PATH": str(tmp_path)}
    assert expected == command_for("https://a.b/';`x`", environment)


def test_no_browser(tmp_path: Path) -> None:
    """It says so; and what is neither http nor https is not opened."""
    with pytest.raises(NotOpened, match="no browser"):
        command_for("https://a.b", {"PATH": str(tmp_path)})
    with pytest.raises(NotOpened, match="only http"):
        command_for("file:///etc/passwd", {"PATH": str(tmp_path)})


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def told(raw: bytes) -> dict[str, str]:
    """What was written as each link, by its target."""
    found: dict[str, str] = defaultdict(str)
    for begun in re.finditer(
        r"\x1b\]8;id=\d+;([^\x1b]+)\x1b\\(.*?)\x1b\]8;;\x1b\\", raw.decode(), re.DOTALL
    ):
        found[begun[1]] += text(begun[2].encode())
    return dict(found)


@pytest.mark.parametrize("size", [(24, 80), (12, 40)])
def test_a_terminal_is_told_of_links(guests, room, enter, size) -> None:
    """Each piece of a link leads to the whole of it, and nothing else does."""
    alice = guests.enter(room, "Alice")
    with enter(room, size=size) as bob:
        alice.say(f"look: {LONG} (and https://example.com/b), please")
        bob.until("please")
        moment = bob.moment
        bob.press("c-l")
        bob.wait(lambda _: told(bob.raw[moment:]) == {
            LONG: LONG, "https://example.com/b": "https://example.com/b",
        })  # fmt: skip
        row = next(row for row, shown in enumerate(bob.screen) if "look:" in shown)
        assert not bob.style_of("look:", row=row).underscore
        assert bob.style_of("https://ci", row=row + 1).underscore


def test_a_terminal_that_shows_none(guests, room, enter) -> None:
    """The console of Linux would print what it does not know."""
    alice = guests.enter(room, "Alice")
    with enter(room, TERM="linux") as bob:
        alice.say("https://example.com/a")
        bob.until("https://example.com/a")
        assert not [found for found in SEQUENCE.finditer(bob.raw.decode()) if found["osc"] == "8"]


def test_links_are_listed_and_opened(guests, room, enter, tmp_path) -> None:
    """By the program of $BROWSER, without a shell; what fails is told."""
    opened = tmp_path / "opened"
    program(tmp_path / "good", f'printf "%s|" "$@" > {opened}.new; mv {opened}.new {opened}')
    program(tmp_path / "bad", "exit 3")
    alice = guests.enter(room, "Alice")
    for browser in ("good", "bad"):
        with enter(room, BROWSER=str(tmp_path / browser)) as bob:
            bob.type("/open 7\r")
            bob.until("there is no link 7 here")
            alice.say(f"see https://example.com/{browser}?a=$(touch%20x)&b='c';d")
            bob.until(f"com/{browser}")
            bob.type("/urls\r")
            bob.until("links, by /open N:", f"{browser}?a=$(touch%20x)&b='c';d (Alice)")
            bob.type(f"/open {1 if browser == 'good' else 2}\r")
            bob.until("opened https" if browser == "good" else "bad has failed, with exit code 3")
            bob.type("/leave\r")
            assert 0 == bob.end()
    assert "https://example.com/good?a=%24(touch%20x)&b=%27c%27;d|" == opened.read_text()


def test_a_withdrawn_link_is_gone(guests, room, bob) -> None:
    """From the list too."""
    alice = guests.enter(room, "Alice")
    alice.say("https://example.com/oops")
    bob.until("com/oops")
    page = guests.do(lambda chat: chat.history(room, page_size=1))
    guests.do(lambda chat: chat.withdraw(room, page.messages[0].sequence))
    bob.until("(withdrawn)")
    bob.type("/urls\r")
    bob.until("nobody has said a link here")
