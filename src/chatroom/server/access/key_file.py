"""The file with the keys: TOML of our own, or a JWKS (RFC 7517, section 5).

    audience = "chat.example"        # or a list; without it tokens may name none
    leeway_seconds = 30

    [keys.site]
    algorithm = "EdDSA"              # EdDSA, ES256, RS256 or HS256
    public_key_file = "site.pem"     # or public_key, private_key_file, secret, secret_file

Paths are relative to the file. `jwks_file = "jwks.json"` adds the keys of a JWKS. Tables of
`certificates` say for whom client certificates stand: see `certificates`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from chatroom.core.limits import Limits
from chatroom.toml_text import NotToml, table_of

from .certificates import CertificateWrong, Holder, holder
from .keys import (
    LEEWAY_SECONDS,
    MOST_LEEWAY_SECONDS,
    Algorithm,
    Key,
    Keys,
    KeyWrong,
    algorithm_of,
    check_key_id,
    jwk_key,
    private_key,
    public_key,
    secret_key,
)
from .strict_json import json_object

FILE_BYTES = 1 << 20
"""The longest of the files."""
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_TOP = ("audience", "leeway_seconds", "jwks_file", "keys", "certificates")
_MATERIAL = ("secret", "secret_file", "public_key", "public_key_file", "private_key_file")

Signature = tuple[int, int, int, int]
"""Which file it is, and when it was written or its mode was changed."""


class KeysUnusable(Exception):
    """The keys cannot be used; the sentence says why, and what to do."""


class KeyFile:
    """A file with keys, and the files that it names.

    `read` comes first, and may come again; `changed` tells cheaply when it is worth it.
    """

    def __init__(self, path: Path, *, name_characters: int = Limits().name_characters) -> None:
        self.path = path
        self._name_characters = name_characters
        self.keys = Keys()
        """Those that were read last without an error."""
        self.has_table = False
        """Whether it is TOML, to which a key can be added."""
        self._seen: dict[Path, Signature | None] = {}

    def read(self) -> Keys:
        """The keys that are in the file now; raises KeysUnusable, and then `keys` stay.

        A file that others may write is refused. So is one with a secret that others may read;
        but the group may read a file of root's, since that is how container platforms and
        service managers hand out secrets.
        """
        reading = _Reading(self.path, self._name_characters)
        try:
            keys = reading.keys()
        except KeyWrong as error:
            raise KeysUnusable(f"cannot use the keys of {self.path}: {error}") from None
        finally:
            self._seen = reading.seen
        self.keys, self.has_table = keys, reading.has_table
        return keys

    def changed(self) -> bool:
        """Whether a file is another one than `read` saw, whether it could use it or not.

        By size, inode, and the times of the last write and of the last change of mode: one
        call of stat for each file.
        """
        return any(_signature_at(path) != seen for path, seen in self._seen.items())


class _Reading:
    """One reading of the file. Whatever is wrong raises KeyWrong."""

    def __init__(self, path: Path, name_characters: int) -> None:
        self.seen: dict[Path, Signature | None] = {}
        self.has_table = False
        self._path = path
        self._name_characters = name_characters

    def keys(self) -> Keys:
        content, status = self._open(self._path)
        if content.lstrip().startswith(b"{"):  # as no TOML does
            found = {key.id: key for key in _of_jwks(content)}
            self._guard(self._path, status, found.values())
            return Keys(found)
        self.has_table = True
        table = _toml(content)
        _only_known(table, _TOP)
        audience, leeway = _audience(table), _leeway(table)
        found = {}
        for key, inline in self._of_table(table.get("keys", {})):
            found[key.id] = key
            if inline:
                self._guard(self._path, status, (key,))
        for key in self._of_named_jwks(table.get("jwks_file")):
            if key.id in found:
                raise KeyWrong(f"key {_quoted(key.id)}: it is in the JWKS and here")
            found[key.id] = key
        holders = self._holders(table.get("certificates", {}))
        if not (found or holders):
            raise KeyWrong("there is no key in it; `chatserver keys create` makes one")
        return Keys(found, audience, leeway, holders)

    def _holders(self, table: object) -> dict[str, Holder]:
        """For whom certificates stand; each for one alone."""
        if not isinstance(table, dict):
            raise KeyWrong("certificates has to be a table: [certificates.ID]")
        found: dict[str, Holder] = {}
        by_mark: dict[str, str] = {}
        for id_, said in table.items():
            try:
                check_key_id(id_)
                found[id_] = holder(id_, said, name_characters=self._name_characters)
            except (KeyWrong, CertificateWrong) as error:
                raise KeyWrong(f"certificate {_quoted(id_)}: {error}") from None
            other = by_mark.setdefault(found[id_].mark, id_)
            if other != id_:
                raise KeyWrong(
                    f"certificate {_quoted(id_)}: {_quoted(other)} has the same san or subject"
                )
        return found

    def _of_table(self, table: object) -> Iterator[tuple[Key, bool]]:
        """Each key, and whether all of it stands in the file itself."""
        if not isinstance(table, dict):
            raise KeyWrong("keys has to be a table: [keys.ID]")
        for key_id, said in table.items():
            try:
                check_key_id(key_id)
                key = self._key(key_id, said)
            except KeyWrong as error:
                raise KeyWrong(f"key {_quoted(key_id)}: {error}") from None
            yield key, "secret" in said

    def _key(self, key_id: str, said: object) -> Key:
        if not isinstance(said, dict):
            raise KeyWrong("it has to be a table: [keys.ID]")
        _only_known(said, ("algorithm", *_MATERIAL))
        algorithm = algorithm_of(said.get("algorithm"))
        given = [name for name in _MATERIAL if name in said]
        if len(given) != 1:
            raise KeyWrong(f"it needs exactly one of {', '.join(_MATERIAL)}")
        field = given[0]
        value = said[field]
        if not isinstance(value, str) or not value:
            raise KeyWrong(f"{field} has to be a text")
        if field.endswith("_file"):
            return self._from_file(key_id, algorithm, field, self._beside(field, value))
        if field == "secret":
            return secret_key(key_id, algorithm, value.encode())
        return public_key(key_id, algorithm, value.encode())

    def _from_file(self, key_id: str, algorithm: Algorithm, field: str, path: Path) -> Key:
        content, status = self._open(path)
        try:
            match field:
                case "secret_file":
                    key = secret_key(key_id, algorithm, _without_line_end(content))
                case "private_key_file":
                    key = private_key(key_id, algorithm, content)
                case _:
                    key = public_key(key_id, algorithm, content)
        except KeyWrong as error:
            raise KeyWrong(f"{path}: {error}") from None
        self._guard(path, status, (key,))
        return key

    def _of_named_jwks(self, named: object) -> Iterator[Key]:
        if named is None:
            return
        path = self._beside("jwks_file", named)
        content, status = self._open(path)
        try:
            found = list(_of_jwks(content))
        except KeyWrong as error:
            raise KeyWrong(f"{path}: {error}") from None
        self._guard(path, status, found)
        yield from found

    def _beside(self, field: str, named: object) -> Path:
        """A path that is relative to the file."""
        if not isinstance(named, str) or not named or not named.isprintable():
            raise KeyWrong(f"{field} has to be a path")
        return self._path.parent / named

    def _open(self, path: Path) -> tuple[bytes, os.stat_result]:
        """What is in a file that nobody else may write, and what it is."""
        self.seen[path] = None
        try:
            with open(path, "rb", opener=at_once) as file:  # Path.open has none
                status = os.fstat(file.fileno())
                self.seen[path] = _signature(status)
                if not stat.S_ISREG(status.st_mode):
                    raise KeyWrong(f"{path}: it has to be a file, since it is read again and again")
                content = file.read(FILE_BYTES + 1)
        except OSError as error:
            raise KeyWrong(f"{path}: {(error.strerror or str(error)).lower()}") from None
        if len(content) > FILE_BYTES:
            raise KeyWrong(f"{path}: it has more than {FILE_BYTES:,} bytes")
        if os.name == "posix" and status.st_mode & WRITABLE_BY_OTHERS:
            raise KeyWrong(f"others may write {path}; type: chmod go-w {path}")
        return content, status

    def _guard(self, path: Path, status: os.stat_result, keys: Iterable[Key]) -> None:
        """Refuse a file from which others may read what signs tokens."""
        if any(key.signing is not None for key in keys) and others_may_read(status):
            raise KeyWrong(f"others may read the secret in {path}; type: chmod 600 {path}")


def others_may_read(status: os.stat_result) -> bool:
    """Whether a file is no place for a secret. Root's may be for a group: that of a service."""
    others = stat.S_IROTH if status.st_uid == 0 else stat.S_IROTH | stat.S_IRGRP
    return os.name == "posix" and bool(status.st_mode & others)


