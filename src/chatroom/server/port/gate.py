"""The gate: which Hosts and Origins a request may name.

A page of elsewhere must not call a server without being asked, nor reach one that only this
machine is meant to reach. A name server can make the page's own name mean this machine (DNS
rebinding), and then page and server look like one origin; but the Host is not ours.

That is a matter of browsers. They send Origin with every request that is neither GET nor HEAD
(Fetch standard, 3.2), and Sec-Fetch-* to servers that they trust. So the Host is looked at
where one of these is, and for every GET. Other clients may call the server by any name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from chatroom.wire.addresses import hostname
from chatroom.wire.origins import Origin, OriginInvalid

from .asgi import Headers
from .notices import Kind

HEALTH_PATH = "/healthz"
"""Tells nothing that a page might want, and load balancers ask for it by names of their own."""
_SEC_FETCH = b"sec-fetch-"


@dataclass(slots=True, frozen=True)
class Allowed:
    """What a browser's request may name, as an operator writes it."""

    hosts: frozenset[str] = field(default_factory=frozenset)
    """Names, without port, beside localhost, all IP addresses and the certificate's names;
    `*.example`: all names of one label more; `*`: any."""
    origins: frozenset[str] = field(default_factory=frozenset)
    """As a browser sends them (`https://chat.example`), beside the Host's own; `*`: any."""


class HeaderInvalid(Exception):
    """A header that no one can read as text (RFC 9110, 5.5)."""


class Foreign(Exception):
    """A request that must not get further; the sentence says why, and what lets it in."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Gate:
    """Whether a request may reach a method, by its head alone."""

    def __init__(
        self, allowed: Allowed, certificate_names: Callable[[], AbstractSet[str]] = frozenset
    ) -> None:
        """`certificate_names` gives those of the certificate as it is now: Hosts that are ours.

        Raises OriginInvalid.
        """
        self._certificate_names = certificate_names
        self._hosts = {name.lower().rstrip(".") for name in allowed.hosts}
        self._any_origin = "*" in allowed.origins
        self._origins = {Origin.parse(each) for each in allowed.origins - {"*"}}

    def admit(self, method: str, path: str, headers: Headers) -> bytes:
        """The request's Origin, empty if it names none. Raises Foreign and HeaderInvalid."""
        host = origin = b""
        browser = method in ("GET", "HEAD") and path != HEALTH_PATH
        for key, value in headers:
            if key in (b"host", b":authority"):
                host = host or value
            elif key == b"origin":
                origin = value
            elif key[: len(_SEC_FETCH)] == _SEC_FETCH:
                browser = True
            if not (key.isascii() and value.isascii()):
                try:
                    key.decode()
                    value.decode()
                except UnicodeDecodeError:
                    raise HeaderInvalid("a request header is not valid UTF-8") from None
        if browser or origin:
            self._check(host.decode(), origin.decode())
        return origin

    def _check(self, host: str, origin: str) -> None:
        name = hostname(host)
        if name and not self._is_ours(name):
            raise Foreign(
                Kind.HOST,
                f"this server does not answer to the name {name!r} where a browser may be asking; "
                "its --allow-host can add it",
            )
        if origin and not self.may_call(origin, host):
            raise Foreign(
                Kind.ORIGIN,
                f"pages of {origin} may not call this server; its --allow-origin can add them",
            )

    def _is_ours(self, name: str) -> bool:
        """Whether no stranger's name server can have sent a browser here by this name."""
        if name == "localhost" or "*" in self._hosts:
            return True
        known = {name, "*." + name.partition(".")[2]}  # a wildcard is one label (RFC 9525, 6.3)
        if not known.isdisjoint(self._hosts) or not known.isdisjoint(self._certificate_names()):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def may_call(self, text: str, host: str) -> bool:
        """Whether a page may call, when its request names this Host."""
        if self._any_origin:
            return True
        try:
            origin = Origin.parse(text)
        except OriginInvalid:  # `null`, the origin of sandboxed and local pages, above all
            return False
        return origin in self._origins or origin.is_at(host)
