"""Pastes told from typing, by what is read and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatter.terminal.reads import BURST_SECONDS, Reads, Unbracketed

SOON, LATER = BURST_SECONDS / 2, BURST_SECONDS * 2
LINES = st.text(st.sampled_from("ab /é👩\u200d💻\t"), max_size=6)
TEXTS = st.lists(st.sampled_from(["/quit", "/join other", "/"]) | LINES, min_size=2, max_size=6)


class Line:
    """The line that is typed: what the keys say, what was pasted, what Enter has said."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.line = ""
        self.pasted: str | None = None
        self.now = 100.0
        self._reads = Reads(lambda: self.pasted is not None)

    def read(self, text: str, after: float = SOON) -> None:
        """A read so many seconds after the last; on the way there the loop has been told."""
        due = self._reads.due
        if due is not None and due <= self.now + after:
            self._do(self._reads.take("", due))
        self.now += after
        self._do(self._reads.take(text, self.now))

    def end(self) -> None:
        """Nothing comes any more."""
        self.read("", LATER)
        assert self._reads.due is None

    def _do(self, pieces: Sequence[str]) -> None:
        for piece in pieces:
            if isinstance(piece, Unbracketed):
                self.pasted = (self.line if self.pasted is None else self.pasted) + piece
                self.line = ""
            else:
                for key in piece:
                    if key in "\r\n":
                        self.entered.append(self.line)
                        self.line = ""
                    else:
                        self.line += key


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_line_and_enter_is_typing(line) -> None:
    """However quick: in one read, or Enter right after it."""
    line.read("/quit\r")
    line.end()
    line.read("hello")
    line.read("\r")
    assert ["/quit"] == line.entered, "it waits for more"
    line.end()
    assert ["/quit", "hello"] == line.entered
    assert line.pasted is None


def test_two_lines_in_a_read_are_a_paste(line) -> None:
    """None of them is entered."""
    line.read("hello\r/quit\r")
    line.end()
    assert ([], "hello\r/quit\r") == (line.entered, line.pasted)


def test_lines_that_follow_each_other_at_once_are_a_paste(line) -> None:
    """A serial line delivers them one by one."""
    line.read("hello\r")
    line.read("/quit\r")
    line.end()
    assert ([], "hello\r/quit\r") == (line.entered, line.pasted)


def test_lines_that_are_typed_are_not(line) -> None:
    line.read("hello\r")
    line.read("/quit\r", LATER)
    line.end()
    assert ["hello", "/quit"] == line.entered


def test_more_of_a_paste_that_is_asked_about(line) -> None:
    """A key is an answer; more than one is what a slow connection had kept back."""
    line.read("one\rtwo\r")
    line.end()
    line.read("three\rfour", LATER)
    line.end()
    line.read("l", LATER)
    line.end()
    assert ("one\rtwo\rthree\rfour", "l") == (line.pasted, line.line)


def test_a_program_that_was_busy(line) -> None:
    """A read that comes late, as the program has done something else, has not been late."""
    reads = Reads(lambda: False)
    assert ["one"] == reads.take("one\r", 10.0)
    pasted = reads.take("two\r", 11.0)
    assert [] == pasted
    assert ["\rtwo\r"] == reads.take("", 12.0)


@pytest.mark.parametrize(
    "keys", ["\r\x04", "\x1b[A\r", "a\r\x1b[I", "\x1b\r", "a\r\x1bb", "\r\x1b[200~a\rb\x1b[201~"]
)
def test_keys_after_enter_are_no_text(keys: str) -> None:
    """An arrow, a report, something in brackets: all handed on as it came, and at once or soon."""
    reads = Reads(lambda: False)
    taken = reads.take(keys, 10.0)
    taken += reads.take("", 10.0 + LATER)
    assert keys == "".join(taken)
    assert not any(isinstance(piece, Unbracketed) for piece in taken)


@given(st.text(st.sampled_from("ab\r /"), max_size=20), st.data())
def test_brackets_are_left_alone(text: str, data: st.DataObject) -> None:
    """What stands in them is handed on for prompt_toolkit, wherever their marks are cut."""
    sent = f"x\x1b[200~{text}\x1b[201~y"
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=4)))
    reads = Reads(lambda: False)
    taken = []
    for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        taken += reads.take(sent[begin:end], 10.0)
    assert sent == "".join(taken)
    assert not any(isinstance(piece, Unbracketed) for piece in taken)


@given(TEXTS, st.data())
def test_of_a_paste_nothing_is_lost_and_nothing_is_run(lines: list[str], data) -> None:
    """In any pieces without a pause between them: no line is entered, all are there in order."""
    text = "\r".join(lines)
    if not all(line.strip() for line in (lines[0], lines[-1])):
        return  # an Enter before or after it all is a key
    pieces = data.draw(st.sets(st.integers(1, len(text) - 1), max_size=8).map(sorted))
    line = Line()
    for begin, end in zip([0, *pieces], [*pieces, len(text)], strict=True):
        line.read(text[begin:end], data.draw(st.sampled_from([0.0, SOON])))
    line.end()
    assert ([], text, "") == (line.entered, line.pasted, line.line)