def at_once(path: str, flags: int) -> int:
    """Open a file; of a pipe, do not wait until somebody writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such flag


def _signature(found: os.stat_result) -> Signature:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _signature_at(path: Path) -> Signature | None:
    try:
        return _signature(path.stat())
    except OSError:
        return None


def _toml(content: bytes) -> dict[str, object]:
    try:
        return table_of(content)
    except NotToml as error:
        raise KeyWrong(str(error)) from None


def _of_jwks(content: bytes) -> Iterator[Key]:
    """The keys of a JWKS; no id comes twice."""
    try:
        listed = json_object(content).get("keys")
    except ValueError as error:
        raise KeyWrong(f"it is no JWKS: {error}") from None
    if not isinstance(listed, list) or not listed:
        raise KeyWrong('it is no JWKS: it needs "keys", a list with a key at least')
    seen: set[str] = set()
    for position, jwk in enumerate(listed, 1):
        key_id = jwk.get("kid") if isinstance(jwk, dict) else None
        if not isinstance(key_id, str):
            raise KeyWrong(f"key {position} has no id (kid)")
        try:
            check_key_id(key_id)
            key = jwk_key(key_id, jwk)
        except KeyWrong as error:
            raise KeyWrong(f"key {_quoted(key_id)}: {error}") from None
        if key_id in seen:
            raise KeyWrong(f"the id {_quoted(key_id)} comes twice")
        seen.add(key_id)
        yield key


def _only_known(table: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            raise KeyWrong(f"unknown field {_quoted(name)}; known are {', '.join(known)}")


def _audience(table: Mapping[str, object]) -> tuple[str, ...]:
    if "audience" not in table:
        return ()
    said = table["audience"]
    listed = said if isinstance(said, list) else [said]
    if not listed or not all(isinstance(each, str) and each for each in listed):
        raise KeyWrong("audience has to be a text or a list of texts")
    return tuple(listed)


def _leeway(table: Mapping[str, object]) -> int:
    said = table.get("leeway_seconds", LEEWAY_SECONDS)
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said <= MOST_LEEWAY_SECONDS:
        raise KeyWrong(f"leeway_seconds has to be a whole number from 0 to {MOST_LEEWAY_SECONDS}")
    return said


def _without_line_end(secret: bytes) -> bytes:
    """Of text the line end at the end is not meant; of random bytes it is."""
    text = secret.rstrip(b"\r\n")
    return text if all(0x20 <= byte <= 0x7E for byte in text) else secret


def _quoted(text: str) -> str:
    """A text from a file as a log can take it."""
    return '"' + text.encode("unicode_escape").decode() + '"'
