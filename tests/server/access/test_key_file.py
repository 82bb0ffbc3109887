"""The key file: what it may say, who may read and write it, and when it is read again."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from chatroom.server.access import Algorithm, KeyFile, Keys, KeysUnusable, Tokens
from chatroom.server.access.key_file import FILE_BYTES
from tests.server.access.making import (
    KINDS,
    NOW,
    SECRET,
    encoded,
    key,
    keys,
    private,
    private_pem,
    public_pem,
    token,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the key file is to be."""
    return tmp_path / "keys.toml"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    """A file with this content and mode."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def refused(path: Path) -> str:
    """Why a file is not taken; the keys from before stay."""
    file = KeyFile(path)
    with pytest.raises(KeysUnusable) as caught:
        file.read()
    assert Keys() == file.keys
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.isprintable()
    assert SECRET.decode() not in sentence
    return sentence


def table(**fields: object) -> str:
    """One key, called k, in TOML."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join(["[keys.k]", *lines, ""])


# ---- TOML --------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", KINDS)
@pytest.mark.parametrize("field", ["public_key", "public_key_file", "private_key_file"])
def test_a_pair_of_keys_in_each_way(path: Path, algorithm: str, field: str) -> None:
    """A public key checks tokens; a private one makes them too."""
    kind, value = KINDS[algorithm], "k.pem"
    if field == "public_key":
        value = public_pem(kind).decode()
    else:
        pem = private_pem(kind) if "private" in field else public_pem(kind)
        write(path.parent / value, pem)
    write(path, table(algorithm=algorithm, **{field: value}))
    read = KeyFile(path).read()
    assert ["k"] == list(read.keys)
    assert (field == "private_key_file") == (read.keys["k"].signing is not None)
    shown = token(by=key(algorithm, "k"))
    assert "k" == Tokens(read).identity(shown, NOW).key_id


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SECRET, SECRET),
        (SECRET + b"\n", SECRET),
        (SECRET + b"\r\n", SECRET),
        (SECRET + b" \n", SECRET + b" "),
        (bytes(range(32)), bytes(range(32))),
        (b"\xff" * 32 + b"\n", b"\xff" * 32 + b"\n"),
    ],
)
def test_a_secret_in_a_file_of_its_own(path: Path, content: bytes, expected: bytes) -> None:
    """The line end after a text does not count; random bytes may end as they like."""
    write(path.parent / "secret", content)
    write(path, table(algorithm="HS256", secret_file="secret"))
    assert expected == KeyFile(path).read().keys["k"].verifying


def test_all_that_a_file_may_say(path: Path) -> None:
    """Several keys, an audience, a leeway, a JWKS beside it; paths may be absolute."""
    jwks = write(path.parent / "jwks.json", json.dumps({"keys": [jwk("EdDSA")]}))
    write(
        path,
        f'audience = ["a", "b"]\nleeway_seconds = 300\njwks_file = "{jwks}"\n'
        f'[keys."a b"]\nalgorithm = "HS256"\nsecret = "{SECRET.decode()}"\n'
        + table(algorithm="ES256", public_key=public_pem("P-256").decode()),
    )
    read = KeyFile(path).read()
    assert {"a b", "k", "EdDSA"} == set(read.keys)
    assert (("a", "b"), 300) == (read.audience, read.leeway)


def test_what_a_file_need_not_say(path: Path) -> None:
    """No audience, thirty seconds; one audience is no list."""
    write(path, table(algorithm="HS256", secret=SECRET.decode()))
    assert ((), 30) == ((read := KeyFile(path).read()).audience, read.leeway)
    write(path, 'audience = "a"\nleeway_seconds = 0\n' + path.read_text())
    assert (("a",), 0) == ((read := KeyFile(path).read()).audience, read.leeway)


GOOD = table(algorithm="HS256", secret=SECRET.decode())
NEEDS = "exactly one of secret, secret_file, public_key, public_key_file, private_key_file"

