"""The status line, without a terminal."""

from __future__ import annotations

import pytest

from chatroom.chatter.terminal.cells import Cells
from chatroom.chatter.terminal.status import Status, status_line
from chatroom.chatter.terminal.symbols import UNICODE


def line(width: int, *, room: str = "garden", **options: object) -> str:
    """The row, for a room that one looks back in."""
    status = Status(room=room, scrolled=True, **options)
    return "".join(text for _, text, *_ in status_line(status, width, UNICODE, Cells()))


@pytest.mark.parametrize(
    ("below", "unseen", "told"),
    [(0, 0, "↓ more"), (20, 0, "↓ 20 below"), (23, 3, "↓ 23 below, 3 new"), (3, 5, "↓ 3 new")],
)
def test_what_is_below_is_counted(below: int, unseen: int, told: str) -> None:
    """What came since one looks back is new, unless it is in view by now."""
    assert line(60, below=below, unseen=unseen).endswith(f" {told} ")


@pytest.mark.parametrize(
    ("room", "left", "right"),
    [
        ("garden", "garden · reconnecting", "↓ 23, 3 new"),
        ("garden-room", "garden-room · reconnecting", "↓ 23 below"),
        ("garden-rooms-all", "garden-rooms-all", "↓ 23 below"),
    ],
)
def test_a_lost_connection_is_told_in_a_narrow_terminal(room: str, left: str, right: str) -> None:
    """What is below is told in fewer words for it, as far as that helps."""
    told = line(40, room=room, below=23, unseen=3, connection="reconnecting", trouble=True)
    assert f" {left}{right:>{40 - 2 - len(left)}} " == told
