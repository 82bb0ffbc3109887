"""Access: by what somebody shows, who they are and what they may."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from chatroom.core.grants import EVERYTHING, NOTHING, Grant, Identity, Right
from chatroom.core.invitations import PREFIX
from chatroom.core.refusals import TokenExpired, TokenInvalid, TokenRevoked

from . import unusable
from .admin import AdminToken
from .certificates import ID_PREFIX, shown
from .keys import Keys
from .tokens import Tokens

SOON_SECONDS = 60.0
"""How long before its token ends somebody is told so."""
ADMIN = Identity(EVERYTHING, admin_token=True)
"""Whoever shows the admin token."""
NOBODY = Identity(NOTHING)
"""Whoever has not been asked yet."""


class Access:
    """The one place that decides who somebody is.

    That is an admin, whom a token names, whom a certificate names, or anybody; the first counts.
    """

    def __init__(
        self,
        anonymous: Grant = EVERYTHING,
        *,
        admin: AdminToken | None = None,
        tokens: Tokens | None = None,
        invited: Callable[[str], Identity] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`anonymous` is what those may who show nothing; `clock` is in seconds since 1970.

        `invited` tells who shows the secret of an invitation, or raises InvitationUnknown; None:
        nobody can.
        """
        self._anybody = Identity(anonymous)
        self._admin = admin
        self._tokens = tokens
        self.reading = 0
        """How often keys were taken: a count, since the time of day may go back."""
        self._lost: dict[str, int] = {}
        """With which reading a key was last gone or replaced, by its id."""
        self.clock = clock
        self._invited = invited

    def identity(self, authorization: str, address: str = "", certificate: bytes = b"") -> Identity:
        """Who shows this `authorization` (RFC 6750, section 2.1); who shows none is anybody.

        Unless the `certificate` of the connection, in DER, stands for somebody; TLS trusts it,
        and it is empty where there is none. `address` is the client's, as `Identity` has it.

        Raises TokenInvalid, TokenExpired, TokenRevoked, InvitationUnknown. Where there is
        nothing to compare a token with, it is something between a proxy and its clients, and
        does not count.
        """
        who = self._shown(authorization, certificate)
        return replace(who, address=address) if address else who

    def _shown(self, authorization: str, certificate: bytes) -> Identity:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if not token or scheme.lower() != "bearer":
            return self._certified(certificate)
        if self._admin is not None and self._admin.is_shown(token):
            return ADMIN
        if self._invited is not None and token.startswith(PREFIX):
            return self._widened(self._invited(token))
        if self._tokens is not None:
            return self._named(self._tokens, token)
        if self._admin is not None:
            raise TokenInvalid
        return self._anybody

    def _widened(self, who: Identity) -> Identity:
        """Where everybody may do everything an invitation takes nothing away."""
        everything = self._anybody.grant.gives(Right.ADMIN)
        return replace(who, grant=self._anybody.grant) if everything else who

    def _certified(self, certificate: bytes) -> Identity:
        """Whom a certificate stands for; anybody, if for nobody. Raises TokenExpired.

        TLS takes none that has ended; but a connection may last longer than its certificate.
        """
        if not certificate or self._tokens is None or not self._tokens.keys.certificates:
            return self._anybody
        found = shown(certificate)
        holder = self._tokens.keys.holder_of(found.marks)
        if holder is None:
            return self._anybody
        if self.clock() >= found.ends:
            raise TokenExpired("certificate")
        return holder.identity(found.ends)

    def _named(self, tokens: Tokens, shown: str) -> Identity:
        try:
            return tokens.identity(shown, self.clock())
        except unusable.TokenExpired:
            raise TokenExpired from None
        except unusable.TokenRevoked:
            raise TokenRevoked from None
        except unusable.TokenUnusable as error:
            raise TokenInvalid(str(error)) from None

    def check(self, who: Identity, since: int) -> None:
        """Raise TokenExpired or TokenRevoked if an identity has ended that began at a `reading`."""
        what = "certificate" if who.key_id.startswith(ID_PREFIX) else "token"
        if who.expires is not None and self.clock() >= who.expires:
            raise TokenExpired(what)
        if self._tokens is not None and (
            who.token_id in self._tokens.revoked or self._lost.get(who.key_id, 0) > since
        ):
            raise TokenRevoked(what)

    def take(self, keys: Keys) -> None:
        """Other keys count from here on; tokens of those that are gone have ended."""
        assert self._tokens is not None
        self.reading += 1
        self._lost |= dict.fromkeys(keys.lost_since(self._tokens.keys), self.reading)
        self._tokens.keys = keys

    def revoke(self, token_ids: set[str]) -> None:
        """These are all that were taken back."""
        if self._tokens is not None:
            self._tokens.revoked = token_ids


class Visit:
    """Somebody on an open stream: who they are, and for how long."""

    __slots__ = (
        "_access", "_address", "_authorization", "_certificate", "_since", "_told", "who",
    )  # fmt: skip

    def __init__(
        self, access: Access, authorization: str, address: str = "", certificate: bytes = b""
    ) -> None:
        """See `Access.identity`."""
        self._access = access
        self._authorization = authorization
        self._address = address
        self._certificate = certificate
        self._since = 0
        self._told = True
        """It was said that it ends soon, or it does not end."""
        self.who = NOBODY

    def begin(self) -> None:
        """Find out who it is, once. Raises TokenInvalid, TokenExpired, TokenRevoked."""
        shown, self._authorization = self._authorization, ""  # it may have 16 KiB
        certificate, self._certificate = self._certificate, b""
        self.who = self._access.identity(shown, self._address, certificate)
        self._since = self._access.reading
        self._told = self.who.expires is None

    def ends_soon(self) -> float | None:
        """When it ends, in seconds since 1970: said once, in the minute before.

        Raises TokenExpired, TokenRevoked when it has ended.
        """
        who = self.who
        if not who.key_id:
            return None
        self._access.check(who, self._since)
        if self._told or who.expires is None or self._access.clock() < who.expires - SOON_SECONDS:
            return None
        self._told = True
        return who.expires


OPEN = Access()
"""Everything is everybody's."""
