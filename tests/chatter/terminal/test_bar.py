"""The bar of the rooms that are open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatter.terminal.bar import MOST_COUNTED, Tab, bar_line
from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.symbols import ASCII, UNICODE

CELLS = Cells()
TABS = st.lists(
    st.builds(
        Tab,
        room=st.text("ab-日", min_size=1, max_size=40),
        unread=st.integers(0, 2_000),
        named=st.booleans(),
        trouble=st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


def text(tabs: list[Tab], width: int, symbols=UNICODE) -> str:
    return "".join(part for _, part, *_ in bar_line(tabs, width, symbols, CELLS))


def test_each_room_with_what_is_new_there() -> None:
    """Its number, its name, how much is unread, and a mark where one is named."""
    tabs = [
        Tab(room="lobby", here=True),
        Tab(room="ops", unread=3),
        Tab(room="dev", unread=MOST_COUNTED + 1, named=True),
        Tab(room="old", trouble=True),
    ]
    assert " 1 lobby  2 ops +3  3 dev +999+!  4 old × " == text(tabs, 80)
    assert " 1 lobby  2 ops +3  3 dev +999+!  4 old x " == text(tabs, 80, ASCII)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (40, " 1 infrastructure  2 dev-backe…  3 ops "),
        (33, " 1 infras…  2 dev-b…  3 ops "),
    ],
)
def test_names_are_cut_before_a_room_is_left_out(width: int, expected: str) -> None:
    """All of them to the same length, so that each has its place."""
    tabs = [Tab(room="infrastructure", here=True), Tab(room="dev-backend-team"), Tab(room="ops")]
    assert len(text(tabs, width)) <= width
    assert [" 1 ", " 2 ", " 3 "] == [
        each for each in (" 1 ", " 2 ", " 3 ") if each in text(tabs, 33)
    ]


def test_quiet_rooms_are_left_out_first() -> None:
    """What is on the screen, and where one is named, is there to the last."""
    tabs = [Tab(room=f"room-{number}") for number in range(1, 21)]
    tabs[9] = Tab(room="here", here=True)
    tabs[15] = Tab(room="calls", unread=1, named=True)
    assert " 10 here  16 calls +1!  …" == text(tabs, 26)


@given(TABS, st.integers(0, 19), st.integers(20, 120))
def test_it_is_never_wider_than_the_screen(tabs: list[Tab], at: int, width: int) -> None:
    """Whatever the rooms are called; and the room on the screen is in it."""
    at %= len(tabs)
    here = tabs[at]
    tabs[at] = Tab(
        room=here.room, here=True, unread=here.unread, named=here.named, trouble=here.trouble
    )
    shown = text(tabs, width)
    assert CELLS.of(shown) <= width
    assert f" {at + 1} " in shown