NO_MEMBERS: list[object] = [None, 7, [], {}, "é", True]
WRONG_TOML: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "no key in it; `chatserver keys create` makes one"),
    "no table": ("[keys]", "no key in it"),
    "no TOML": ("[keys", "line 1, the last one, is not TOML: "),
    "not UTF-8": (b'a = "\xff"', "it is not UTF-8"),
    "deep": ("a = " + "[" * 100_000, "nested too deeply"),
    "a long number": ("leeway_seconds = " + "9" * 5000, "a number of too many digits"),
    "long": (b"#" * (FILE_BYTES + 1), "it has more than 1,048,576 bytes"),
    "an unknown field": ("leeway = 3\n" + GOOD, 'unknown field "leeway"; known are audience, '),
    "one that no log takes": ('"a\\nb" = 3\n' + GOOD, 'unknown field "a\\nb"'),
    "an unknown field of a key": (GOOD + "use = 1", 'key "k": unknown field "use"'),
    "keys that are no table": ("keys = 3", "keys has to be a table: [keys.ID]"),
    "a key that is no table": ("keys.k = 3", 'key "k": it has to be a table: [keys.ID]'),
    "an empty id": (GOOD.replace("keys.k", 'keys.""'), 'key "": an id has 1 to 128 characters'),
    "an id of two lines": (GOOD.replace("keys.k", 'keys."a\\nb"'), 'key "a\\nb": an id has 1'),
    "a long id": (GOOD.replace("keys.k", f"keys.{'k' * 129}"), "an id has 1 to 128 characters"),
    "no algorithm": (table(secret=SECRET.decode()), "its algorithm has to be one of EdDSA, "),
    "none": (GOOD.replace("HS256", "none"), 'key "k": its algorithm has to be one of EdDSA, ES256'),
    "two algorithms": (table(algorithm=["HS256", "RS256"], secret="x" * 32), "its algorithm has"),
    "another algorithm": (GOOD.replace("HS256", "HS512"), "its algorithm has to be one of"),
    "no key": (table(algorithm="HS256"), f'key "k": it needs {NEEDS}'),
    "two keys": (GOOD + 'secret_file = "f"', f"it needs {NEEDS}"),
    "a key that is no text": (table(algorithm="HS256", secret=7), "secret has to be a text"),
    "an empty secret": (table(algorithm="HS256", secret=""), "secret has to be a text"),
    "a short secret": (
        table(algorithm="HS256", secret="x" * 31),
        'key "k": its secret has 31 bytes; HS256 needs at least 32',
    ),
    "a public key as secret": (
        table(algorithm="HS256", secret=public_pem("2048").decode()),
        "its secret is a public or private key, or a certificate",
    ),
    "a JWK as secret": (
        table(algorithm="HS256", secret='{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAA"}'),
        "its secret is a public or private key",
    ),
    "a secret for another algorithm": (
        GOOD.replace("HS256", "RS256"),
        "RS256 needs a public or a private key, not a secret",
    ),
    "no PEM": (table(algorithm="EdDSA", public_key="AAAA"), "its public key cannot be read"),
    "a private key as a public one": (
        table(algorithm="EdDSA", public_key=private_pem("Ed25519").decode()),
        "a private key stands in place of its public key; say private_key_file",
    ),
    "a certificate": (
        table(algorithm="EdDSA", public_key="-----BEGIN CERTIFICATE-----"),
        "`openssl x509 -in FILE -noout -pubkey`",
    ),
    "Ed448": (
        table(algorithm="EdDSA", public_key=public_pem("Ed448").decode()),
        "EdDSA needs an Ed25519 key, and this is another kind",
    ),
    "another curve": (
        table(algorithm="ES256", public_key=public_pem("P-384").decode()),
        "ES256 needs an elliptic curve key on P-256, and this is another kind",
    ),
    "a key of another algorithm": (
        table(algorithm="RS256", public_key=public_pem("P-256").decode()),
        "RS256 needs an RSA key, and this is another kind",
    ),
    "a public key for HMAC": (
        table(algorithm="HS256", public_key=public_pem("2048").decode()),
        "HS256 needs a secret, and this is another kind",
    ),
    "a short RSA key": (
        table(algorithm="RS256", public_key=public_pem("1024").decode()),
        "it has 1024 bits; RS256 needs 2048",
    ),
    "no such file": (
        table(algorithm="EdDSA", public_key_file="none.pem"),
        "none.pem: no such file or directory",
    ),
    "a directory": (table(algorithm="EdDSA", public_key_file="/"), "/: is a directory"),
    "a path that cannot be": (
        table(algorithm="EdDSA", public_key_file="a\0b"),
        'key "k": public_key_file has to be a path',
    ),
    "a JWKS that is no text": ("jwks_file = 3\n" + GOOD, "jwks_file has to be a path"),
    "no such JWKS": ('jwks_file = "none"\n' + GOOD, "none: no such file or directory"),
    **{
        f"an audience of {value}": (
            f"audience = {value}\n{GOOD}",
            "audience has to be a text or a list of texts",
        )
        for value in ('""', "[]", '[""]', "3", "[3]", "true", "{}")
    },
    **{
        f"a leeway of {value}": (
            f"leeway_seconds = {value}\n{GOOD}",
            "leeway_seconds has to be a whole number from 0 to 300",
        )
        for value in ("-1", "301", "1.5", "true", '"30"', "nan", "[]")
    },
}


