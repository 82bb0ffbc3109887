"""Grapheme clusters: their boundaries, their cells, and a typed line that is made of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from chatroom.chatter.safe_text import safe_text
from chatroom.chatter.terminal.cells import Cells, Sort
from chatroom.chatter.terminal.clusters import begins_with, clusters, end_at, start_at
from chatroom.chatter.terminal.stand_ins import FIRST, OF_A_WIDTH, StandIns
from chatroom.chatter.terminal.typed_line import TypedLine
from chatroom.chatter.terminal.wrap import wrap
from tests.chatter.terminal.unicode_file import examples

FAMILY, FLAG, HAND, HEART, KEYCAP = "👨\u200d👩\u200d👧", "🇩🇪", "👋🏽", "❤\ufe0f", "1\ufe0f\u20e3"
NOT_PICTOGRAPHIC = "\u2701"
"""Of Unicode 15 it was; an older file has it in a cluster."""
TEXTS = st.lists(
    st.sampled_from(["a", " ", "中", "e\u0301", "\u0301", "\u200d", "🇩", "नी", "क\u094d", "각"])
    | st.sampled_from([FAMILY, FLAG, HAND, HEART, KEYCAP, "👩", "\u1112", "\u1161", "\n"]),
    max_size=12,
).map("".join)
PARTED = Cells({Sort.FLAG: 4, Sort.FAMILY: 6, Sort.SKIN_TONE: 4, Sort.EMOJI: 1, Sort.KEYCAP: 1})
"""A terminal that draws each code point by itself."""


def boundaries(text: str) -> list[int]:
    found = [0]
    for cluster in clusters(text):
        found.append(found[-1] + len(cluster))
    return found


def test_unicodes_own_examples() -> None:
    """Their clusters are ours, wherever one begins to look."""
    for example in examples():
        text = "".join(example)
        if NOT_PICTOGRAPHIC in text:
            continue
        assert list(example) == list(clusters(text))
        ends = boundaries(text)
        for position in range(len(text) + 1):
            assert max(end for end in ends if end <= position) == start_at(text, position)
            assert min(end for end in ends if end >= position) == end_at(text, position)


@given(TEXTS, st.integers(-2, 40))
def test_boundaries(text: str, position: int) -> None:
    """Those around a position are those that one finds from the text's beginning."""
    ends = boundaries(text)
    inside = min(max(position, 0), len(text))
    assert max(end for end in ends if end <= inside) == start_at(text, position)
    assert min(end for end in ends if end >= inside) == end_at(text, position)


def test_long_clusters_and_many_flags() -> None:
    """Whatever stands before it: a flag begins at each second letter, a family has no end."""
    flags = "🇩" * 41
    assert [0, 0, 2, 2] == [start_at(flags, position) for position in range(4)]
    assert 38 == start_at(flags, 39)
    family = "👩\u200d" * 40 + "👧"
    assert {0} == {start_at(family, position) for position in range(len(family))}


@pytest.mark.parametrize(
    ("text", "beginning", "begins"),
    [("éva", "é", True), ("e\u0301va", "e", False), (FLAG, "🇩", False), (f"{FLAG}x", FLAG, True)],
)
def test_what_a_text_begins_with(text: str, beginning: str, begins: bool) -> None:
    assert begins is begins_with(text, beginning)


# ---- The typed line -------------------------------------------------------------------


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, HAND, HEART, KEYCAP, "e\u0301", "नी"])
def test_backspace_and_delete_take_a_whole_cluster(cluster: str) -> None:
    """Also in the middle: `x🇩🇪y`, Left, Backspace."""
    line = TypedLine()
    line.insert_text(f"x{cluster}y")
    line.cursor_left()
    line.delete_before_cursor()
    assert "xy" == line.text
    line.insert_text(cluster)
    line.cursor_left()
    assert 1 == line.cursor_position
    line.delete()
    assert "xy" == line.text


def test_transposing() -> None:
    """Ctrl-T changes the places of two clusters."""
    line = TypedLine()
    line.insert_text(f"{FLAG}{FAMILY}")
    line.swap_characters_before_cursor()
    assert f"{FAMILY}{FLAG}" == line.text


EDITS = st.sampled_from(["left", "right", "home", "end", "backspace", "delete", "word", "swap"])


