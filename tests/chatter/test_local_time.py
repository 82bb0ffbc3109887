"""Moments at the ends of the calendar, in time zones that have no such day."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chatroom.chatter.local_time import NO_TIME, local_time, written
from chatroom.chatter.printing import log_printer_for
from chatroom.client import Message

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def zone(request) -> Iterator[None]:
    """Be in a time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "moment"),
    [("America/New_York", FIRST), ("Pacific/Kiritimati", LAST)],
    indirect=["zone"],
)
def test_moment_beyond_the_calendar_is_not_known(zone, moment, capsys) -> None:
    """It is printed as a time that is not known; where one has to stand it is now."""
    before = datetime.now().astimezone()
    assert before <= local_time(moment) <= datetime.now().astimezone()
    assert NO_TIME == written(moment)
    message = Message(name="Bob", text="Hello", sequence=1, sent=moment)
    log_printer_for(as_json=False, said=False, times=True).message("1", message)
    assert f"{NO_TIME}  Bob: Hello\n" == capsys.readouterr().out


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati"], indirect=True)
def test_moments_are_local(zone) -> None:
    """To the second, and the year has four digits."""
    assert written(datetime(800, 6, 15, 12, tzinfo=UTC)).startswith("0800-06-")
    assert "2026-11-23 02:00:03" == written(datetime(2026, 11, 22, 12, 0, 3, tzinfo=UTC))
    assert len(NO_TIME) == len(written(datetime(800, 6, 15, tzinfo=UTC)))
    assert NO_TIME == written(None)
