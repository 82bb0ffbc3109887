"""What a terminal answers, taken out of what is typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatter.terminal.reports import CursorReports

ANSWER = "\x1b[12;7R"


def sifted(reads: list[str], asked: int) -> tuple[str, list[list[int]]]:
    """What of these reads is typed, and what the question was answered."""
    answers: list[list[int]] = []
    reports = CursorReports()
    if asked:
        reports.expect(asked, answers.append)
    return "".join(map(reports.sift, reads)), answers


def test_answers_among_keys() -> None:
    """Each question's answer is taken once; what was not asked for is left alone."""
    assert ("abc\x1b[A", [[6, 3]]) == sifted(["a" + ANSWER, "b\x1b[1;4Rc\x1b[A"], 2)
    assert (ANSWER, []) == sifted([ANSWER], 0)
    assert (ANSWER, [[6]]) == sifted([ANSWER, ANSWER], 1)


@given(st.text(st.sampled_from("ab1;[R"), max_size=6), st.text("ab1;R", max_size=6), st.data())
def test_answers_in_pieces(before: str, after: str, data: st.DataObject) -> None:
    """However late and in whatever pieces: nothing but an Escape of it is taken for a key."""
    sent = f"{before}{ANSWER}{after}"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=6)))
    reads = [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    typed, answers = sifted(reads, 1)
    assert before + after == typed.replace("\x1b", "")
    assert [[6]] == answers


@given(st.text(st.sampled_from("ab\x1b[12;AO~"), max_size=12), st.data())
def test_keys_that_are_no_answers(text: str, data: st.DataObject) -> None:
    """A terminal that never answers loses no key; what may begin an answer waits for the next."""
    sent = f"{text}x"
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=6)))
    reads = [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert (sent, []) == sifted(reads, 1)
