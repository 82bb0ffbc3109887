"""Bans: who is not let in, to a room or at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from .denials import Banned
from .member import Member
from .names import NameTag
from .refusals import RequestInvalid

Network = IPv4Network | IPv6Network


class Whom(StrEnum):
    """By what a ban knows somebody; the words are those of `rpc.Ban.whom`."""

    NAME = "name"
    IDENTITY = "identity"
    """A token's `sub`."""
    ADDRESS = "address"
    MEMBER = "member"
    """Who was in under a name: by the session, and the identity if there is one."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Ban:
    """One ban, of a room or of the server."""

    ban_id: str
    whom: Whom
    value: str
    """A name tag, a `sub`, an address or prefix, the name of a member."""
    keys: tuple[str, ...]
    """What is looked up: those below say how each is made."""
    until: int
    """ns since 1970; 0: for good."""
    reason: str
    by: str
    created: int
    """ns since 1970."""

    def over(self, now: int) -> bool:
        """Whether it has ended by `now`."""
        return bool(self.until) and self.until <= now

    def stored(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, stored: str) -> Ban:
        """What `stored` has written; raises ValueError, TypeError, KeyError."""
        fields = json.loads(stored)
        return cls(**fields | {"whom": Whom(fields["whom"]), "keys": tuple(fields["keys"])})


def name_keys(tag: NameTag) -> tuple[str, ...]:
    """Names that would pass for each other have a key in common."""
    return tuple(f"name:{key}" for key in tag.keys)


def identity_key(subject: str) -> str:
    """That of a token's `sub`."""
    return f"identity:{subject}"


def session_key(session: bytes) -> str:
    """That of a session, by its SHA-256."""
    return f"session:{session.hex()}"


def address_key(prefix: str) -> tuple[str, str]:
    """The prefix as it is written usually, and its key. Raises RequestInvalid.

    Bits behind the prefix are an error: 192.0.2.7/24 may be meant as one address, or as all.
    """
    try:
        if "%" in prefix:  # a zone, which no client's address has here
            raise ValueError(prefix)  # noqa: TRY301 # as what `ip_network` does not take
        network = _plain(ip_network(prefix))
    except ValueError:
        raise RequestInvalid(
            "address", "this is neither an address nor a prefix such as 192.0.2.0/24"
        ) from None
    if not network.prefixlen:
        raise RequestInvalid(
            "address",
            f"{network} is every address; closed_to_newcomers keeps new people out of a room",
        )
    return str(network).removesuffix(f"/{network.max_prefixlen}"), f"address:{network}"


def _plain(network: Network) -> Network:
    """An IPv4 address that is written as one of IPv6 (RFC 4291, 2.5.5.2) is one of IPv4."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _somebodys(subject: str, session: bytes | None) -> list[str]:
    keys = [identity_key(subject)] if subject else []
    return keys if session is None else [*keys, session_key(session)]


def member_keys(member: Member) -> tuple[str, ...]:
    """By which somebody who is in is known again, whatever the name: none, or up to two."""
    return tuple(_somebodys(member.subject, member.session))


class Bans:
    """Those of one room, or of the server, found by the keys of who comes."""

    __slots__ = ("_by_id", "_by_key", "_prefixes")

    def __init__(self) -> None:
        self._by_id: dict[str, Ban] = {}
        self._by_key: dict[str, dict[str, Ban]] = {}
        """By key, then by id."""
        self._prefixes: dict[tuple[int, int], int] = {}
        """How many keys of addresses there are of each IP version and length."""

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, ban_id: str) -> Ban | None:
        """The one of this id."""
        return self._by_id.get(ban_id)

    def listed(self, after: str, count: int) -> list[Ban]:
        """The first `count` above an id, in order of id."""
        return [self._by_id[each] for each in sorted(self._by_id) if each > after][:count]

    def add(self, ban: Ban) -> None:
        """From now on it counts."""
        self._by_id[ban.ban_id] = ban
        for key in ban.keys:
            self._by_key.setdefault(key, {})[ban.ban_id] = ban
            self._count(key, 1)

    def lift(self, ban: Ban) -> None:
        """It counts no more."""
        del self._by_id[ban.ban_id]
        for key in ban.keys:
            self._count(key, -1)
            under = self._by_key[key]
            del under[ban.ban_id]
            if not under:
                del self._by_key[key]

    def _count(self, key: str, step: int) -> None:
        if key.startswith("address:"):
            network = ip_network(key.removeprefix("address:"))
            length = network.version, network.prefixlen
            self._prefixes[length] = self._prefixes.get(length, 0) + step
            if not self._prefixes[length]:
                del self._prefixes[length]

    def ended(self, now: int) -> list[Ban]:
        """Those that have ended by `now` (ns since 1970)."""
        return [ban for ban in self._by_id.values() if ban.over(now)]

    def check(
        self,
        now: int,
        *,
        subject: str,
        address: str,
        tag: NameTag | None = None,
        session: bytes | None = None,
    ) -> None:
        """Raise Banned if one is for somebody; `now` is in ns since 1970."""
        if self._by_id:
            named = () if tag is None else name_keys(tag)
            self._check(now, named, subject, address, session)

    def _check(
        self, now: int, names: tuple[str, ...], subject: str, address: str, session: bytes | None
    ) -> None:
        keys = (*names, *self._address_keys(address), *_somebodys(subject, session))
        found = self._longest(keys, now)
        if found is not None:
            raise Banned(found.until, found.reason)

    def check_member(self, member: Member, now: int) -> None:
        """The same of somebody who is in."""
        keys = name_keys(member.tag)
        if member.naming.drafted is not None:
            keys += name_keys(member.naming.drafted)
        self._check(now, keys, member.subject, member.address, member.session)

    def _longest(self, keys: Iterable[str], now: int) -> Ban | None:
        """Of those that count the one that ends last."""
        found = [
            ban for key in keys for ban in self._by_key.get(key, {}).values() if not ban.over(now)
        ]
        return max(found, key=lambda ban: ban.until or float("inf"), default=None)

    def _address_keys(self, address: str) -> Iterable[str]:
        if not (address and self._prefixes):
            return
        here = ip_address(address)
        for version, length in self._prefixes:
            if version == here.version:
                yield f"address:{ip_network((address, length), strict=False)}"
