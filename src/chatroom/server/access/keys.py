"""Keys: what signs tokens, and what tells whether it did. Each has one algorithm.

From PEM (RFC 7468), from bytes that are a secret, and from a JWK (RFC 7517).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt import PyJWK, get_algorithm_by_name
from jwt.exceptions import PyJWTError

from .certificates import ID_PREFIX, Holder

KEY_ID_CHARACTERS = 128
"""The longest key id (`kid`)."""
RSA_BITS = 2048
"""The shortest modulus (RFC 7518, section 3.3)."""
SECRET_BYTES = 32
"""The shortest secret: as long as the hash (RFC 7518, section 3.2)."""
LEEWAY_SECONDS = 30
"""By how much the clock of whoever makes tokens may differ, unless the file says otherwise."""
MOST_LEEWAY_SECONDS = 300

Verifying = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey | bytes
Signing = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey | bytes


class Algorithm(StrEnum):
    """Those that are taken, by their names in RFC 7518 and RFC 8037."""

    EDDSA = "EdDSA"
    """With Ed25519 alone."""
    ES256 = "ES256"
    RS256 = "RS256"
    HS256 = "HS256"
    """Whoever can check a token can make one."""


class KeyWrong(ValueError):
    """What was given is no key for this; the reason quotes nothing of it."""


@dataclass(slots=True, frozen=True)
class Key:
    """A key with its one algorithm. Equal to one that takes the same tokens."""

    id: str
    algorithm: Algorithm
    verifying: Verifying = field(repr=False)
    """A public key; with HS256 the secret."""
    signing: Signing | None = field(default=None, repr=False, compare=False)
    """A private key; with HS256 the secret; None: tokens are made elsewhere."""


@dataclass(slots=True, frozen=True)
class Keys:
    """All that is in a key file."""

    keys: Mapping[str, Key] = field(default_factory=lambda: MappingProxyType({}))
    """By their ids."""
    audience: tuple[str, ...] = ()
    """What a token has to name one of (`aud`); empty: it may name none."""
    leeway: int = LEEWAY_SECONDS
    """Seconds by which `exp` and `nbf` may be missed."""
    certificates: Mapping[str, Holder] = field(default_factory=lambda: MappingProxyType({}))
    """For whom client certificates stand, by ids of the file's own; the first that fits counts."""

    def lost_since(self, before: Keys) -> frozenset[str]:
        """The ids of what was there `before`, and is gone, or is something else now.

        Of keys, and of certificates with ID_PREFIX.
        """
        keys = {id_ for id_, key in before.keys.items() if self.keys.get(id_) != key}
        holders = before.certificates.items()
        return frozenset(keys) | {
            f"{ID_PREFIX}{id_}" for id_, held in holders if self.certificates.get(id_) != held
        }

    def holder_of(self, marks: AbstractSet[str]) -> Holder | None:
        """For whom a certificate with these marks stands; None: for nobody."""
        return next((each for each in self.certificates.values() if each.mark in marks), None)


def algorithm_of(name: object) -> Algorithm:
    """Raises KeyWrong for one that is not taken."""
    for algorithm in Algorithm:
        if name == algorithm:
            return algorithm
    raise KeyWrong(f"its algorithm has to be one of {', '.join(Algorithm)}")


def check_key_id(key_id: str) -> None:
    """Raises KeyWrong for an id that no log should have to print."""
    if not 0 < len(key_id) <= KEY_ID_CHARACTERS or not key_id.isprintable():
        raise KeyWrong(
            f"an id has 1 to {KEY_ID_CHARACTERS} characters, all of which can be printed"
        )
    if key_id.startswith(ID_PREFIX):
        raise KeyWrong(f"no id of a key begins with {ID_PREFIX}")


def secret_key(key_id: str, algorithm: Algorithm, secret: bytes) -> Key:
    """A key for HS256; raises KeyWrong.

    A secret that is a public key, or a certificate, is refused: then everybody knows it.
    """
    if algorithm is not Algorithm.HS256:
        raise KeyWrong(f"{algorithm} needs a public or a private key, not a secret")
    if len(secret) < SECRET_BYTES:
        raise KeyWrong(
            f"its secret has {len(secret)} bytes; {algorithm} needs at least {SECRET_BYTES}"
        )
    try:
        get_algorithm_by_name(algorithm).prepare_key(secret)
    except PyJWTError:
        raise KeyWrong("its secret is a public or private key, or a certificate") from None
    return Key(key_id, algorithm, secret, secret)


