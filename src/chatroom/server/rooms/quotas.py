"""Quotas: what one address, one identity, and all together may take of a server."""

from __future__ import annotations

from collections.abc import Callable

from chatroom.core.exhausted import AddressFull, CreateTooOften, IdentityFull, JoinTooOften
from chatroom.core.grants import Identity, Right
from chatroom.core.limits import Limits
from chatroom.core.member import Member
from chatroom.core.rate import Buckets, Pace
from chatroom.core.refusals import RateLimited, ServerFull
from chatroom.core.tally import Tally
from chatroom.server.counters import Counters
from chatroom.wire.ip import block


def _everybodys(_address: str) -> bool:
    return False


def _tells_nobody(_address: str, _what: str) -> None:
    pass


class Paces:
    """How often each address and each identity does one thing."""

    __slots__ = ("_by_address", "_by_identity")

    def __init__(self, address: Pace, identity: Pace, kept: int) -> None:
        self._by_address = Buckets(address, kept)
        self._by_identity = Buckets(identity, kept)

    def take(self, address: str, identity: str, now: float) -> tuple[str, float]:
        """Take a token of each, or of none: whose has none, and for how many seconds.

        An empty key has always one.
        """
        for whose, buckets, key in (
            ("address", self._by_address, address),
            ("identity", self._by_identity, identity),
        ):
            if key and (wait := buckets.wait(key, now)):
                return whose, wait
        if address:
            self._by_address.take(address, now)
        if identity:
            self._by_identity.take(identity, now)
        return "", 0.0


class Quotas:
    """Counts who is here and who comes, by address and by identity, and refuses what is too much.

    IPv6 addresses are counted by the /64, which is the least that anybody has (RFC 6177).
    """

    def __init__(
        self,
        limits: Limits,
        monotonic: Callable[[], float],
        *,
        counters: Counters | None = None,
        counts: Callable[[str], bool] = _everybodys,
        tell: Callable[[str, str], None] = _tells_nobody,
    ) -> None:
        """`monotonic` is in seconds.

        `counts` says whether an address is its client's own; whoever has another is refused
        nothing by it. `tell` hears of addresses that are at a limit.
        """
        self.counters = counters or Counters()
        self._limits = limits
        self._monotonic = monotonic
        self._counts = counts
        self._tell = tell
        self.addresses = Tally()
        self.identities = Tally()
        kept = limits.buckets
        self._joins = Paces(limits.address_joins, limits.identity_joins, kept)
        self._resumes = Paces(limits.address_joins, limits.identity_joins, kept)
        self._creations = Paces(limits.address_creations, limits.identity_creations, kept)
        self._searches = Paces(limits.address_searches, limits.identity_searches, kept)
        self._orders = Buckets(limits.identity_orders, kept)

    def add(self, member: Member) -> None:
        """Count somebody who is in a room: once for a stream, or for the grace after it."""
        self.addresses.add(block(member.address))
        self.identities.add(member.subject)

    def remove(self, member: Member) -> None:
        """Somebody who was counted is so no more."""
        self.addresses.remove(block(member.address))
        self.identities.remove(member.subject)

    def check(self, who: Identity, members: int) -> None:
        """Whether somebody may be in one room more, where all have `members`.

        Raises ServerFull, AddressFull, IdentityFull.
        """
        if members >= self._limits.server_members:
            raise ServerFull(f"the server has {members} members; try again later")
        address = self._address(who)
        limit = self._limits.address_members
        if limit and address and self.addresses.of(address) >= limit:
            self._tell(who.address, f"has {limit} members (--address-members)")
            raise AddressFull(limit)
        limit = self._limits.identity_members
        if limit and who.subject and self.identities.of(who.subject) >= limit:
            raise IdentityFull(limit)

    def join(self, who: Identity, *, resumes: bool = False) -> None:
        """Somebody joins; raises JoinTooOften.

        `resumes`: a member that is in the room. Those are counted apart: when a network comes
        back all who are in it do, and newcomers must not be in their way.
        """
        paces = self._resumes if resumes else self._joins
        whose, wait = paces.take(self._address(who), who.subject, self._monotonic())
        if wait:
            if whose == "address":
                self._tell(who.address, "joins too often (--address-joins)")
            raise JoinTooOften(whose, wait)

    def create(self, who: Identity) -> None:
        """Somebody creates a room; raises CreateTooOften."""
        whose, wait = self._creations.take(self._address(who), who.subject, self._monotonic())
        if wait:
            if whose == "address":
                self._tell(who.address, "creates rooms too often (--address-creations)")
            raise CreateTooOften(whose, wait)

    def search(self, who: Identity) -> None:
        """Somebody searches in a room; raises RateLimited."""
        whose, wait = self._searches.take(self._address(who), who.subject, self._monotonic())
        if wait:
            if whose == "address":
                self._tell(who.address, "searches too often (--address-searches)")
            raise RateLimited(wait)

    def order(self, who: Identity) -> None:
        """Somebody changes a room, its members or messages; raises RateLimited."""
        if not who.subject or who.grant.gives(Right.ADMIN):
            return
        if wait := self._orders.take(who.subject, self._monotonic()):
            raise RateLimited(wait)

    def _address(self, who: Identity) -> str:
        """The key of an address; empty for one that is not counted."""
        return block(who.address) if who.address and self._counts(who.address) else ""
