"""Who asks, and what they may: keys and tokens are read here, and `access` decides by them."""

from .key_file import KeyFile, KeysUnusable
from .keys import Algorithm, Key, Keys
from .tokens import Tokens
from .unusable import (
    TokenAlgorithmWrong,
    TokenAudienceWrong,
    TokenClaimWrong,
    TokenExpired,
    TokenKeyUnknown,
    TokenMalformed,
    TokenNotYetValid,
    TokenRevoked,
    TokenSignatureWrong,
    TokenUnusable,
)

__all__ = [
    "Algorithm",
    "Key",
    "KeyFile",
    "Keys",
    "KeysUnusable",
    "TokenAlgorithmWrong",
    "TokenAudienceWrong",
    "TokenClaimWrong",
    "TokenExpired",
    "TokenKeyUnknown",
    "TokenMalformed",
    "TokenNotYetValid",
    "TokenRevoked",
    "TokenSignatureWrong",
    "TokenUnusable",
    "Tokens",
]
