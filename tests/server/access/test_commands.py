"""`chatserver token` and `chatserver keys`, as somebody types them."""

from __future__ import annotations

import os
import re
import shlex
import stat
import time
from pathlib import Path

import pytest

from chatroom.core.grants import EVERYTHING, USUAL, Grant, Right
from chatroom.server.access import Algorithm, KeyFile, Tokens
from chatroom.server.access.revoked import REVOKED_FILE, RevokedTokens
from tests.launch.program import ran
from tests.server.access.making import SECRET, claims, key, public_pem, token
from tests.server.test_command_line import COMMAND


def run(*arguments: str | Path, given: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    done = ran(
        [*COMMAND, *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with one secret, called HS256."""
    path = tmp_path / "keys.toml"
    path.write_text(f'[keys.HS256]\nalgorithm = "HS256"\nsecret = "{SECRET.decode()}"')
    path.chmod(0o600)
    return path


# ---- keys create -------------------------------------------------------------


@pytest.mark.parametrize("algorithm", list(map(str, Algorithm)))
def test_a_new_key_makes_tokens_that_are_taken(tmp_path: Path, algorithm: str) -> None:
    """In files for their owner alone; what to do next is what one can type."""
    path = tmp_path / "keys.toml"
    arguments = ("--keys", path, "--id", "site", "--algorithm", algorithm)
    code, told, _ = run("keys", "create", *arguments)
    assert 0 == code
    files = [path] if algorithm == "HS256" else [path.with_name("keys-site.pem"), path]
    assert files == sorted(tmp_path.iterdir())
    for each in files:
        assert 0o600 == stat.S_IMODE(each.stat().st_mode)
        assert f"{each}: " in told
    typed = re.search(r"^  chatserver (token create .*)$", told, re.MULTILINE)
    assert typed is not None
    code, shown, _ = run(*shlex.split(typed[1]))
    assert 0 == code
    identity = Tokens(KeyFile(path).read()).identity(shown.strip(), time.time())
    assert ("site", "Ann", "Ann") == (identity.key_id, identity.name, identity.subject)
    secret = files[0].read_text().split('secret = "')[-1].strip('"\n')
    assert secret not in told
    if algorithm != "HS256":  # what a server needs that makes none
        public = tmp_path / "public.toml"
        public.write_text(told[told.index("[keys.site]") :])
        read = KeyFile(public).read()
        assert read.keys["site"].signing is None
        assert "Ann" == Tokens(read).identity(shown.strip(), time.time()).name


def test_a_key_is_added_to_what_is_there(path: Path) -> None:
    """All else stays, comments too."""
    path.write_text(f"# ours\naudience = 'a'\n{path.read_text()}\n# the end")
    before = path.read_text()
    assert 0 == run("keys", "create", "--keys", path, "--id", "two")[0]
    assert path.read_text().startswith(f"{before}\n\n[keys.two]\n")
    file = KeyFile(path)
    assert {"HS256", "two"} == set(file.read().keys)


def test_a_link_is_followed(path: Path) -> None:
    """The file that it leads to gets the key."""
    link = path.with_name("link.toml")
    link.symlink_to(path)
    assert 0 == run("keys", "create", "--keys", link, "--id", "two")[0]
    assert link.is_symlink()
    assert {"HS256", "two"} == set(KeyFile(path).read().keys)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may chown")
def test_a_file_keeps_its_owner(path: Path) -> None:
    """So that the server, which is not root, can still read what root has added to."""
    os.chown(path, 1, 1)
    assert 0 == run("keys", "create", "--keys", path, "--id", "two")[0]
    for each in (path, path.with_name("keys-two.pem")):
        assert (1, 1) == (each.stat().st_uid, each.stat().st_gid)


def test_a_file_of_public_keys_is_closed_when_a_secret_comes(path: Path) -> None:
    """It was open to all before."""
    path.write_text(f'[keys.a]\nalgorithm="RS256"\npublic_key="""{public_pem("2048").decode()}"""')
    path.chmod(0o644)
    arguments = ("--keys", path, "--id", "h", "--algorithm", "HS256")
    assert 0 == run("keys", "create", *arguments)[0]
    assert 0 == path.stat().st_mode & 0o037


@pytest.mark.parametrize(
    ("key_id", "content", "expected"),
    [
        ("HS256", None, "has a key HS256 already; take another id"),
        ("a/b", None, "an id has 1 to 64 characters, each one of A-Z, a-z, 0-9, _ and -"),
        ("", None, "an id has 1 to 64 characters"),
        ("two", "[keys", "is not TOML"),
        ("two", f'keys = {{a = {{algorithm = "HS256", secret = "{"x" * 32}"}}}}', "no key can be"),
        ("two", '{"keys": [{"kid": "a", "alg": "HS256", "kty": "oct"}]}', "it is no key"),
        (
            "two",
            '{"keys": [{"kid": "a", "alg": "HS256", "kty": "oct", "k": "' + "A" * 43 + '"}]}',
            "is a JWKS, to which nothing can be added here",
        ),
    ],
)
def test_a_key_that_cannot_be_added_changes_nothing(
    path: Path, key_id: str, content: str | None, expected: str
) -> None:
    """And leaves no file behind."""
    if content is not None:
        path.write_text(content)
    before = path.read_text()
    code, told, error = run("keys", "create", "--keys", path, "--id", key_id)
    assert (1, "") == (code, told)
    assert expected in error
    assert before == path.read_text()
    assert [path] == list(path.parent.iterdir())


def test_a_private_key_is_not_overwritten(path: Path) -> None:
    """Another file may have named it."""
    other = path.with_name("keys-two.pem")
    other.write_text("kept")
    code, _, error = run("keys", "create", "--keys", path, "--id", "two")
    assert 1 == code
    assert f"{other}: file exists" in error
    assert "kept" == other.read_text()
    assert ["HS256"] == list(KeyFile(path).read().keys)


# ---- token create ------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--room lobby", Grant(USUAL, ("lobby",))),
        ("--room a --room team-*", Grant(USUAL, ("a", "team-*"))),
        ("--room a --no-send --no-list", Grant(USUAL - {Right.SEND, Right.LIST}, ("a",))),
        ("--room a --grant moderate", Grant(USUAL | {Right.MODERATE}, ("a",))),
        (
            "--room * --grant create --grant create_moderates",
            Grant(USUAL | {Right.CREATE, Right.CREATE_MODERATES}),
        ),
    ],
)
def test_a_token_grants_what_was_typed(path: Path, arguments: str, expected: Grant) -> None:
    """And is read by a server as it was meant."""
    code, shown, _ = run("token", "create", "--keys", path, "--subject", "a", *arguments.split())
    assert 0 == code
    assert expected == Tokens(KeyFile(path).read()).identity(shown.strip(), time.time()).grant


def test_an_admin_needs_no_rooms(path: Path) -> None:
    """Such a token is for all of them."""
    _, shown, _ = run("token", "create", "--keys", path, "--subject", "a", "--grant", "admin")
    grant = Tokens(KeyFile(path).read()).identity(shown.strip(), time.time()).grant
    assert all(grant.gives(right) for right in EVERYTHING.rights)
    assert grant.covers("secret-room", private=True)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("90s", 90), ("30m", 1800), ("8h", 28_800), ("7d", 604_800), ("2w", 1_209_600), ("1H", 3600)],
)
def test_a_token_ends_when_it_was_said(path: Path, duration: str, seconds: int) -> None:
    """Counted from now; it has an id, by which it can be revoked, and the file's audience."""
    path.write_text(f"audience = ['us', 'them']\nleeway_seconds = 0\n{path.read_text()}")
    before = int(time.time())
    arguments = ("--room", "a", "--name", "Ann", "--valid-for", duration)
    _, shown, _ = run("token", "create", "--keys", path, *arguments)
    identity = Tokens(KeyFile(path).read()).identity(shown.strip(), before)
    assert identity.expires is not None
    assert before + seconds <= identity.expires <= time.time() + seconds
    assert len(identity.token_id) >= 16


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("--name Ann", 2, "say for which rooms it is: --room lobby, or --room '*' for all"),
        ("--room a", 2, "say for whom it is: --subject, or --name"),
        ("--room A --name Ann", 2, "no server would take it: the token's chat has a room"),
        (
            "--room a --subject a --name chat\u00a0server",
            2,
            "no server would take it: the token's name",
        ),
        ("--room a --name Ann --valid-for 8", 2, "'8' is not a duration: write 90s, 30m"),
        (
            "--room a --name Ann --valid-for 0h",
            2,
            "'0h' is not a duration: write 90s, 30m, 8h, 7d or 2w, more than 0",
        ),
        ("--room a --name Ann --valid-for 11000d", 2, "at most ten years"),
        ("--room a --name Ann --valid-for -1h", 2, "'-1h' is not a duration"),
        ("--room a --name Ann --grant root", 2, "'root' is not one of 'admin', 'create', "),
        ("--room a --name Ann --key b", 1, "cannot sign: the file has no key of that id"),
    ],
)
def test_a_token_that_no_server_would_take_is_not_made(
    path: Path, arguments: str, code: int, expected: str
) -> None:
    """Nothing is on standard output; the sentence says what to type."""
    # Only between words: a name may have spaces of other kinds.
    found = run("token", "create", "--keys", path, *arguments.split(" "))
    assert (code, "") == found[:2]
    assert expected in " ".join(found[2].split())


def test_only_a_key_with_its_private_part_signs(path: Path) -> None:
    """If several can, one has to be named."""
    public = f'public_key = """{public_pem("Ed25519").decode()}"""'
    path.write_text(f'{path.read_text()}\n[keys.p]\nalgorithm = "EdDSA"\n{public}\n')
    create = ("token", "create", "--keys", path, "--room", "a", "--name", "Ann")
    assert 0 == run(*create)[0]
    assert "that key cannot sign" in run(*create, "--key", "p")[2]
    run("keys", "create", "--keys", path, "--id", "two")
    assert "several keys can sign; name one of HS256, two" in run(*create)[2]
    assert 0 == run(*create, "--key", "two")[0]
    path.write_text(f'[keys.p]\nalgorithm = "EdDSA"\n{public}\n')
    assert "no key in the file can sign" in run(*create)[2]


@pytest.mark.parametrize("command", ["token create --room a --name A", "keys create --id a"])
def test_the_file_has_to_be_named(command: str) -> None:
    """Nothing is guessed."""
    code, told, error = run(*command.split())
    assert (2, "") == (code, told)
    assert "say which file has the keys: --keys FILE" in error


# ---- token show --------------------------------------------------------------


def made(**others: object) -> str:
    """A token that is good for an hour."""
    ends = {"exp": int(time.time()) + 3600}
    return token(claims(**{**ends, **others}), by=key("HS256"))


def test_a_good_token_is_told_in_lines(path: Path) -> None:
    """Given as an argument or on standard input."""
    said = {"rooms": ["lobby", "team-*"], "send": False, "moderate": True}
    shown = made(name="Ann", jti="t1", nbf=0, exp=4_102_444_800, chat=said)
    expected = [
        "key: HS256 (HS256), and its signature is good",
        "subject: ann",
        "name: Ann",
        "id (jti): t1",
        "valid from: 1970-01-01 00:00:00 UTC",
        "valid until: 2100-01-01 00:00:00 UTC",
        "grants: join, history, list, moderate",
        "rooms: lobby, team-*",
    ]
    for arguments, given in (([shown], ""), (["-"], f"{shown}\n")):
        code, told, error = run("token", "show", "--keys", path, *arguments, given=given)
        assert (0, expected, "") == (code, told.splitlines(), error)


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        (None, ["grants: nothing"]),
        ({"rooms": []}, ["grants: join, send, history, list", "rooms: none"]),
        ({"admin": True, "rooms": []}, [f"grants: {', '.join(Right)}", "rooms: all"]),
    ],
)
def test_what_a_token_grants_is_told(path: Path, chat: object, expected: list[str]) -> None:
    """Also if it is nothing, or everything."""
    _, told, _ = run("token", "show", "--keys", path, made(chat=chat))
    assert expected == told.splitlines()[-len(expected) :]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"exp": 9}, "the token has expired"),
        ({"nbf": 4_000_000_000, "exp": 4_102_444_800}, "the token is not valid yet"),
        ({"aud": "them\x1b[2J"}, "it is for somebody (aud)"),
        ({"chat": {"moderat": True}}, 'the token\'s chat has an unknown word: "moderat"'),
        ({"sub": "a\x1b[2Jb"}, "the token's sub is not a text of 1 to 128 characters"),
    ],
)
def test_why_it_would_be_refused_is_told(
    path: Path, others: dict[str, object], expected: str
) -> None:
    """With what it says; nothing in it reaches the terminal as a command."""
    code, told, error = run("token", "show", "--keys", path, "-", given=made(**others))
    assert 1 == code
    assert f"it would be refused: {expected}" in error or expected in error
    assert told
    assert "\x1b" not in f"{told}{error}"


