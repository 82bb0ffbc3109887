"""A member: a cursor in the log of a room."""

from __future__ import annotations

from collections.abc import Callable

from .events import Event
from .names import NameTag
from .rate import TokenBucket
from .refusals import Refusal


def _nobody_waits() -> None:
    pass


class Member:
    """Somebody in a room, and how far they have read.

    A member owns no queue of messages: what it gets is read from the room's log at
    `cursor`. Only what is not in the log goes through `outbox`.
    """

    __slots__ = (
        "arrival", "author", "bucket", "cursor", "echo", "events", "final", "logged",
        "outbox", "outcome", "present", "since", "tag", "typing_seen", "wake",
    )  # fmt: skip

    def __init__(
        self,
        tag: NameTag,
        *,
        author: int,
        since: int,
        events: bool,
        echo: bool,
        bucket: TokenBucket,
    ) -> None:
        self.tag = tag
        self.author = author
        """A random number, not 0: marks in the log what is this member's own."""
        self.since = since
        """When it came in, in ns since 1970."""
        self.events = events
        self.echo = echo
        self.bucket = bucket
        self.cursor = 0
        """The sequence of the last entry handed out."""
        self.arrival = b""
        """The enveloped line of its own arrival."""
        self.logged = False
        """Whether the arrival is in the log; the departure is exactly then."""
        self.present = True
        """In the roster; False from the moment it departs."""
        self.outcome: Refusal | None = None
        """How its stream ends once it has departed; None: status OK."""
        self.final: int | None = None
        """Once the departure is in the log: the last sequence to hand out."""
        self.outbox: list[Event] = []
        self.typing_seen = 0
        self.wake: Callable[[], None] = _nobody_waits
        """Called when there may be something new to read."""

    @property
    def name(self) -> str:
        """The name tag as the room shows it."""
        return self.tag.text

    def tell(self, event: Event) -> None:
        """Put an event into the outbox and wake the reader."""
        self.outbox.append(event)
        self.wake()
