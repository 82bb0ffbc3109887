"""Where to begin and to end, as people say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chatroom.chatter.moments import Moment, MomentInvalid, parse

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()


@pytest.mark.parametrize(("text", "sequence"), [("120", 120), ("#120", 120), (" #1 ", 1), ("0", 0)])
def test_numbers_are_sequences(text: str, sequence: int) -> None:
    """With a # or without."""
    assert Moment(sequence=sequence) == parse(text, now=NOW, end=False)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(days=14)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
    ],
)
def test_durations_end_now(text: str, ago: timedelta) -> None:
    """So long ago; several units add up."""
    assert Moment(time=NOW - ago) == parse(text, now=NOW, end=False)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22", local(2026, 11, 22)),
        ("2026-11-22T10:00", local(2026, 11, 22, 10)),
        ("2026-11-22 10:00:03", local(2026, 11, 22, 10, 0, 3)),
        ("2026-11-22T10:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00+02:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
    ],
)
def test_times_are_local_unless_they_say(text: str, time: datetime) -> None:
    """A date is its first moment."""
    assert Moment(time=time) == parse(text, now=NOW, end=False)


def test_date_as_an_end_is_its_whole_day() -> None:
    """The first moment after the day; a time stays what it is."""
    assert Moment(time=local(2026, 12, 1)) == parse("2026-11-30", now=NOW, end=True)
    assert Moment(time=local(2026, 11, 30, 10)) == parse("2026-11-30T10:00", now=NOW, end=True)


@pytest.mark.parametrize(
    "text",
    ["", "#", "-1", "1x", "h", "1h later", "yesterday", "2026-13-01", "2026-11-22T25:00", "٣h",
     "999999999w", "1e9s", "9999-12-31T", "0000-01-01"],
)  # fmt: skip
def test_what_is_no_moment_is_told(text: str) -> None:
    """A sentence that quotes it."""
    with pytest.raises(MomentInvalid, match=r"is not a moment|beyond the calendar") as caught:
        parse(text, now=NOW, end=False)
    assert repr(text) in str(caught.value)


def test_last_day_has_no_end() -> None:
    """The day after the last one of the calendar is told, not a failure of the program."""
    with pytest.raises(MomentInvalid, match="beyond the calendar"):
        parse("9999-12-31", now=NOW, end=True)
