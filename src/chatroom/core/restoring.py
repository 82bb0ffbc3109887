"""Restoring: members whom the journal has inside, as they were."""

from __future__ import annotations

from . import names
from .limits import Limits
from .marks import Marks
from .member import Member
from .names import NameTag
from .naming import Naming
from .rate import TokenBucket
from .record import MemberRecord
from .refusals import NameInvalid, NameTaken
from .roster import Roster
from .standing import Standing


def restored(
    record: MemberRecord, roster: Roster, marks: Marks, limits: Limits, *, monotonic: float
) -> Member:
    """A member for the roster, without a stream; `monotonic` is in seconds."""
    try:
        tag = names.name_tag(record.name, characters=limits.name_characters)
        roster.check_free(tag)
    except (NameInvalid, NameTaken):  # by rules that are newer than the name
        tag = NameTag(record.name, (f"{record.author}",))
    member = Member(
        Naming(tag, record.former), author=record.author, since=record.since,
        events=record.session is not None, echo=False,
        bucket=TokenBucket(limits.message_rate, limits.message_burst, monotonic),
        session=record.session, subject=record.subject, invitation=record.invitation,
    )  # fmt: skip
    member.logged = record.logged
    member.mark = marks.of(record.subject, tag)
    member.standing = Standing.AWAY
    return member
