"""What can go wrong, as types with fields; `str()` is a sentence for a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc.aio


class ChatError(Exception):
    """The server did not do what was asked, or could not be asked.

    `code` is the gRPC status, `reason` the server's stable word for programs
    (`ErrorInfo.reason`; empty when it gave none), `field` the field of the request
    that was wrong, `retry_after` the seconds after which the same may succeed. `rpc_error`
    is what gRPC said, debug strings and all; None when this library found it by itself.
    """

    rpc_error: grpc.aio.AioRpcError | None = None

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        field: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.field = field
        self.retry_after = retry_after


class NameTaken(ChatError):
    """Somebody in the room has this name tag, or one that looks like it."""

    @property
    def free(self) -> str:
        """A name tag that the server says is free; empty when it named none."""
        return self.metadata.get("free", "")


class NameInvalid(ChatError):
    """The name tag is empty, too long, reserved, or has characters a name may not have."""


class NameReserved(NameInvalid):
    """The name tag belongs to somebody else, whose token fixes it."""


class RoomNotFound(ChatError):
    """No room has this id."""


class RoomClosed(ChatError):
    """The room was deleted while this member was in it.

    Its final message came before, unless the connection was lost at that time.
    """

    why: str = ""
    """What the admin gave as the reason; empty when nothing."""
    successor: str = ""
    """The room in which the conversation goes on; empty when there is none."""


class Removed(ChatError):
    """An admin removed this member from the room."""


class Banned(ChatError):
    """A moderator keeps this member out."""

    @property
    def until(self) -> datetime | None:
        """When that ends; None: never."""
        found = self.metadata.get("until", "")
        try:
            when = datetime.fromisoformat(found)
        except ValueError:
            return None
        return when if when.tzinfo else None


class InvitationRefused(ChatError):
    """The invitation that was shown does not count any more: it is used up, ended or revoked."""


class SessionReplaced(ChatError):
    """The session was resumed by another client, which speaks for this member now."""


class TokenRefused(ChatError):
    """No token was shown that counts here: none, a wrong one, an expired or a revoked one."""


class DataLoss(ChatError):
    """A message that was asked for is damaged on the server's disk."""

    @property
    def sequence(self) -> int:
        """Which one; 0 when the server did not say."""
        return self._number("sequence") or 0

    @property
    def readable(self) -> int | None:
        """How many of those asked for come before it; None when the server did not say."""
        return self._number("readable")

    def _number(self, name: str) -> int | None:
        found = self.metadata.get(name, "")
        return int(found) if found.isascii() and found.isdecimal() and len(found) < 20 else None


class NotAccepted(ChatError):
    """The server did not accept a message, and the membership goes on."""


class NotInRoom(ChatError):
    """Something was sent on a stream that has ended; iterating over the room says why."""


class ServerUnavailable(ChatError):
    """The server cannot be reached, is going away, or the connection to it was lost."""

    cause: str = ""
    """Why it cannot be reached, in the words of `message`; empty where that is not known."""
    advice: str = ""
    """What may help, which `message` has in brackets; empty where nothing is known to."""
