"""The terminal of these tests shows what a terminal shows."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager

import pytest

from tests.chatter.emulator import CLOCK, Emulator, in_terminal
from tests.chatter.keys import sequence

READ_ON = "; exec cat >/dev/null"


def shell(script: str, size: tuple[int, int] = (6, 20)) -> AbstractContextManager[Emulator]:
    return in_terminal(["sh", "-c", script], {**os.environ, "LANG": "C.UTF-8"}, size)


def printed(text: str, size: tuple[int, int] = (6, 20)) -> Emulator:
    """The terminal after a program has printed a text and ended."""
    command = [sys.executable, "-c", "import os,sys; os.write(1, sys.argv[1].encode())", text]
    with in_terminal(command, os.environ, size) as t:
        assert 0 == t.end()
    return t


def test_rows_cursor_and_what_scrolled_off() -> None:
    """Rows come without the spaces at their end; what leaves at the top is kept."""
    t = printed("one\ntwo\nthree\n  four  ", size=(3, 20))
    assert (["two", "three", "  four"], ["one"]) == (t.screen, t.scrollback)
    assert (2, 8) == t.cursor
    assert b"one\r\ntwo\r\nthree\r\n  four  " == t.raw


def test_styles() -> None:
    """Colours, bold and faint are seen, faint also beside colours that contain a 2."""
    t = printed(
        "\x1b[1;31mred\x1b[0m \x1b[2mfaint \x1b[38;5;2mgreen\x1b[22m normal\x1b[m\n"
        "\x1b[38;2;2;2;2mdark\x1b[7m back\x1b[m",
        (6, 40),
    )
    red, faint, green = t.style_of("red"), t.style_of("faint"), t.style_of("green")
    assert ("red", True, False) == (red.fg, red.bold, red.faint)
    assert ("default", False, True) == (faint.fg, faint.bold, faint.faint)
    assert ("00cd00", True) == (green.fg, green.faint)
    assert not t.style_of("normal").faint
    assert ("020202", False, False) == (lambda s: (s.fg, s.faint, s.reverse))(t.style_of("dark"))
    assert t.style_of("back").reverse
    assert t.style_of("back") == t.attributes(1, 6)
    with pytest.raises(AssertionError, match="several styles"):
        t.style_of("red faint")
    with pytest.raises(AssertionError, match="is not shown"):
        t.style_of("blue")


def test_alternate_screen() -> None:
    """Leaving the alternate screen brings back what was there before, and the cursor."""
    enter, leave = r"\033[?1049h\033[H\033[2J", r"\033[?1049l"
    with shell(f"printf 'before{enter}inside'; read x; printf '{leave}after'") as t:
        t.until("inside")
        assert t.alternate
        assert "before" not in t.text
        t.press("enter")
        t.until("beforeafter")
        assert 0 == t.end()
        assert not t.alternate


def test_wide_and_zero_width_characters() -> None:
    """A wide character that does not fit wraps whole; marks stay with their base."""
    t = printed("12345你x\ne\u0301❤\ufe0f👩\u200d👧", size=(6, 6))
    assert ["12345", "你x", "é❤\ufe0f👩\u200d👧", "", "", ""] == t.screen
    assert [4] == t._screen.columns_of(2, "👧")


def test_resize() -> None:
    """The program is told its new size; the row of the cursor stays on the screen."""
    script = r"trap 'stty size' WINCH; printf '1\n2\n3\n4'; while :; do sleep 0.05; done"
    with shell(script) as t:
        t.until("4")
        t.resize(2, 10)
        t.until("42 10")
        assert ["42 10", ""] == t.screen
        assert "1\n2\n3" in "\n".join(t.scrollback)


def test_typing_and_pasting() -> None:
    """Keys are sent as xterm sends them; a paste is bracketed once the program wants it."""
    with shell("stty raw -echo; printf 'ready\\r\\n'; cat -v", (6, 40)) as t:
        t.until("ready")
        t.type("aé")
        t.press("enter", "c-d", "pageup", "s-up", "a-x", "up", "s-tab", "esc")
        t.until("aM-CM-)^M^D^[[5~^[[1;2A^[x^[[A^[[Z^[")
        t.paste("a\nb")
        t.until("^[a^Mb")
    with shell("stty raw -echo; printf '\\033[?2004h\\033[?1hready\\r\\n'; cat -v", (6, 40)) as t:
        t.until("ready")
        t.paste("a\nb")
        t.press("up")
        t.until("^[[200~a^Mb^[[201~^[OA")


def test_control_keys_are_signals() -> None:
    """The terminal controls its program: Ctrl-C interrupts it."""
    with shell(f"printf ready{READ_ON}") as t:
        t.until("ready")
        t.press("c-c")
        assert -signal.SIGINT == t.end()


def test_questions_are_answered() -> None:
    """A program that asks where the cursor is, is told."""
    with shell("stty raw -echo; printf 'ab\\033[6n'; head -c 6 | cat -v") as t:
        t.until("ab^[[1;3R")


def test_a_flood_is_read_while_nobody_waits() -> None:
    """A program is not held up by a test that does not look, nor by a large paste."""
    with shell("stty raw -echo; printf ready; head -c 300000 | tr a b; printf end", (24, 80)) as t:
        t.until("ready")
        t.type("a" * 300_000)
        assert 0 == t.end()
        assert (300_000, True) == (t.raw.count(b"b"), t.text.endswith("end"))
        moment = t.moment
        assert b"" == t.raw[moment:]


def test_expected_screens() -> None:
    """A screen equals a block of text, but for what is masked; else the difference is told."""
    t = printed("  12:34 Bob\n\nstatus")
    t.expect(
        """
          10:00 Bob

        status
        """,
        CLOCK,
    )
    t._wait = lambda condition: bool(condition())
    with pytest.raises(AssertionError) as failure:
        t.expect("  12:34 Bab\n\nstatus")
    assert ["-   12:34 Bab", "+   12:34 Bob"] == [
        line for line in str(failure.value).splitlines() if line[:2] in ("- ", "+ ")
    ]


def test_waiting_fails_with_a_picture() -> None:
    """When a program has ended, what it has not shown is not waited for."""
    t = printed("hello")
    with pytest.raises(AssertionError, match=r"\|hello") as failure:
        t.until("hello", "goodbye")
    assert str(failure.value).startswith("['goodbye'] not shown")
    assert "program has ended" in str(failure.value)
    with pytest.raises(AssertionError, match="stays"):
        t.until_gone("hello")


@pytest.mark.parametrize("key", ["", "nokey", "c-nokey", "x-a", "c-!"])
def test_keys_that_there_are_not(key: str) -> None:
    """A mistyped name of a key is an error."""
    with pytest.raises(KeyError):
        sequence(key)
