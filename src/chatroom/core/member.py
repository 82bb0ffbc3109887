"""A member: a cursor in the log of a room."""

from __future__ import annotations

from collections.abc import Callable

from .events import Event, Refused
from .leave_reason import LeaveReason
from .marks import NO_MARK
from .names import NameTag
from .naming import Naming
from .rate import TokenBucket
from .record import MemberRecord
from .refusals import Refusal
from .standing import Standing


def _nobody_waits() -> None:
    pass


def takes_nothing(_run: bytes) -> bool:
    """The `Member.offer` of who has no stream, or one that is not to be handed anything now."""
    return False


def _nobody_listens(_heartbeat: bool) -> None:
    pass


class Member:
    """Somebody in a room, and how far they have read.

    A member owns no queue of messages: what it gets is read from the room's log at
    `cursor`. Only what is not in the log goes through `outbox`. A session that is
    resumed goes on as a new object with the same author: each has one stream.
    """

    __slots__ = (
        "address", "arrival", "author", "bucket", "cursor", "echo", "ended", "events", "final",
        "heard", "invitation", "logged", "mark", "naming", "node", "offer", "outbox", "outcome",
        "reason", "session", "since", "standing", "subject", "typing_seen", "wake",
    )  # fmt: skip

    def __init__(
        self,
        naming: Naming,
        *,
        author: int,
        since: int,
        events: bool,
        echo: bool,
        bucket: TokenBucket,
        session: bytes | None = None,
        subject: str = "",
        invitation: str = "",
        address: str = "",
    ) -> None:
        self.naming = naming
        self.author = author
        """A random number, not 0: marks in the log what is this member's own."""
        self.since = since
        """When it came in, in ns since 1970."""
        self.events = events
        self.echo = echo
        self.bucket = bucket
        self.session = session
        """The SHA-256 of the session by which it can resume; None: it has none."""
        self.subject = subject
        """The `sub` of the token under which it came in; empty: none."""
        self.invitation = invitation
        """The id of the invitation that it came by; empty: none."""
        self.address = address
        """From which its stream has come; empty: not known."""
        self.node = 0
        """At which other node it is: see `Standing.ELSEWHERE`."""
        self.mark = NO_MARK
        """Whether it is muted, or a moderator of this room."""
        self.cursor = 0
        """The sequence of the last entry handed out."""
        self.arrival = b""
        """The enveloped line of its own arrival."""
        self.logged = False
        """Whether the arrival is in the log; the departure is exactly then."""
        self.standing = Standing.ARRIVING
        self.reason: LeaveReason | None = None
        """Why it departed."""
        self.ended = 0
        """When its stream ended, in ns since 1970; 0: it has not."""
        self.outcome: Refusal | None = None
        """How its stream ends once it is over; None: status OK."""
        self.final: int | None = None
        """Once that is known: the last sequence to hand out before the end."""
        self.outbox: tuple[Event, ...] = ()
        """Almost always none: then all members have one object, and looking at it costs no
        memory access of its own."""
        self.typing_seen = 0
        self.offer: Callable[[bytes], bool] = takes_nothing
        """Hands a run of envelopes to its stream, if it can take that now; else False."""
        self.wake: Callable[[], None] = _nobody_waits
        """Called when there may be something new to read."""
        self.heard: Callable[[bool], None] = _nobody_listens
        """Called when something came by another way than the stream: whether a heartbeat."""

    def on_another_stream(self, *, events: bool, echo: bool, after: int, address: str) -> Member:
        """The same member, for a stream that goes on from the sequence `after`."""
        member = Member(
            self.naming, author=self.author, since=self.since, events=events, echo=echo,
            bucket=self.bucket, session=self.session, subject=self.subject,
            invitation=self.invitation, address=address,
        )  # fmt: skip
        member.logged, member.mark = self.logged, self.mark
        member.cursor = after
        member.standing = Standing.INSIDE
        return member

    def end(self, outcome: Refusal, final: int | None = None) -> None:
        """Another stream has taken its place, or will: this one ends after `final`, or here."""
        self.standing = Standing.REPLACED
        self.ended = 0  # its record, if that is still to be stored, is of somebody inside
        self.outcome = outcome
        self.final = self.cursor if final is None else final
        self.wake()

    @property
    def present(self) -> bool:
        """Whether it is in the roster."""
        return self.standing.present

    @property
    def over(self) -> bool:
        """Whether its stream is to end: nothing is posted by it any more."""
        return self.standing.over

    @property
    def tag(self) -> NameTag:
        """The name tag that it has."""
        return self.naming.tag

    @property
    def name(self) -> str:
        """The name tag as the room shows it."""
        return self.naming.tag.text

    def tell(self, event: Event) -> None:
        """Put an event into the outbox and wake the reader."""
        self.outbox += (event,)
        self.wake()

    def tell_refused(self, nonce: str, refusal: Refusal) -> None:
        """Tell that a message was refused, unless it is said again when this one resumes."""
        if self.session is None or not refusal.said_again:
            self.tell(Refused(nonce, refusal))

    def record(self) -> MemberRecord | None:
        """What is to be kept of it: while it is in, and as long as it can resume.

        A rename that is drafted is stored with it.
        """
        if not self.present and (self.session is None or self.reason is LeaveReason.QUIT):
            return None
        return MemberRecord(
            author=self.author,
            name=self.naming.pen,
            since=self.since,
            logged=self.logged,
            session=self.session,
            ended=0 if self.present else self.ended,
            removed=self.reason is LeaveReason.REMOVED,
            subject=self.subject,
            former=self.naming.known,
            invitation=self.invitation,
        )
