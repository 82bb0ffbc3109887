"""Refusals of those who take more than one address, one identity or one room may."""

from __future__ import annotations

from .refusals import Refusal


class AddressFull(Refusal):
    """As many members come from an address as may."""

    reason = "ADDRESS_FULL"
    retry_after = 30.0

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} members come from your address already, and no more may; try again later"
        )


class IdentityFull(Refusal):
    """An identity is in as many rooms, counted for each time, as it may be."""

    reason = "IDENTITY_FULL"
    retry_after = 30.0

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"you are in rooms {limit} times already, and may be no more often; leave one first"
        )


class JoinTooOften(Refusal):
    """An address, or an identity, joins more often than it may."""

    reason = "JOIN_TOO_OFTEN"

    def __init__(self, whose: str, wait: float) -> None:
        """`whose` limit was met: `address` or `identity`; `wait` is in seconds."""
        super().__init__(_too_often(whose, "joins", wait))
        self.whose = whose
        self.retry_after = wait

    @property
    def metadata(self) -> dict[str, str]:
        return {"limit": self.whose}


class CreateTooOften(Refusal):
    """An address, or an identity, creates rooms more often than it may."""

    reason = "CREATE_TOO_OFTEN"

    def __init__(self, whose: str, wait: float) -> None:
        """See `JoinTooOften`."""
        super().__init__(_too_often(whose, "creates rooms", wait))
        self.whose = whose
        self.retry_after = wait

    @property
    def metadata(self) -> dict[str, str]:
        return {"limit": self.whose}


class RenameTooOften(Refusal):
    """A member takes another name tag more often than it may."""

    reason = "RENAME_TOO_OFTEN"

    def __init__(self, interval: float, wait: float) -> None:
        """Both in seconds: of how long it may once, and after how long again."""
        super().__init__(
            f"you may take another name once in {interval:g} s; try again in {wait:.1f} s"
        )
        self.retry_after = wait


def _too_often(whose: str, does: str, wait: float) -> str:
    return f"your {whose} {does} too often; try again in {wait:.1f} s"


class RoomBusy(Refusal):
    """All members of a room together send faster than they may."""

    reason = "ROOM_BUSY"

    def __init__(self, wait: float) -> None:
        super().__init__(f"too much is said in this room just now; try again in {wait:.1f} s")
        self.retry_after = wait
