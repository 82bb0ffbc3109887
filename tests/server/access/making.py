"""Keys, and tokens of every kind: also such as nobody should make."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt import get_algorithm_by_name

from chatroom.server.access import Algorithm, Key, Keys
from chatroom.server.access.keys import private_key, secret_key

NOW = 1_800_000_000
SECRET = b"0123456789abcdef0123456789abcdef"

Private = (
    ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
)


@functools.cache
def private(kind: str) -> Private:
    """One private key of each kind."""
    match kind:
        case "Ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "Ed448":
            return ed448.Ed448PrivateKey.generate()
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=int(kind))


def private_pem(kind: str, password: str = "") -> bytes:
    """It, as PEM."""
    encryption: KeySerializationEncryption = NoEncryption()
    if password:
        encryption = BestAvailableEncryption(password.encode())
    return private(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(kind: str) -> bytes:
    """Its public key, as PEM."""
    return private(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


KINDS = {"EdDSA": "Ed25519", "ES256": "P-256", "RS256": "2048"}


@functools.cache
def key(algorithm: str, key_id: str = "") -> Key:
    """A key that signs, called as its algorithm unless said otherwise."""
    key_id = key_id or algorithm
    if algorithm == "HS256":
        return secret_key(key_id, Algorithm.HS256, SECRET)
    return private_key(key_id, Algorithm(algorithm), private_pem(KINDS[algorithm]))


def keys(*algorithms: str, audience: tuple[str, ...] = (), leeway: int = 30) -> Keys:
    """A key of each of these algorithms; of all, if none is named."""
    chosen = algorithms or tuple(map(str, Algorithm))
    return Keys({each: key(each) for each in chosen}, audience, leeway)


def encoded(part: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def claims(**others: object) -> dict[str, object]:
    """Those that a token needs, and others; None takes one out."""
    said = {"sub": "ann", "exp": NOW + 60, **others}
    return {claim: value for claim, value in said.items() if value is not None}


def token(
    said: Mapping[str, object] | bytes | None = None,
    *,
    by: Key | None = None,
    header: Mapping[str, object] | bytes | None = None,
) -> str:
    """A token with these claims, whose signature is good whatever the header says."""
    by = by or key("EdDSA")
    if header is None:
        header = {"alg": by.algorithm, "kid": by.id}
    parts = [
        encoded(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, claims() if said is None else said)
    ]
    message = ".".join(parts)
    assert by.signing is not None
    signature = get_algorithm_by_name(by.algorithm).sign(message.encode(), by.signing)
    return f"{message}.{encoded(signature)}"