def public_key(key_id: str, algorithm: Algorithm, pem: bytes) -> Key:
    """A key that checks tokens, from PEM; raises KeyWrong."""
    if b"-----BEGIN CERTIFICATE" in pem:
        raise KeyWrong(
            "a certificate stands in place of its public key; "
            "`openssl x509 -in FILE -noout -pubkey` prints that"
        )
    if b"PRIVATE KEY-----" in pem:
        raise KeyWrong(
            "a private key stands in place of its public key; say private_key_file, or better "
            "keep it where tokens are made: `openssl pkey -in FILE -pubout` prints the public key"
        )
    try:
        loaded = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyWrong("its public key cannot be read: PEM is needed") from None
    return Key(key_id, algorithm, _verifying(algorithm, loaded))


def private_key(key_id: str, algorithm: Algorithm, pem: bytes) -> Key:
    """A key that signs tokens too, from PEM without a password; raises KeyWrong."""
    try:
        loaded = load_pem_private_key(pem, password=None)
    except TypeError:
        raise KeyWrong("its private key has a password; one without is needed") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyWrong("its private key cannot be read: PEM is needed") from None
    if not isinstance(loaded, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise KeyWrong(_other_kind(algorithm))
    return Key(key_id, algorithm, _verifying(algorithm, loaded.public_key()), loaded)


def jwk_key(key_id: str, jwk: Mapping[str, object]) -> Key:
    """A key of a JWKS (RFC 7517, section 4); raises KeyWrong.

    Members that are not known are not looked at, as section 4 asks. One with its private part
    is refused: whoever only checks tokens should not have it.
    """
    algorithm = algorithm_of(jwk.get("alg"))
    if jwk.get("use", "sig") != "sig":
        raise KeyWrong("it is not for signatures (use); take it out")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeyWrong("it is not for checking signatures (key_ops); take it out")
    if private := sorted({"d", "p", "q", "dp", "dq", "qi", "oth"} & jwk.keys()):
        raise KeyWrong(f"it has its private part ({', '.join(private)}); take that out")
    if jwk.get("kty") != _JWK_KINDS[algorithm]:
        raise KeyWrong(f"{algorithm} needs a key of kty {_JWK_KINDS[algorithm]}")
    try:
        loaded = PyJWK(dict(jwk), algorithm).key
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        # The last three for a member that is missing, or is no text.
        raise KeyWrong("it is no key: a member is missing, or is not what it has to be") from None
    if isinstance(loaded, bytes):
        return secret_key(key_id, algorithm, loaded)
    return Key(key_id, algorithm, _verifying(algorithm, loaded))


_JWK_KINDS = {
    Algorithm.EDDSA: "OKP",
    Algorithm.ES256: "EC",
    Algorithm.RS256: "RSA",
    Algorithm.HS256: "oct",
}


def _verifying(algorithm: Algorithm, loaded: object) -> Verifying:
    """The public key, if it is of the algorithm's kind and size."""
    match algorithm, loaded:
        case Algorithm.EDDSA, Ed25519PublicKey():
            return loaded
        case Algorithm.ES256, EllipticCurvePublicKey() if isinstance(loaded.curve, SECP256R1):
            return loaded
        case Algorithm.RS256, RSAPublicKey():
            if loaded.key_size < RSA_BITS:
                raise KeyWrong(f"it has {loaded.key_size} bits; {algorithm} needs {RSA_BITS}")
            return loaded
    raise KeyWrong(_other_kind(algorithm))


def _other_kind(algorithm: Algorithm) -> str:
    needed = {
        Algorithm.EDDSA: "an Ed25519 key",
        Algorithm.ES256: "an elliptic curve key on P-256",
        Algorithm.RS256: "an RSA key",
        Algorithm.HS256: "a secret",
    }
    return f"{algorithm} needs {needed[algorithm]}, and this is another kind"
