"""Who asks: keys and tokens are read here, and nothing is decided."""

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
