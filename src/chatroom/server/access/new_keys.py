"""Makes keys, and puts them into a key file."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from .key_file import KeyFile, KeysUnusable
from .keys import SECRET_BYTES, Algorithm

NEW_RSA_BITS = 3072
"""Enough beyond 2030 (NIST SP 800-57 part 1, table 2)."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OWNER_ALONE = 0o600


@dataclass(slots=True, frozen=True)
class NewKey:
    """What was made."""

    file: Path
    private: Path | None
    """The file of the private key; None: the secret stands in the key file."""
    public: str
    """The public key, PEM; empty: there is none."""


def new_key(path: Path, key_id: str, algorithm: Algorithm) -> NewKey:
    """Make a key and add it to a key file, which is made if it is not there.

    Both files are for their owner alone; one that was there keeps its owner. Raises
    KeysUnusable, and then nothing has changed.
    """
    if not _ID.fullmatch(key_id):
        raise KeysUnusable("an id has 1 to 64 characters, each one of A-Z, a-z, 0-9, _ and -")
    path = path.resolve()
    before, status = _before(path, key_id)
    private, public, line = None, "", ""
    if algorithm is Algorithm.HS256:
        line = f'secret = "{secrets.token_urlsafe(SECRET_BYTES)}"'
    else:
        private = path.with_name(f"{path.stem}-{key_id}.pem")
        line = f'private_key_file = "{private.name}"'
    table = f'[keys.{key_id}]\nalgorithm = "{algorithm}"\n{line}\n'
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    made: list[Path] = []
    try:
        if private is not None:
            pem, public = _pair(algorithm)
            _write(private, pem, status)
            made.append(private)
        _write(temporary, (before + table).encode(), status)
        made.append(temporary)
        KeyFile(temporary).read()
        temporary.replace(path)
    except (OSError, KeysUnusable) as error:
        for each in made:
            with contextlib.suppress(OSError):
                each.unlink()
        if isinstance(error, KeysUnusable):
            raise KeysUnusable(f"{path}: no key can be added to it: {error}") from None
        where = error.filename or path
        raise KeysUnusable(f"{where}: {(error.strerror or str(error)).lower()}") from None
    return NewKey(path, private, public)


def _before(path: Path, key_id: str) -> tuple[str, os.stat_result | None]:
    """What is in the file, ready for one more table."""
    if not path.exists():
        return "", None
    file = KeyFile(path)
    keys = file.read()
    if not file.has_table:
        raise KeysUnusable(
            f'{path} is a JWKS, to which nothing can be added here; a file with jwks_file = "…" '
            "can name it"
        )
    if key_id in keys.keys:
        raise KeysUnusable(f"{path} has a key {key_id} already; take another id")
    content = path.read_text("utf-8")
    return f"{content.rstrip()}\n\n", path.stat()


def _pair(algorithm: Algorithm) -> tuple[bytes, str]:
    """A new private key, and its public one; both PEM."""
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    match algorithm:
        case Algorithm.ES256:
            private = ec.generate_private_key(ec.SECP256R1())
        case Algorithm.RS256:
            private = rsa.generate_private_key(public_exponent=65537, key_size=NEW_RSA_BITS)
        case _:
            private = Ed25519PrivateKey.generate()
    public = private.public_key()
    return (
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


def _write(path: Path, content: bytes, like: os.stat_result | None) -> None:
    """A new file for its owner alone, who is that of `like`; it is on disk afterwards.

    The group keeps what it may, where root's file lets it read (see `KeyFile.read`).
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 # a descriptor is no path
            if like is not None and os.name == "posix":
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, like.st_uid, like.st_gid)
                if like.st_uid == 0:
                    os.fchmod(descriptor, _OWNER_ALONE | like.st_mode & stat.S_IRGRP)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise
