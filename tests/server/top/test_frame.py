"""What stands on the screen, in whatever size it has."""

from __future__ import annotations

import itertools

import pytest

from chatroom.server.top.figures import Figures
from chatroom.server.top.frame import View, frame, once
from chatroom.server.top.grid import plain
from chatroom.server.top.words import cells

from .moments import moment, reader, room

STALLED = "chatroom_http2_stalled_total"
ROOMS = tuple(room(key, newest=key * 10, members=key, readers=key) for key in range(60))
READERS = tuple(reader(f"名前 {number}", behind=99 - number) for number in range(40))


def view(now: object = None, before: object = None, **fields: object) -> View:
    how = {"address": "127.0.0.1:9090", "interval": 2.0, "sort": "messages", **fields}
    return View(figures=Figures.of(now or moment(), before), **how)  # type: ignore[arg-type]


def shown(of: View, rows: int = 24, columns: int = 80) -> list[str]:
    return [plain(each) for each in frame(of, rows, columns)]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [*itertools.product([1, 2, 3, 5, 8, 12, 19, 20, 24, 40, 200], [1, 2, 10, 20, 39, 40, 80, 120])],
)
def test_it_fits_every_size(rows: int, columns: int) -> None:
    """Exactly as many lines as there are rows, none wider than the screen; with much to show."""
    busy = {STALLED: ("what", {"stream": 3, "connection": 1}), "chatroom_log_lines_total": 0}
    now = moment(2.0, rooms=ROOMS, readers=READERS, samples=busy)
    full = view(now, moment(0.0, rooms=ROOMS), silent="nothing listens")
    for each in (full, view()):
        lines = frame(each, rows, columns)
        assert rows == len(lines)
        widest = max(cells("".join(text for text, _ in line)) for line in lines)
        assert widest <= columns


def test_the_most_important_is_shown_on_the_smallest_screen() -> None:
    """Whether it is ready, what is said and how late it is; some rooms; and the keys."""
    now = moment(2.0, rooms=ROOMS)
    lines = shown(view(now, moment(0.0, rooms=ROOMS)), 12, 40)
    assert lines[0].startswith("ready  127.0.0.1:9090")
    for text in ("messages", "store p99", "loop p99", "ROOM ", "room-"):
        assert any(text in line for line in lines), text
    assert lines[-1].startswith("q quit")


def test_rooms_and_readers_share_what_is_left() -> None:
    """A third is for readers, if there are so many."""
    lines = shown(view(moment(rooms=ROOMS, readers=READERS)))
    rooms = [line for line in lines if line.startswith("room-")]
    readers = [line for line in lines if "192.0.2.7:51234" in line]
    assert (8, 5) == (len(rooms), len(readers))
    idle = shown(view(moment(rooms=ROOMS[:3], readers=READERS)))
    assert 10 == len([line for line in idle if "192.0.2.7:51234" in line])
    few = shown(view(moment(rooms=ROOMS, readers=READERS[:1])))
    assert (12, 1) == (
        len([line for line in few if line.startswith("room-")]),
        len([line for line in few if "192.0.2.7:51234" in line]),
    )


def test_names_can_be_hidden() -> None:
    """Then no address is there either."""
    now = moment(readers=READERS)
    assert "名前 0" in "\n".join(shown(view(now)))
    hidden = "\n".join(shown(view(now, names=False)))
    assert "名前" not in hidden
    assert "192.0.2.7" not in hidden
    assert "lobby" in hidden


@pytest.mark.parametrize(
    ("samples", "word", "trouble"),
    [
        ({}, "ready", ""),
        ({"chatroom_storing": 0}, "cannot store", "messages cannot be stored"),
        ({"chatroom_storing": 0, "chatroom_ready": 0}, "cannot store", "messages cannot be"),
        ({"chatroom_serving": 0, "chatroom_ready": 0}, "does not serve yet", ""),
        ({"chatroom_ready": 0}, "not ready", ""),
        (
            {"chatroom_serving": 0, "chatroom_drain_seconds": 3, "chatroom_drain_limit_seconds": 6},
            "drains", "told to stop 3.0 s ago, which may take 6.0 s",
        ),
        ({"chatroom_append_under_way_seconds": 4}, "ready", "has not answered for 4.0 s"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_first(samples: dict[str, float], word: str, trouble: str) -> None:
    lines = shown(view(moment(samples=samples)))
    assert lines[0].startswith(f"{word}  ")
    assert trouble in lines[1]


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        (STALLED, ("what", {"stream": 3}), "readers were ended that took nothing (3)"),
        ("chatroom_notices_total", ("kind", {"flood": 2, "host": 5}), "for floods (2)"),
        ("chatroom_log_lines_total", ("level", {"error": 1}), "the log has errors (1)"),
        ("chatroom_refusals_total", ("reason", {"SERVER_FULL": 7}), "turned away: it is full (7)"),
        ("chatroom_accept_pauses_total", ("x", {"": 1}), "connections are not accepted"),
    ],
)
def test_what_has_happened_is_told_once(
    name: str, labels: tuple[str, dict[str, float]], said: str
) -> None:
    """In the frame after it, and not in the next."""
    label, values = labels
    before = moment(0.0, samples={name: (label, dict.fromkeys(values, 0))})
    now, later = moment(2.0, samples={name: labels}), moment(4.0, samples={name: labels})
    assert said in "\n".join(shown(view(now, before)))
    assert said not in "\n".join(shown(view(later, now)))


def test_refusals_are_told_by_reason() -> None:
    """The most frequent first."""
    zero = moment(0.0, samples={"chatroom_refusals_total": ("reason", {"A": 0, "B": 0, "C": 0})})
    now = moment(2.0, samples={"chatroom_refusals_total": ("reason", {"A": 1, "B": 5, "C": 0})})
    assert "refused: B 2.5/s, A 0.5/s" in shown(view(now, zero))


def test_a_hostile_name_stays_within_its_line() -> None:
    hostile = moment(readers=(reader("\x1b[2J\n\u202eevil"),))
    lines = frame(view(hostile), 24, 80)
    assert not [text for each in lines for text, _ in each if not text.isprintable()]


def test_on_paper_everything_is_there() -> None:
    """Ten of each table, and no keys."""
    paper = [plain(each) for each in once(view(moment(rooms=ROOMS, readers=READERS)), 10, 100)]
    assert 10 == len([each for each in paper if each.startswith("room-")])
    assert 10 == len([each for each in paper if "192.0.2.7:51234" in each])
    assert "q quit" not in "\n".join(paper)
