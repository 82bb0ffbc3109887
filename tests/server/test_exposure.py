"""A server that others can reach protects itself, or was told not to."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.core.grants import EVERYTHING, NOTHING, USUAL, Grant, Right, anonymous
from chatroom.server.exposure import Rights
from chatroom.server.settings import Settings
from tests.client.certificates import authority
from tests.faults.server_process import serving
from tests.server.access.tokens_for import key_file
from tests.server.test_command_line import usage

PUBLIC = ("--in-memory", "--bind", "0.0.0.0:0")


@pytest.mark.parametrize("bind", ["0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0"])
def test_nothing_is_reached_from_outside_unprotected_and_unsaid(bind: str) -> None:
    """The message says what to type for each that is missing."""
    code, stderr = usage("--in-memory", "--bind", bind)
    assert 2 == code
    for word in ("--tls-cert", "--insecure", "--keys", "chatserver keys create", "--anonymous"):
        assert word in stderr
    assert "--open" in stderr


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (("--insecure",), "everybody may do everything"),
        (("--open",), "nothing is encrypted"),
        (("--anonymous", "join"), "nothing is encrypted"),
        (("--admin-token-file", "{admin}", "--insecure"), "everybody may do everything"),
    ],
)
def test_one_of_both_is_not_enough(said: tuple[str, ...], missing: str, tmp_path: Path) -> None:
    admin = tmp_path / "admin"
    admin.write_text("se-cret")
    admin.chmod(0o600)
    code, stderr = usage(*PUBLIC, *(word.format(admin=admin) for word in said))
    assert (2, True) == (code, missing in stderr)
    other = {"everybody may do everything", "nothing is encrypted"} - {missing}
    assert other.pop() not in stderr


@pytest.mark.parametrize(
    "said",
    [
        ("--insecure", "--open"),
        ("--insecure", "--anonymous", "join,send"),
        ("--insecure", "--keys", "{keys}"),
        ("--tls-cert", "{cert}", "--tls-key", "{key}", "--open"),
    ],
    ids=" ".join,
)
def test_it_serves_once_both_are_said(said: tuple[str, ...], tmp_path: Path) -> None:
    pair = authority(tmp_path, "ca")
    keys = key_file(tmp_path / "keys")
    options = [word.format(keys=keys, cert=pair.certificate, key=pair.key) for word in said]
    with serving("--in-memory", *options, bind=["0.0.0.0:0"]) as server:
        assert server.addresses


def test_on_this_machine_nothing_need_be_said() -> None:
    with serving("--in-memory", bind=["127.0.0.1:0", "[::1]:0", "localhost:0"]) as server:
        assert server.addresses


@pytest.mark.parametrize(
    ("words", "grant"),
    [
        ("all", EVERYTHING),
        ("none", NOTHING),
        ("join", anonymous([Right.JOIN])),
        ("join, send,", anonymous([Right.JOIN, Right.SEND])),
    ],
)
def test_rights_are_words(words: str, grant: Grant) -> None:
    assert grant == Rights().convert(words, None, None)


def test_a_word_that_is_no_right_is_told_with_those_that_are() -> None:
    code, stderr = usage("--in-memory", "--anonymous", "join,speak")
    assert (2, True) == (code, "join, send, history, list, create" in stderr)


def test_keys_and_open_contradict_each_other(tmp_path: Path) -> None:
    code, stderr = usage("--in-memory", "--open", "--keys", str(key_file(tmp_path / "keys")))
    assert (2, True) == (code, "--keys and --open exclude each other" in stderr)


@pytest.mark.parametrize(
    ("settings", "grant"),
    [
        (Settings(), EVERYTHING),
        (Settings(admin_token_file=Path("x")), Grant(USUAL, whoever_knows=True)),
        (Settings(keys=Path("x")), NOTHING),
        (Settings(keys=Path("x"), admin_token_file=Path("x")), NOTHING),
        (Settings(keys=Path("x"), anonymous=anonymous(["list"])), anonymous(["list"])),
    ],
)
def test_what_anybody_may_follows_from_what_else_is_said(settings: Settings, grant: Grant) -> None:
    assert grant == settings.anonymous_grant


@pytest.mark.parametrize("proxied", ["--proxy-protocol", "--trust-proxy=127.0.0.1"])
def test_who_has_a_proxy_says_who_may_do_what(proxied: str) -> None:
    """By it others reach what listens on loopback; it may have TLS itself."""
    code, stderr = usage("--in-memory", "--bind", "127.0.0.1:0", proxied)
    assert 2 == code
    assert "by a proxy" in stderr
    assert "--keys" in stderr
    assert "encrypted" not in stderr
    for said in (("--open",), ("--anonymous", "join")):
        with serving("--in-memory", "--room", "lobby", proxied, *said):
            pass


def test_nobody_without_a_token_has_created_anything() -> None:
    code, stderr = usage("--in-memory", "--anonymous", "join,create_moderates")
    assert 2 == code
    assert "create_moderates needs an identity" in stderr
