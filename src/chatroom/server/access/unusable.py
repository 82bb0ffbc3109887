"""Why a token is not taken: one type for each reason, with a sentence for its bearer.

No sentence has the token in it, nor a key, nor anything of a token whose signature was not
found good.
"""

from __future__ import annotations


class TokenUnusable(Exception):
    """A token that is not taken."""


class TokenMalformed(TokenUnusable):
    """It is not a signed JWT in the compact form (RFC 7519, RFC 7515)."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this is not a token that can be read: {why}")


class TokenKeyUnknown(TokenUnusable):
    """It names a key that is not known here, or none where there are several."""

    def __init__(self, *, named: bool) -> None:
        super().__init__(
            "the key that the token names (kid) is not known here"
            if named
            else "the token names no key (kid), and there are several"
        )


class TokenAlgorithmWrong(TokenUnusable):
    """Its header names another algorithm than its key has."""

    def __init__(self) -> None:
        super().__init__("the token is of another algorithm than its key")


class TokenSignatureWrong(TokenUnusable):
    """Its key has not signed it, or not in these words."""

    def __init__(self) -> None:
        super().__init__("the token's signature is wrong")


class TokenClaimWrong(TokenUnusable):
    """A claim is missing, or is not what it has to be."""

    def __init__(self, claim: str, why: str) -> None:
        super().__init__(f"the token's {claim} {why}")
        self.claim = claim
        self.why = why


class TokenAudienceWrong(TokenUnusable):
    """It is for somebody else, or for anybody where it has to be for this server."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the token is not for this server: {why}")


class TokenExpired(TokenUnusable):
    """It was good until a while ago: a new one helps."""

    def __init__(self) -> None:
        super().__init__("the token has expired")


class TokenNotYetValid(TokenUnusable):
    """It will be good in a while."""

    def __init__(self) -> None:
        super().__init__("the token is not valid yet")


class TokenRevoked(TokenUnusable):
    """Somebody has taken it back."""

    def __init__(self) -> None:
        super().__init__("the token was revoked")
