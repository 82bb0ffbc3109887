"""Refusals: why the service did not do what was asked, as types with fields.

A refusal is raised where its rule is known and turned into a status in one place,
`chatroom.server.calls.statuses`. `reason` is the stable word for programs; `str()` is the
sentence for the person who can act on it.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """Why something was not done; nothing of it is in the journal."""

    reason: ClassVar[str]
    said_again: ClassVar[bool] = False
    """Whether it ends streams, so that whoever resumes says again what it was for."""
    field: str | None = None
    """The field of the request that was wrong, as in `google.rpc.BadRequest`."""
    retry_after: float | None = None
    """Seconds after which the same request may succeed; None: not by waiting."""

    @property
    def metadata(self) -> dict[str, str]:
        """What a program needs to act on the refusal."""
        return {}


# ---- Joining ----------------------------------------------------------------


class JoinRequired(Refusal):
    """A stream did not begin with a join, or not in time."""

    reason = "JOIN_REQUIRED"


class OneField(Refusal):
    """A message of a stream carries a second join, or more than one field."""

    reason = "ONE_FIELD"


class NameInvalid(Refusal):
    """A name tag is empty, too long, reserved or not a nickname of RFC 8266."""

    reason = "NAME_INVALID"
    field = "name"


class NameTaken(Refusal):
    """Somebody in the room has this name tag, or one that looks like it."""

    reason = "NAME_TAKEN"

    def __init__(self, name: str, free: str | None) -> None:
        hint = f"; {free!r} is free" if free else ""
        super().__init__(f"the name tag {name!r} is in use in this room{hint}")
        self.name = name
        self.free = free

    @property
    def metadata(self) -> dict[str, str]:
        return {"free": self.free} if self.free else {}


class RoomFull(Refusal):
    """The room has as many members as it may have."""

    reason = "ROOM_FULL"
    retry_after = 30.0

    def __init__(self, room_id: str, capacity: int) -> None:
        super().__init__(f"room {room_id} is full ({capacity} members); try again later")


class ServerFull(Refusal):
    """The server has as many members, or rooms, as it may have."""

    reason = "SERVER_FULL"
    retry_after = 30.0


class StreamsExhausted(Refusal):
    """A connection has as many streams as one may have; another connection has room."""

    reason = "STREAMS_EXHAUSTED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"this connection has {limit} streams; open another connection for more")
        self.limit = limit


# ---- Rooms ------------------------------------------------------------------


class RoomIdInvalid(Refusal):
    """A room id is not of the form that room ids have."""

    reason = "ROOM_ID_INVALID"
    field = "room_id"


class RoomNotFound(Refusal):
    """No room has this id."""

    reason = "ROOM_NOT_FOUND"

    def __init__(self, room_id: str) -> None:
        super().__init__(f"there is no room {room_id}")
        self.room_id = room_id


class RoomExists(Refusal):
    """A room with the id that was asked for exists already."""

    reason = "ROOM_EXISTS"

    def __init__(self, room_id: str) -> None:
        super().__init__(f"room {room_id} exists already")
        self.room_id = room_id


class RequestInvalid(Refusal):
    """A field of a request is out of its range, or contradicts another."""

    reason = "REQUEST_INVALID"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class QueryInvalid(Refusal):
    """A search looks for nothing, or for too much at once."""

    reason = "QUERY_INVALID"
    field = "query"


class MemberNotFound(Refusal):
    """Nobody of this name is in the room."""

    reason = "MEMBER_NOT_FOUND"

    def __init__(self, name: str, room_id: str) -> None:
        super().__init__(f"nobody called {name!r} is in room {room_id}")


# ---- Administering ------------------------------------------------------------


class TokenRequired(Refusal):
    """Something was asked for without a token that not everybody may do."""

    reason = "TOKEN_REQUIRED"

    def __init__(self, right: str = "admin") -> None:
        who = "only admins may do this" if right == "admin" else f"this needs the grant '{right}'"
        super().__init__(f"{who}: send a token as authorization: Bearer")
        self.right = right

    @property
    def metadata(self) -> dict[str, str]:
        return {"grant": self.right}


class TokenInvalid(Refusal):
    """A token was shown that gives nothing here."""

    reason = "TOKEN_INVALID"

    def __init__(self, sentence: str = "this is not the server's admin token") -> None:
        super().__init__(sentence)


class TokenExpired(Refusal):
    """A token was shown that gave something until some time ago, or a stream's has just ended."""

    reason = "TOKEN_EXPIRED"

    def __init__(self, what: str = "token") -> None:
        super().__init__(f"your {what} has expired; come back with a new one")


class TokenRevoked(Refusal):
    """A token was taken back, or its key; or a certificate does not stand for the same any more."""

    reason = "TOKEN_REVOKED"

    def __init__(self, what: str = "token") -> None:
        super().__init__(f"your {what} was revoked")


class GrantMissing(Refusal):
    """Who asks is known, or asks as anybody may, and may not do this."""

    reason = "GRANT_MISSING"

    def __init__(self, right: str, room_id: str = "", *, invited: bool = False) -> None:
        """`room_id`: the right is there, but not for this room. `invited`: by an invitation."""
        where = f" in room {room_id}" if room_id else ""
        super().__init__(
            "your invitation is for one room: you may join, speak and read there, and not do this"
            if invited
            else f"you may not do this{where}: it needs the grant '{right}'"
        )
        self.right = right

    @property
    def metadata(self) -> dict[str, str]:
        return {"grant": self.right}