@pytest.mark.parametrize("what", WRONG_TOML)
def test_what_is_wrong_with_a_file_is_said(path: Path, what: str) -> None:
    """With the file, the key, and what to write."""
    content, expected = WRONG_TOML[what]
    assert expected in refused(write(path, content))


@pytest.mark.parametrize(
    ("field", "content", "expected"),
    [
        ("private_key_file", private_pem("Ed25519", "word"), "its private key has a password"),
        ("private_key_file", public_pem("Ed25519"), "its private key cannot be read"),
        ("private_key_file", private_pem("Ed448"), "EdDSA needs an Ed25519 key"),
        ("private_key_file", private_pem("P-256"), "EdDSA needs an Ed25519 key"),
        ("public_key_file", private_pem("Ed25519"), "`openssl pkey -in FILE -pubout`"),
        ("public_key_file", b"", "its public key cannot be read"),
        ("public_key_file", b"\xff\x00", "its public key cannot be read"),
        ("secret_file", SECRET, "EdDSA needs a public or a private key, not a secret"),
    ],
)
def test_what_is_wrong_with_a_named_file_is_said(
    path: Path, field: str, content: bytes, expected: str
) -> None:
    """With its name too."""
    named = write(path.parent / "named", content)
    sentence = refused(write(path, table(algorithm="EdDSA", **{field: "named"})))
    assert f'key "k": {named}: ' in sentence
    assert expected in sentence


# ---- JWKS --------------------------------------------------------------------


def jwk(algorithm: str, **others: object) -> dict[str, object]:
    """A key of a JWKS, called as its algorithm; None takes a member out."""
    made: dict[str, object]
    to_jwk: Mapping[str, Callable[..., str]] = {
        "EdDSA": OKPAlgorithm.to_jwk,
        "ES256": ECAlgorithm.to_jwk,
        "RS256": RSAAlgorithm.to_jwk,
    }
    if algorithm == "HS256":
        made = {"kty": "oct", "k": encoded(SECRET)}
    else:
        made = json.loads(to_jwk[algorithm](private(KINDS[algorithm]).public_key()))
        made.pop("key_ops", None)
    made |= {"alg": algorithm, "kid": algorithm, **others}
    return {name: value for name, value in made.items() if value is not None}


def test_a_jwks_is_taken_as_it_is(path: Path) -> None:
    """One key of each algorithm; members that are not known are not looked at (RFC 7517)."""
    listed = [jwk(str(each), use="sig", key_ops=["verify"], x5t="AA", more=1) for each in Algorithm]
    read = KeyFile(write(path, json.dumps({"keys": listed, "more": 1}))).read()
    for each in Algorithm:
        assert key(each) == read.keys[each]
        assert each == Tokens(read).identity(token(by=key(each)), NOW).key_id
    assert {"HS256"} == {id_ for id_, each in read.keys.items() if each.signing is not None}


PRIVATE = json.loads(RSAAlgorithm.to_jwk(private("2048")))  # type: ignore[arg-type] # it is RSA