@given(st.lists(TEXTS | EDITS.map(lambda name: (name,)), max_size=12))
def test_the_cursor_is_never_inside_of_a_cluster(edits) -> None:
    """Whatever is typed, moved and deleted, also where two clusters become one."""
    line = TypedLine()
    for edit in edits:
        match edit:
            case ("left",):
                line.cursor_left()
            case ("right",):
                line.cursor_right()
            case ("home",):
                line.cursor_position = 0
            case ("end",):
                line.cursor_position = len(line.text)
            case ("word",):
                line.delete_before_cursor(min(3, line.cursor_position))
            case ("swap",):
                line.swap_characters_before_cursor()
            case ("backspace",):
                line.delete_before_cursor()
            case ("delete",):
                line.delete()
            case text:
                line.insert_text(text)
        assert line.cursor_position in boundaries(line.text)


@given(TEXTS)
def test_as_many_backspaces_as_clusters(text: str) -> None:
    """They empty the line: none leaves a half, which may become one with what is before it."""
    line = TypedLine()
    line.insert_text(text)
    presses = 0
    while line.text:
        count = len(clusters(line.text))
        line.delete_before_cursor()
        presses += 1
        assert count - 1 == len(clusters(line.text))
    assert len(clusters(text)) == presses


# ---- Cells ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "cells"),
    [
        ({}, [2, 2, 2, 2, 2, 1, 1, 2]),
        ({Sort.FLAG: 4, Sort.HALF_FLAG: 1}, [2, 4, 2, 2, 2, 1, 1, 2]),
        ({Sort.FAMILY: 6, Sort.SKIN_TONE: 4}, [6, 2, 4, 2, 2, 1, 1, 2]),
        ({Sort.EMOJI: 1, Sort.KEYCAP: 1}, [2, 2, 2, 1, 1, 1, 1, 2]),
        ({Sort.AMBIGUOUS: 2}, [2, 2, 2, 2, 2, 1, 2, 2]),
        ({Sort.SPACING_MARK: 1, Sort.FLAG: 99, Sort.FAMILY: 0}, [2, 2, 2, 2, 2, 1, 1, 1]),
    ],
)
def test_cells_as_measured(measured: Mapping[Sort, int], cells: list[int]) -> None:
    """One sample tells of its sort; what makes no sense is not believed."""
    texts = [FAMILY, FLAG, HAND, HEART, KEYCAP, "e\u0301", "é", "नी"]
    assert cells == [Cells(measured).of(text) for text in texts]
    assert Cells(measured).as_in_the_table is (not measured)


def test_a_family_with_skin_tones_in_tmux() -> None:
    """tmux 3.3 joins what a joiner stands between, and draws each skin tone beside it."""
    pair = "👩🏽\u200d🤝\u200d👨🏿"
    assert 2 == Cells().of(pair)
    assert 6 == Cells({Sort.SKIN_TONE: 4}).of(pair)


@pytest.mark.parametrize("cells", [Cells(), PARTED])
@given(text=TEXTS, first=st.integers(15, 20), rest=st.integers(15, 40))
def test_rows_end_between_clusters(cells: Cells, text: str, first: int, rest: int) -> None:
    """No row is too wide for this terminal, and none ends inside of a cluster."""
    safe = safe_text(text)
    rows = wrap(safe, first, rest, cells)
    assert all(cells.of(row) <= (rest if at else first) for at, row in enumerate(rows))
    whole = [cluster for line in safe.split("\n") for cluster in clusters(line)]
    parts = [cluster for row in rows for cluster in clusters(row)]
    assert [each for each in whole if each != " "] == [each for each in parts if each != " "]


# ---- Stand-ins ------------------------------------------------------------------------


@given(TEXTS)
def test_stand_ins(text: str) -> None:
    """One character for each cluster, as wide as that; and back again."""
    stand_ins = StandIns(PARTED)
    text = text.replace("\n", "")
    drawn = stand_ins.text(text)
    assert len(clusters(text)) == len(drawn)
    assert [PARTED.of(each) for each in clusters(text)] == list(map(get_cwidth, drawn))
    assert text == "".join(stand_ins.cluster(each) or each for each in drawn)


def test_private_characters_that_are_said() -> None:
    """They cannot be taken for stand-ins: they get some too."""
    stand_ins = StandIns(Cells())
    said = chr(FIRST + OF_A_WIDTH * 2)
    drawn = stand_ins.text(f"{FLAG}{said}")
    assert FLAG == stand_ins.cluster(drawn[0])
    assert said == stand_ins.cluster(drawn[1])


def test_more_clusters_than_stand_ins() -> None:
    """The oldest is forgotten, and gets another one when it is drawn again."""
    stand_ins = StandIns(Cells())
    first = stand_ins.text("a\u0301")
    for number in range(OF_A_WIDTH):
        stand_ins.text("b" + chr(0x300 + number % 0x70) + chr(0x300 + number // 0x70))
    assert "a\u0301" != stand_ins.cluster(first)
    assert "a\u0301" == stand_ins.cluster(stand_ins.text("a\u0301"))
