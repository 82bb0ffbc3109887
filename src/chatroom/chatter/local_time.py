"""Moments in local time; a stranger's may be beyond the calendar there."""

from __future__ import annotations

from datetime import datetime

NO_TIME = "time not known     "


def local_time(moment: datetime | None) -> datetime:
    """The moment in local time; now if it is not known or no local calendar has it."""
    return _in_local_calendar(moment) or datetime.now().astimezone()


def written(moment: datetime | None) -> str:
    """Local date and time to the second, else NO_TIME, which is as wide."""
    local = _in_local_calendar(moment)
    return local.replace(tzinfo=None).isoformat(" ", "seconds") if local else NO_TIME


def _in_local_calendar(moment: datetime | None) -> datetime | None:
    try:
        return moment.astimezone() if moment else None
    except (ValueError, OverflowError, OSError):
        return None