WRONG_JWKS: dict[str, tuple[object, str]] = {
    "no list": ({}, 'it needs "keys", a list with a key at least'),
    "an empty list": ({"keys": []}, 'it needs "keys"'),
    "an object in its place": ({"keys": {"kid": "a"}}, 'it needs "keys"'),
    "a key that is none": ({"keys": [3]}, "key 1 has no id (kid)"),
    "no kid": ({"keys": [jwk("EdDSA"), jwk("ES256", kid=None)]}, "key 2 has no id (kid)"),
    "a kid that is no text": ({"keys": [jwk("EdDSA", kid=7)]}, "key 1 has no id (kid)"),
    "a kid of two lines": ({"keys": [jwk("EdDSA", kid="a\nb")]}, 'key "a\\nb": an id has 1 to'),
    "a kid that comes twice": (
        {"keys": [jwk("EdDSA", kid="a"), jwk("ES256", kid="a")]},
        'the id "a" comes twice',
    ),
    "no alg": ({"keys": [jwk("EdDSA", alg=None)]}, 'key "EdDSA": its algorithm has to be one'),
    "an alg that is not taken": ({"keys": [jwk("RS256", alg="RS512")]}, "its algorithm has to"),
    "the wrong alg": ({"keys": [jwk("RS256", alg="HS256")]}, "HS256 needs a key of kty oct"),
    "for encryption": ({"keys": [jwk("RS256", use="enc")]}, "it is not for signatures (use)"),
    "for signing": ({"keys": [jwk("RS256", key_ops=["sign"])]}, "(key_ops); take it out"),
    "operations that are no list": ({"keys": [jwk("RS256", key_ops="verify")]}, "(key_ops)"),
    "a private key": (
        {"keys": [{**PRIVATE, "kid": "a", "alg": "RS256", "key_ops": ["verify"]}]},
        'key "a": it has its private part (d, dp, dq, p, q, qi); take that out',
    ),
    "a private part alone": ({"keys": [jwk("EdDSA", d="AAAA")]}, "its private part (d); take"),
    "another curve": ({"keys": [jwk("ES256", crv="P-384")]}, "it is no key: a member is missing"),
    "Ed448": ({"keys": [jwk("EdDSA", crv="Ed448")]}, "it is no key"),
    "a point that is not on it": ({"keys": [jwk("ES256", x=encoded(b"\1" * 32))]}, "no key"),
    "a short secret": ({"keys": [jwk("HS256", k=encoded(b"x" * 31))]}, "its secret has 31 bytes"),
    "an empty modulus": ({"keys": [jwk("RS256", n="")]}, "it is no key"),
    "a short modulus": (
        {"keys": [jwk("RS256", n=encoded(b"\xc1" + b"\1" * 127))]},
        "it has 1024 bits; RS256 needs 2048",
    ),
    **{
        f"{member} is {value!r}": ({"keys": [jwk(algorithm, **{member: value})]}, "it is no key")
        for algorithm, member in (
            ("EdDSA", "x"), ("EdDSA", "crv"), ("ES256", "y"), ("RS256", "e"), ("HS256", "k"),
        )
        for value in NO_MEMBERS
    },
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_JWKS)
@pytest.mark.parametrize("named", [False, True])
def test_what_is_wrong_with_a_jwks_is_said(path: Path, what: str, named: bool) -> None:
    """With the key, whether it is the file or named by it."""
    content, expected = WRONG_JWKS[what]
    if named:
        write(path.parent / "jwks.json", json.dumps(content))
        write(path, f'jwks_file = "jwks.json"\n{GOOD}')
    else:
        write(path, json.dumps(content))
    assert expected in refused(path)


@pytest.mark.parametrize("content", ["{", '{"keys": [], "keys": []}', '{"a": NaN}', '{"a":' * 9999])
def test_a_jwks_is_strict_json(path: Path, content: str) -> None:
    """As everything else that is signed, or tells of signatures."""
    assert "it is no JWKS: " in refused(write(path, content))


def test_a_key_is_either_here_or_in_the_jwks(path: Path) -> None:
    """Not in both."""
    write(path.parent / "jwks.json", json.dumps({"keys": [jwk("EdDSA", kid="k")]}))
    write(path, f'jwks_file = "jwks.json"\n{GOOD}')
    assert 'key "k": it is in the JWKS and here' in refused(path)


# ---- Who may read and write it -----------------------------------------------

SECRETS = {
    "secret": (table(algorithm="HS256", secret=SECRET.decode()), "keys.toml"),
    "secret_file": (table(algorithm="HS256", secret_file="f"), "f"),
    "private_key_file": (table(algorithm="EdDSA", private_key_file="f"), "f"),
    "jwks": (json.dumps({"keys": [jwk("HS256")]}), "keys.toml"),
    "jwks_file": ('jwks_file = "f"', "f"),
}
PUBLIC = {
    "public_key": (table(algorithm="EdDSA", public_key=public_pem("Ed25519").decode()), ""),
    "public_key_file": (table(algorithm="EdDSA", public_key_file="f"), "f"),
    "public jwks": (json.dumps({"keys": [jwk("EdDSA")]}), ""),
}


def laid(path: Path, what: str) -> Path:
    """The files of this kind; returns the one that counts."""
    content, counts = (SECRETS | PUBLIC)[what]
    write(path, content)
    named = {
        "secret_file": SECRET,
        "private_key_file": private_pem("Ed25519"),
        "jwks_file": json.dumps({"keys": [jwk("HS256")]}).encode(),
        "public_key_file": public_pem("Ed25519"),
    }
    if what in named:
        write(path.parent / "f", named[what])
    return path.parent / counts if counts else path


