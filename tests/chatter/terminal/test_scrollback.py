"""The lines of a room, and the window on them, without a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatroom.chatter.terminal import scrollback
from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.lines import Line, Tone
from chatroom.chatter.terminal.rows import Painter
from chatroom.chatter.terminal.scrollback import Scrollback
from chatroom.chatter.terminal.symbols import ASCII
from tests.faults.scale import scaled

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def said(text: str, *, days: int = 0, earlier: bool = False) -> Line:
    return Line(
        tone=Tone.SAID, name="A", text=text, time=NOON + timedelta(days=days), earlier=earlier
    )


def shown(lines: Scrollback, width: int = 40, height: int = 20) -> list[str]:
    """The rows in view, as text."""
    rows = lines.view(Painter(width, ASCII, Cells()), height)
    return ["".join(fragment[1] for fragment in row).strip() for row in rows]


def test_days_are_separated() -> None:
    """A rule above the first line of every day."""
    lines = Scrollback()
    for days in (0, 0, 1, 3):
        lines.add(said(f"on day {days}", days=days))
    assert [
        "------ Monday, 23 November 2026 -------",
        "12:00 A: on day 0",
        "12:00 A: on day 0",
        "------ Tuesday, 24 November 2026 ------",
        "12:00 A: on day 1",
        "----- Thursday, 26 November 2026 ------",
        "12:00 A: on day 3",
    ] == shown(lines)


def test_earlier_lines_are_above_a_rule() -> None:
    """It stands between what was said before and what is said now."""
    lines = Scrollback()
    lines.add(said("now"))
    lines.put_before([said("then", earlier=True)])
    assert [
        "12:00 A: then",
        "------- earlier messages above --------",
        "12:00 A: now",
    ] == shown(lines)[1:]


def test_what_nobody_looked_at_is_marked_once() -> None:
    """The mark stays above the first of them until it is taken away."""
    lines = Scrollback()
    lines.add(said("seen"))
    lines.add(said("unseen 1"), looked_at=False)
    lines.add(said("unseen 2"), looked_at=False)
    rows = shown(lines)
    assert "new" in rows[2]
    assert ["12:00 A: unseen 1", "12:00 A: unseen 2"] == rows[3:]
    lines.read()
    assert 4 == len(shown(lines))


def numbered(sequence: int, text: str, name: str = "A") -> Line:
    return Line(tone=Tone.SAID, name=name, text=text, time=NOON, sequence=sequence)


def test_what_is_withdrawn_is_replaced_in_its_place() -> None:
    """Also in a page that was asked for before and comes after; other lines stay."""
    lines = Scrollback()
    for sequence in (5, 6, 7):
        lines.add(numbered(sequence, f"text {sequence}"))
    for sequence in (6, 3, 0):
        lines.withdraw(sequence)
    lines.add(numbered(0, "on its way"))
    lines.put_before([numbered(3, "text 3"), numbered(4, "text 4")])
    assert [
        "12:00 A: (withdrawn)",
        "12:00 A: text 4",
        "12:00 A: text 5",
        "12:00 A: (withdrawn)",
        "12:00 A: text 7",
        "12:00 A: on its way",
    ] == shown(lines)[1:]


def test_sequences_of_another_log_mean_other_lines() -> None:
    """What was here before the log began anew is neither replaced nor found."""
    lines = Scrollback()
    lines.add(numbered(5, "before"))
    lines.withdraw(6)
    lines.begin_anew()
    lines.add(numbered(6, "after"))
    lines.withdraw(5)
    assert ["12:00 A: before", "12:00 A: after"] == shown(lines)[1:]
    assert 6 == lines.newest_of("a")
    lines.withdraw(6)
    assert 0 == lines.newest_of("A")


def test_only_so_many_withdrawals_are_remembered() -> None:
    """For pages that are on their way; the newest count."""
    lines = Scrollback()
    for sequence in range(1, scrollback.WITHDRAWN_SEQUENCES + 2):
        lines.withdraw(sequence)
    lines.put_before([numbered(1, "the first"), numbered(2, "the second")])
    assert ["12:00 A: the first", "12:00 A: (withdrawn)"] == shown(lines)[1:]


def test_old_lines_are_dropped(monkeypatch) -> None:
    """The number of lines kept is bounded."""
    monkeypatch.setattr(scrollback, "KEPT_LINES", 100)
    monkeypatch.setattr(scrollback, "TRIM_LINES", 10)
    lines = Scrollback()
    for number in range(1000):
        lines.add(said(str(number)))
    assert 100 <= len(lines.newest(1000)) <= 110
    assert "12:00 A: 999" == shown(lines)[-1]


class Window(RuleBasedStateMachine):
    """The window against a plain list of all rows."""

    @initialize(width=st.integers(8, 70), height=st.integers(1, 12))
    def begin(self, width: int, height: int) -> None:
        self.lines = Scrollback()
        self.painter = Painter(width, ASCII, Cells())
        self.height = height
        self.count = 0
        self.earlier = 0

    def all_rows(self) -> list[object]:
        return self.lines.view(self.painter, 10_000) if self.lines.following else self.everything()

    def everything(self) -> list[object]:
        copy = Scrollback()
        copy.__dict__.update(self.lines.__dict__)
        copy.follow()
        return copy.view(self.painter, 10_000)

    @rule(words=st.integers(1, 30), days=st.integers(0, 1))
    def add(self, words: int, days: int) -> None:
        self.count += 1
        before = None if self.lines.following else self.lines.view(self.painter, self.height)
        self.lines.add(said(f"{self.count} " + "word " * words, days=self.count // 5 + days))
        if before is not None:  # a line on its way goes below what comes
            kept = 1 if self.lines.on_their_way() else len(before)
            assert before[-kept:] == self.lines.view(self.painter, self.height)[-kept:]

    @rule(nonce=st.sampled_from("abc"))
    def pend(self, nonce: str) -> None:
        self.lines.pend(nonce, said(f"pending {nonce}", days=1000))

    @rule(nonce=st.sampled_from("abc"))
    def settle(self, nonce: str) -> None:
        self.lines.settle(nonce)

    @rule(count=st.integers(1, 5))
    def put_before(self, count: int) -> None:
        self.earlier += count
        self.lines.put_before([said(f"earlier {self.earlier}", days=-1) for _ in range(count)])

    @precondition(lambda self: self.count)
    @rule(rows=st.integers(1, 10))
    def scroll_up(self, rows: int) -> None:
        everything = self.everything()
        before = self.lines.view(self.painter, self.height)
        moved = self.lines.scroll_up(self.painter, self.height, rows)
        after = self.lines.view(self.painter, self.height)
        if moved:
            assert after != before or len(set(map(str, everything))) < len(everything)
            assert len(after) == min(self.height, len(everything))
        else:
            assert before[:1] == everything[:1]

    @rule(rows=st.integers(1, 10))
    def scroll_down(self, rows: int) -> None:
        self.lines.scroll_down(self.painter, rows)

    @rule()
    def follow(self) -> None:
        self.lines.follow()
        assert 0 == self.lines.unseen

    @rule(width=st.integers(8, 70))
    def resize(self, width: int) -> None:
        self.painter = Painter(width, ASCII, Cells())

    @invariant()
    def shows_a_part_of_all_rows(self) -> None:
        if not hasattr(self, "lines"):
            return
        everything, view = self.everything(), self.lines.view(self.painter, self.height)
        assert len(view) <= self.height
        if self.lines.following:
            assert everything[-self.height :] == view
        else:
            assert any(view == everything[at : at + len(view)] for at in range(len(everything) + 1))

    @invariant()
    def rows_fit(self) -> None:
        if hasattr(self, "lines"):
            for row in self.lines.view(self.painter, self.height):
                assert sum(len(fragment[1]) for fragment in row) < self.painter.width


TestWindow = Window.TestCase
TestWindow.settings = settings(max_examples=scaled(50, 500), stateful_step_count=30, deadline=None)
