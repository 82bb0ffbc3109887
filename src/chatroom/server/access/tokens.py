"""Tokens: who shows one, and what it grants. They are JWTs (RFC 7519, RFC 8725).

Why PyJWT, and which part of it: docs/decisions/0022-tokens.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, PyJWTError

from chatroom.core.grants import Identity
from chatroom.core.limits import Limits

from .claims import Claims, claims_of
from .keys import Algorithm, Key, Keys
from .parts import parts, payload_object
from .unusable import (
    TokenAlgorithmWrong,
    TokenAudienceWrong,
    TokenExpired,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNotYetValid,
    TokenRevoked,
    TokenSignatureWrong,
)

KEPT = 1024
"""Tokens whose signature is not looked at again: it takes 0.3 ms, all else 0.01 ms."""


@dataclass(slots=True, frozen=True)
class Signed:
    """Claims, and the key that has signed them."""

    key: Key
    claims: Claims


class Tokens:
    """Says who shows a token. Reads no file and no clock."""

    def __init__(self, keys: Keys, *, name_characters: int = Limits().name_characters) -> None:
        self.keys = keys
        """May be replaced at any time: the next token is read with the new ones."""
        self.revoked: set[str] = set()
        """The ids (`jti`) of tokens that were taken back. Somebody else keeps them."""
        self._name_characters = name_characters
        self._jws = PyJWS(algorithms=list(Algorithm))
        self._kept: dict[bytes, Signed] = {}
        """By the SHA-256 of the token; the oldest goes first."""
        self._kept_for = keys

    def identity(self, token: str, now: float) -> Identity:
        """Who shows this token, at `now` (seconds since 1970); raises a TokenUnusable.

        The signature comes first: nothing is said about the claims of a token that nobody has
        signed. `expires` has the leeway in it.
        """
        signed = self.signed(token)
        self.check(signed, now)
        claims = signed.claims
        return Identity(
            grant=claims.grant,
            subject=claims.subject,
            name=claims.name,
            expires=claims.expires + self.keys.leeway,
            key_id=signed.key.id,
            token_id=claims.token_id,
        )

    def signed(self, token: str) -> Signed:
        """What a token says that one of our keys has signed, whether it is good now or not.

        Raises TokenMalformed, TokenKeyUnknown, TokenAlgorithmWrong, TokenSignatureWrong,
        TokenClaimWrong. The algorithm is the key's own; the header may only agree.
        """
        if self._kept_for is not self.keys:
            self._kept, self._kept_for = {}, self.keys
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        signed = self._kept.get(digest)
        if signed is None:
            signed = self._verified(token)
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[digest] = signed
        return signed

    def check(self, signed: Signed, now: float) -> None:
        """Whether it is for this server, at this time, and was not taken back.

        Raises TokenAudienceWrong, TokenExpired, TokenNotYetValid, TokenRevoked. A token that
        is revoked and has expired has expired: so the answer stays the same when the
        revocation is forgotten.
        """
        claims, leeway = signed.claims, self.keys.leeway
        self._check_audience(claims.audience)
        if now >= claims.expires + leeway:
            raise TokenExpired
        if claims.not_before is not None and now < claims.not_before - leeway:
            raise TokenNotYetValid
        if claims.token_id and claims.token_id in self.revoked:
            raise TokenRevoked

    def _verified(self, token: str) -> Signed:
        found = parts(token)
        key = self._key(found.key_id)
        if found.algorithm != key.algorithm:
            raise TokenAlgorithmWrong
        try:
            payload = self._jws.decode(token, key.verifying, algorithms=[key.algorithm])
        except InvalidSignatureError:
            raise TokenSignatureWrong from None
        except PyJWTError:
            raise TokenMalformed("the library does not take it") from None
        said = payload_object(payload)
        return Signed(key, claims_of(said, name_characters=self._name_characters))

    def _key(self, key_id: str | None) -> Key:
        known = self.keys.keys
        if key_id is None:
            if len(known) != 1:
                raise TokenKeyUnknown(named=False)
            return next(iter(known.values()))
        key = known.get(key_id)
        if key is None:
            raise TokenKeyUnknown(named=True)
        return key

    def _check_audience(self, named: tuple[str, ...] | None) -> None:
        """RFC 7519, section 4.1.3: whoever is not named in `aud` must refuse it."""
        ours = self.keys.audience
        if named is None:
            if ours:
                raise TokenAudienceWrong("it has to say for whom it is (aud)")
        elif not ours:
            raise TokenAudienceWrong("it is for somebody (aud), and the key file has no audience")
        elif not set(ours).intersection(named):
            raise TokenAudienceWrong("it is for somebody else (aud)")