class NameFixed(Refusal):
    """A token, or an invitation, fixes another name tag."""

    reason = "NAME_FIXED"
    field = "name"

    def __init__(self, name: str, by: str = "token") -> None:
        super().__init__(f"by your {by} your name tag is {name!r}")
        self.name = name

    @property
    def metadata(self) -> dict[str, str]:
        return {"name": self.name}


# ---- Text -------------------------------------------------------------------


class TextInvalid(Refusal):
    """A text is empty, or has characters that no screen should be sent."""

    reason = "TEXT_INVALID"
    field = "message.message"


class TextTooLong(Refusal):
    """A text is longer than a message may be."""

    reason = "TEXT_TOO_LONG"
    field = "message.message"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a message may have {limit} bytes of text; this one has {size}")
        self.size = size
        self.limit = limit


class NonceInvalid(Refusal):
    """A nonce is longer than a nonce may be."""

    reason = "NONCE_INVALID"

    def __init__(self, sentence: str, field: str = "message.nonce") -> None:
        super().__init__(sentence)
        self.field = field


class RateLimited(Refusal):
    """A member sends faster than members may."""

    reason = "RATE_LIMITED"

    def __init__(self, wait: float) -> None:
        super().__init__(f"you are sending too fast; try again in {wait:.1f} s")
        self.retry_after = wait


# ---- The end of a stream -----------------------------------------------------


class RoomClosed(Refusal):
    """The room was deleted while this member was in it."""

    reason = "ROOM_CLOSED"

    def __init__(self, room_id: str, why: str = "", successor: str = "") -> None:
        sentence = f"room {room_id} was closed"
        if why:
            sentence += f": {why}"
        if successor:
            sentence += f" (the conversation goes on in room {successor})"
        super().__init__(sentence)
        self.room_id = room_id
        self.why = why
        self.successor = successor

    @property
    def metadata(self) -> dict[str, str]:
        return {"successor": self.successor} if self.successor else {}


class Removed(Refusal):
    """A moderator removed this member from the room."""

    reason = "REMOVED"

    def __init__(self, why: str = "") -> None:
        super().__init__(f"you were removed from the room{f': {why}' if why else ''}")
        self.why = why


class SlowConsumer(Refusal):
    """A member fell behind what is kept of its room."""

    reason = "SLOW_CONSUMER"

    def __init__(self, sequence: int, epoch: str) -> None:
        super().__init__(
            f"you fell behind what is kept of this room; you had everything up to {sequence}"
        )
        self.sequence = sequence
        self.epoch = epoch

    @property
    def metadata(self) -> dict[str, str]:
        return {"sequence": str(self.sequence), "epoch": self.epoch}


class SessionUnknown(Refusal):
    """No open stream has this session."""

    reason = "SESSION_UNKNOWN"

    def __init__(self) -> None:
        super().__init__("no open stream has this session; join again")


class SessionMismatch(Refusal):
    """A join resumes a session that is of another room or another name."""

    reason = "SESSION_MISMATCH"

    def __init__(self, field: str) -> None:
        super().__init__(f"this session has another {field.replace('_', ' ')}; join without it")
        self.field = field if field != "identity" else None


class SessionReplaced(Refusal):
    """The session was resumed on another stream."""

    reason = "SESSION_REPLACED"

    def __init__(self) -> None:
        super().__init__("you are in this room on another stream now")


class HeartbeatLost(Refusal):
    """A peer that had sent heartbeats fell silent."""

    reason = "HEARTBEAT_LOST"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing came from you for {seconds:g} s; resume when you are back")


class Draining(Refusal):
    """The server is going away."""

    reason = "DRAINING"
    said_again = True
    retry_after = 1.0

    def __init__(self) -> None:
        super().__init__("the server is shutting down; connect again in a moment")


class JournalUnavailable(Refusal):
    """The journal cannot be written, or not be read, so nothing can be shown to anyone."""

    reason = "JOURNAL_UNAVAILABLE"
    retry_after = 5.0

    def __init__(self, why: str = "", *, doing: str = "store") -> None:
        super().__init__(f"the server cannot {doing} messages just now; try again in a moment")
        self.why = why


class DataLoss(Refusal):
    """A message that was asked for is damaged on disk; it is told of once, in the log."""

    reason = "DATA_LOSS"

    def __init__(self, sequence: int, *, epoch: str = "", readable: int = 0) -> None:
        """`readable`: how many of those asked for come before it and can be read."""
        super().__init__(f"message {sequence} is damaged on disk and cannot be shown")
        self.sequence = sequence
        self.epoch = epoch
        self.readable = readable

    @property
    def metadata(self) -> dict[str, str]:
        """Where to go on: `readable` entries can be asked for, then what is beyond it."""
        on = {"epoch": self.epoch, "readable": str(self.readable)} if self.epoch else {}
        return {"sequence": str(self.sequence)} | on