@pytest.mark.parametrize("what", SECRETS)
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o640, 0o440, 0o404])
def test_a_secret_that_others_may_read_is_refused(path: Path, what: str, mode: int) -> None:
    """With what to type; but the group may read a file of root's."""
    counts = laid(path, what)
    KeyFile(path).read()
    counts.chmod(mode)
    if mode & 0o004 or counts.stat().st_uid != 0:
        assert f"others may read the secret in {counts}; type: chmod 600 {counts}" in refused(path)
    else:
        KeyFile(path).read()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may chown")
@pytest.mark.parametrize("what", SECRETS)
def test_the_group_may_not_read_the_secret_of_anybody_but_root(path: Path, what: str) -> None:
    """As PostgreSQL has it for its key."""
    counts = laid(path, what)
    counts.chmod(0o640)
    KeyFile(path).read()
    os.chown(counts, 1, 1)
    assert f"type: chmod 600 {counts}" in refused(path)


@pytest.mark.parametrize("what", PUBLIC)
def test_everybody_may_read_a_public_key(path: Path, what: str) -> None:
    """That is what it is for."""
    laid(path, what).chmod(0o644)
    path.chmod(0o644)
    KeyFile(path).read()


@pytest.mark.parametrize("what", [*SECRETS, *PUBLIC])
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(path: Path, what: str, mode: int) -> None:
    """Whoever writes it can be anybody. So for the file, and for those that it names."""
    for each in {laid(path, what), path}:
        before = each.stat().st_mode
        each.chmod(mode)
        assert f"others may write {each}; type: chmod go-w {each}" in refused(path)
        each.chmod(before)


# ---- When it is read again ---------------------------------------------------


def test_an_error_leaves_the_keys_of_before(path: Path) -> None:
    """And tells what is wrong each time it is read."""
    file = KeyFile(write(path, GOOD))
    keys = file.read()
    for _ in range(2):
        path.write_text("[keys")
        with pytest.raises(KeysUnusable, match=re.escape(str(path))):
            file.read()
        assert keys is file.keys


@pytest.mark.parametrize("what", ["secret", "secret_file", "private_key_file", "jwks_file"])
def test_a_change_is_seen_once(path: Path, what: str) -> None:
    """Of the file, or of one that it names: written, replaced, deleted, its mode changed."""
    counts = laid(path, what)
    file = KeyFile(path)
    assert not file.changed()
    file.read()
    assert not file.changed()
    content = counts.read_bytes()
    other = counts.with_name("other")

    def replaced() -> None:
        write(other, content)
        other.replace(counts)

    for change in (
        lambda: os.utime(counts, ns=(1, 1)),
        replaced,
        lambda: counts.write_bytes(content + b"\n"),
        lambda: counts.chmod(0o644),
        lambda: counts.chmod(0o600),
        counts.unlink,
        lambda: write(counts, content),
    ):
        change()
        assert file.changed()
        with contextlib.suppress(KeysUnusable):
            file.read()
        assert not file.changed()
    assert ["k"] == list(file.keys.keys) or what == "jwks_file"


def test_which_keys_are_lost() -> None:
    """Those that are gone, and those that are others now under the same id."""
    before = keys("EdDSA", "HS256", "ES256")
    assert frozenset() == keys().lost_since(before)
    assert {"ES256"} == keys("EdDSA", "HS256").lost_since(before)
    other = Keys({**before.keys, "EdDSA": key("ES256", "EdDSA")})
    assert {"EdDSA"} == other.lost_since(before)


def test_a_key_that_only_checks_is_the_same_key() -> None:
    """Taking the private part away ends nobody's stream."""
    for algorithm in KINDS:
        whole = key(algorithm)
        half = type(whole)(whole.id, whole.algorithm, whole.verifying)
        assert half == whole


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(path: Path) -> None:
    """Whoever waited for its writer would never look at the file again."""
    file = KeyFile(write(path, GOOD))
    file.read()
    path.unlink()
    os.mkfifo(path, 0o600)
    assert file.changed()
    with pytest.raises(KeysUnusable, match="it has to be a file"):
        file.read()
    assert {"k"} == set(file.keys.keys)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert file.changed()
    with pytest.raises(KeysUnusable, match="it has to be a file"):
        file.read()
