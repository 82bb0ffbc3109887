"""The configuration file: what it says, and what is said of a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatroom.chatter.configuration import Configuration, ConfigurationInvalid, parse, read

WHOLE = """
name = "Bob"
server = "work"

[servers.work]
host = "chat.example.com:443"
name = "Robert"
room = "lobby"
token-file = "work.token"

[servers.work.tls]
ca = "ca.pem"
certificate = "/elsewhere/me.pem"
key = "~/me.key"
server-name = "chat.internal"

[servers.lab]
host = "10.0.0.5:8080"
insecure = true
token = "secret"
"""


def test_everything_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked for beside the configuration, and ~ is one's home."""
    monkeypatch.setenv("HOME", "/home/bob")
    found = parse(WHOLE, tmp_path / "config.toml")
    work, lab = found.servers["work"], found.servers["lab"]
    assert ("Bob", "work", ["work", "lab"]) == (found.name, found.server, list(found.servers))
    assert ("chat.example.com:443", "Robert", "lobby") == (work.host, work.name, work.room)
    assert (tmp_path / "ca.pem", Path("/elsewhere/me.pem"), Path("/home/bob/me.key")) == (
        work.ca, work.cert, work.key,
    )  # fmt: skip
    assert ("chat.internal", tmp_path / "work.token", None, None) == (
        work.server_name, work.token_file, work.token, work.insecure,
    )  # fmt: skip
    assert (True, "secret", None) == (lab.insecure, lab.token, lab.ca)


def test_users_own_file_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for where XDG says; one that was named must be there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert Configuration() == read(None)
    (tmp_path / "chatter").mkdir()
    (tmp_path / "chatter" / "config.toml").write_text('name = "Bob"')
    assert "Bob" == read(None).name
    with pytest.raises(ConfigurationInvalid, match="cannot read it: No such file"):
        read(tmp_path / "other.toml")
    with pytest.raises(ConfigurationInvalid, match="cannot read it: Is a directory"):
        read(tmp_path)


def test_example_of_the_manual_is_right(tmp_path: Path) -> None:
    """What docs/chatter.md shows can be read."""
    manual = Path(__file__).parents[2] / "docs" / "chatter.md"
    example = re.search(r"```toml\n(.*?)```", manual.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    assert ["work", "lab"] == list(parse(example[1], tmp_path / "config.toml").servers)


HOST = '[servers.work]\nhost = "h"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "Bob\n', "line 1, column 12 is not TOML: Illegal character '\\n'"),
        ("\n\nname == 1", "line 3, column 7 is not TOML: Invalid value"),
        ('nmae = "Bob"', 'there is no key "nmae"; did you mean "name"?'),
        ('zzz = "Bob"', 'there is no key "zzz"; the keys are name, server, servers, screen'),
        (HOST + 'hots = "x"', 'there is no key "hots" in [servers.work]; did you mean "host"?'),
        (
            HOST + 'token_file = "x"',
            'there is no key "token_file" in [servers.work]; did you mean "token-file"?',
        ),
        (
            HOST + '[servers.work.tls]\ncert = "x"',
            'there is no key "cert" in [servers.work.tls]; did you mean "certificate"?',
        ),
        (HOST + 'insecure = "yes"', "insecure in [servers.work] is to be true or false"),
        ("name = 1", 'name is to be text in quotes, as in "lobby"'),
        ('name = ""', "name is empty; leave it out or give it a value"),
        ("servers = 1", "servers is to be a table"),
        ("servers.work = 1", "servers.work is to be a table, [servers.work]"),
        ("[servers.work]\n", '[servers.work] needs a host, as in host = "chat.example.com:443"'),
        ('server = "home"\n' + HOST, 'server is "home", which is not one of its servers: "work"'),
        (
            'server = "home"',
            'server is "home", which is not one of its servers: there is none',
        ),
        (
            HOST + 'insecure = true\ntls = { ca = "x" }',
            "[servers.work] has both insecure and tls; leave one of them out",
        ),
        (
            HOST + 'token = "x"\ntoken-file = "y"',
            "[servers.work] has both token and token-file; leave one of them out",
        ),
        (
            HOST + 'tls = { key = "x" }',
            "[servers.work.tls] needs both certificate and key, or neither",
        ),
    ],
)
def test_wrong_file_is_one_sentence(text: str, sentence: str) -> None:
    """With the file, the place in it, and what is expected."""
    with pytest.raises(ConfigurationInvalid) as caught:
        parse(text, Path("/etc/chatter.toml"))
    assert f"/etc/chatter.toml: {sentence}" == caught.value.message.split(" (")[0]


def test_wrong_file_ends_with_1(tmp_path: Path, chatter) -> None:
    """Whatever was asked for; the file is not passed over."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_bytes(b"name = '\xff'")
    ended = [
        chatter("list", "--config", str(wrong)),
        chatter("config", CHATTER_CONFIG=str(wrong)),
        chatter("--config", str(wrong), "--room", "1"),
    ]
    expected = (1, "", f"chatter: {wrong}: it is not UTF-8 text\n")
    assert [expected] * 3 == [(e.returncode, e.stdout, e.stderr) for e in ended]


HOST = '[servers.a]\nhost = "a"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HOST + 'token-file = "~nosuchuser/t"', "begins with ~nosuchuser, who has no home"),
        (HOST + 'token-file = "a\\u0000b"', r"token-file in \[servers.a\] has a NUL"),
        (HOST + 'tls = { ca = "a\\u0000b" }', r"ca in \[servers.a.tls\] has a NUL"),
        ("server = " + "1" * 5000, "a number of too many digits"),
        ("a = " + "[" * 3000, "nested too deeply"),
    ],
)
def test_what_python_cannot_take_is_told(text: str, sentence: str) -> None:
    """Values that TOML allows, and that nothing can be done with."""
    with pytest.raises(ConfigurationInvalid, match=sentence):
        parse(text, Path("config.toml"))