def test_a_token_that_others_signed_is_told_as_it_is(path: Path) -> None:
    """In JSON, so that one sees what it claims."""
    code, told, error = run("token", "show", "--keys", path, token())
    assert (1, 2) == (code, len(told.splitlines()))
    assert 'header: {"alg": "EdDSA", "kid": "EdDSA"}\nclaims: {"sub": "ann"' in told
    assert "it would be refused: the key that the token names (kid) is not known here" in error


def test_without_keys_nothing_is_promised(path: Path) -> None:
    """What it says is told; whether it is true is not."""
    code, told, error = run("token", "show", made())
    assert 1 == code
    assert "subject: ann" in told
    assert "nobody has looked at its signature: say --keys FILE" in error
    for given in ("", "x" * 10_000, "a.b.c"):
        code, told, error = run("token", "show", "-", given=given)
        assert (1, "") == (code, told)
        assert "it would be refused: this is not a token that can be read" in error


def test_an_invitation_is_no_token(path: Path) -> None:
    """Said as what it is, and not as a token that is damaged."""
    for arguments, given in ((["inv_AAAAAAAAAAAAAAAAAAAAAA"], ""), (["-"], "inv_x\n")):
        code, told, error = run("token", "show", *arguments, given=given)
        assert (1, "") == (code, told)
        assert error.startswith("chatserver: this is the secret of an invitation, and no token:")


# ---- token revoke ------------------------------------------------------------


def test_a_token_is_revoked_by_its_id(tmp_path: Path) -> None:
    """Once; `--data` may stand where the server's stands."""
    for arguments, told in (
        (("token", "revoke", "--data", tmp_path, "lost"), "lost is revoked"),
        (("--data", tmp_path, "token", "revoke", "lost"), "lost was revoked before"),
        (("token", "revoke", "--data", tmp_path, "another"), "another is revoked"),
    ):
        code, stdout, _ = run(*arguments)
        assert (0, True) == (code, told in stdout)
    path = tmp_path / REVOKED_FILE
    assert {"lost", "another"} == RevokedTokens(path).read()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("wrong", ["", " ", "two\nlines", " lost"])
def test_what_is_no_id_is_not_revoked(wrong: str, tmp_path: Path) -> None:
    code, _, stderr = run("token", "revoke", "--data", tmp_path, wrong)
    assert (2, True) == (code, "chatserver token show" in stderr)
    assert [] == list(tmp_path.iterdir())


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """It is another server's, or mistyped."""
    code, _, stderr = run("token", "revoke", "--data", tmp_path / "none", "lost")
    assert (1, True) == (code, f"there is no {tmp_path / 'none'}" in stderr)
