"""Which failures are tried again: the one table, by gRPC status and reason.

docs/retrying.md shows it to people who write clients in other languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatroom.client.errors import ChatError


class Stream(StrEnum):
    """Whether a stream that ended so, or a join that resumes and was answered so, is retried."""

    RETRY = "yes"
    BRIEFLY = "for 30 s"
    """For `Patience.name`, while nothing else comes between: long enough for the server to
    give a lost member's name up."""
    RENEWED = "with a new token"
    """Where there is a source of tokens; as BRIEFLY, since it may be stuck. Else given up."""
    GIVE_UP = "no"


class Call(StrEnum):
    """Which methods that answer once are called again after such an answer."""

    ALL = "all"
    """The server has not begun."""
    READS = "reads"
    """The call may have been carried out: only what changes nothing is repeated."""
    NONE = "none"


ANY = "*"
"""Any reason that has no rule of its own, and none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done about one status; `reason` is "" for a status without ErrorInfo."""

    code: str
    reason: str
    stream: Stream
    call: Call
    why: str


RULES = (
    Rule("UNAVAILABLE", ANY, Stream.RETRY, Call.READS, "the connection was lost or never made"),
    Rule("UNAVAILABLE", "DRAINING", Stream.RETRY, Call.ALL, "refused before anything was done"),
    Rule("UNAVAILABLE", "NODE_FENCED", Stream.RETRY, Call.ALL, "another server goes on"),
    Rule("UNAVAILABLE", "HEARTBEAT_LOST", Stream.RETRY, Call.NONE, "nothing came through"),
    Rule("UNAVAILABLE", "JOURNAL_UNAVAILABLE", Stream.RETRY, Call.READS, "storage comes back"),
    Rule("RESOURCE_EXHAUSTED", "SLOW_CONSUMER", Stream.RETRY, Call.NONE, "resuming catches up"),
    Rule("RESOURCE_EXHAUSTED", "ROOM_FULL", Stream.RETRY, Call.NONE, "somebody may leave"),
    Rule("RESOURCE_EXHAUSTED", "SERVER_FULL", Stream.RETRY, Call.NONE, "somebody may leave"),
    Rule("RESOURCE_EXHAUSTED", "ADDRESS_FULL", Stream.RETRY, Call.NONE, "somebody may leave"),
    Rule("RESOURCE_EXHAUSTED", "IDENTITY_FULL", Stream.RETRY, Call.NONE, "one place may be left"),
    Rule("RESOURCE_EXHAUSTED", "JOIN_TOO_OFTEN", Stream.RETRY, Call.NONE, "it says how long"),
    Rule("RESOURCE_EXHAUSTED", "CREATE_TOO_OFTEN", Stream.GIVE_UP, Call.ALL, "nothing was made"),
    Rule("RESOURCE_EXHAUSTED", "RENAME_TOO_OFTEN", Stream.GIVE_UP, Call.ALL, "nothing was stored"),
    Rule("RESOURCE_EXHAUSTED", "STREAMS_EXHAUSTED", Stream.RETRY, Call.NONE, "another has room"),
    Rule("RESOURCE_EXHAUSTED", "RATE_LIMITED", Stream.GIVE_UP, Call.ALL, "nothing was stored"),
    Rule("RESOURCE_EXHAUSTED", "ROOM_BUSY", Stream.GIVE_UP, Call.ALL, "nothing was stored"),
    Rule("ALREADY_EXISTS", "NAME_TAKEN", Stream.BRIEFLY, Call.NONE, "it may be one's own place"),
    Rule("UNAUTHENTICATED", "TOKEN_EXPIRED", Stream.RENEWED, Call.NONE, "the place is kept"),
    Rule("INTERNAL", "", Stream.RETRY, Call.NONE, "how HTTP/2 stacks and proxies reset a stream"),
    Rule("UNKNOWN", "", Stream.RETRY, Call.NONE, "how gRPC reports some lost streams"),
    Rule("CANCELLED", "", Stream.RETRY, Call.NONE, "reset by a proxy, not by oneself"),
    Rule("DEADLINE_EXCEEDED", "", Stream.RETRY, Call.NONE, "a proxy limits how long streams last"),
    Rule("ABORTED", "SESSION_REPLACED", Stream.GIVE_UP, Call.NONE, "two clients would take turns"),
    Rule("NOT_FOUND", "ROOM_CLOSED", Stream.GIVE_UP, Call.NONE, "the room is deleted"),
    Rule("NOT_FOUND", "ROOM_NOT_FOUND", Stream.GIVE_UP, Call.NONE, "deleted while away"),
    Rule("DATA_LOSS", "DATA_LOSS", Stream.GIVE_UP, Call.NONE, "an entry stays damaged"),
    Rule("PERMISSION_DENIED", "REMOVED", Stream.GIVE_UP, Call.NONE, "an admin decided so"),
    Rule("PERMISSION_DENIED", "BANNED", Stream.GIVE_UP, Call.NONE, "a moderator decided so"),
    Rule("PERMISSION_DENIED", "MUTED", Stream.GIVE_UP, Call.NONE, "it may read, not speak"),
    Rule(
        "PERMISSION_DENIED",
        "ROOM_CLOSED_TO_NEWCOMERS",
        Stream.GIVE_UP,
        Call.NONE,
        "a moderator decided so",
    ),
    Rule(
        "PERMISSION_DENIED", "INVITATION_USED", Stream.GIVE_UP, Call.NONE, "another one is needed"
    ),
    Rule(
        "UNAUTHENTICATED", "INVITATION_UNKNOWN", Stream.GIVE_UP, Call.NONE, "another one is needed"
    ),
    Rule("PERMISSION_DENIED", "NAME_RESERVED", Stream.GIVE_UP, Call.NONE, "another name is needed"),
    Rule("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", Stream.GIVE_UP, Call.NONE, "it stays so"),
    Rule("INVALID_ARGUMENT", "SESSION_MISMATCH", Stream.GIVE_UP, Call.NONE, "it stays so"),
)
"""Every other status is one that the same request would get again: given up."""

_BY_STATUS = {(rule.code, rule.reason): rule for rule in RULES}

READS = frozenset(
    {
        "ListChatRooms", "ListMessages", "SearchMessages", "ListMembers", "ListBans",
        "ListInvitations", "ListAuditRecords",
    }
)  # fmt: skip
"""The methods that change nothing. Of the others none may be repeated blindly: creating a room
without an id, a ban or an invitation makes another; with an id, deleting, removing a member,
withdrawing, lifting or revoking, the repeated call is refused if the first was carried out, or
meets a new room or member of that name."""


def rule_for(error: ChatError) -> Rule | None:
    """The rule that applies to an error; None when it is given up."""
    code = error.code.name
    return _BY_STATUS.get((code, error.reason)) or _BY_STATUS.get((code, ANY))


def stream_retry(error: ChatError, *, renews: bool = False) -> Stream:
    """Whether a stream that has ended with the error is resumed.

    `renews`: there is a source of tokens.
    """
    rule = rule_for(error)
    decision = rule.stream if rule else Stream.GIVE_UP
    if decision is Stream.RENEWED:
        return Stream.BRIEFLY if renews else Stream.GIVE_UP
    return decision


def call_is_retried(error: ChatError, method: str) -> bool:
    """Whether the method is called again after the error."""
    rule = rule_for(error)
    if rule is None or rule.call is Call.NONE:
        return False
    return rule.call is Call.ALL or method in READS
