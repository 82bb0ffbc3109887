"""Which of flags, environment, file and defaults counts, as `chatter config` tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.client.servers import OURS, running

FILE = """
name = "Bob"
server = "work"

[servers.work]
host = "work:1"
name = "Robert"
room = "lobby"
token = "secret"
tls = { ca = "ca.pem" }

[servers.lab]
host = "lab:2"
insecure = true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


@pytest.fixture
def config(chatter, file):
    """What `chatter config` tells: values and sources by the name of the setting."""

    def tell(*arguments: str, **variables: str) -> dict[str, tuple[str, str]]:
        ended = chatter("--config", str(file), "config", "--json", *arguments, **variables)
        assert (0, "") == (ended.returncode, ended.stderr)
        found = map(json.loads, ended.stdout.splitlines())
        return {item["setting"]: (item["value"], item["source"]) for item in found}

    return tell


def test_defaults(chatter) -> None:
    """Without anything said: this machine, and questions for the rest."""
    lines = chatter("config").stdout.splitlines()
    assert "host\tlocalhost:8080\tdefault" in lines
    assert "name\t\tdefault" in lines


def test_file_is_before_the_defaults(config, file) -> None:
    """Its server is used with all it says; a name of the server's own is before the general."""
    found = config()
    assert ("work:1", str(file)) == found["host"]
    assert ("Robert", str(file)) == found["name"]
    assert ("lobby", str(file)) == found["room"]
    assert (str(file.parent / "ca.pem"), str(file)) == found["ca"]
    assert ("(not shown)", str(file)) == found["token"]


def test_environment_is_before_the_file(config, file) -> None:
    """A variable for one setting leaves the others as they are."""
    found = config(CHATTER_NAME="Rob", CHATTER_TOKEN="t")
    assert ("Rob", "CHATTER_NAME") == found["name"]
    assert ("lobby", str(file)) == found["room"]
    assert ("(not shown)", "CHATTER_TOKEN") == found["token"]


def test_flags_are_before_the_environment(config) -> None:
    """Wherever they stand."""
    found = config("--name", "Flag", CHATTER_NAME="Rob")
    assert ("Flag", "--name") == found["name"]


def test_server_of_the_file_is_chosen_by_name(config, file) -> None:
    """With what the file says of it, and nothing of the other server's."""
    found = config("--server", "lab", CHATTER_HOST="elsewhere:3")
    assert ("lab:2", "--server lab") == found["host"]
    assert ("true", str(file)) == found["insecure"]
    assert ("Bob", str(file)) == found["name"]
    assert ("", "default") == found["token"] == found["ca"] == found["room"]
    assert ("lab:2", "CHATTER_SERVER lab") == config(CHATTER_SERVER="lab")["host"]


def test_what_the_file_says_of_a_server_is_for_its_host_alone(config) -> None:
    """With another address its token is not shown to anybody."""
    for found in (
        config("--host", "other:9", CHATTER_SERVER="work"),
        config(CHATTER_HOST="other:9"),
    ):
        assert "other:9" == found["host"][0]
        assert ("", "default") == found["token"] == found["ca"] == found["room"]


def test_insecure_and_tls_overrule_each_other(config) -> None:
    """A flag counts before what the file says for the opposite."""
    plain = config("--insecure")
    assert ("true", "") == (plain["insecure"][0], plain["ca"][0])
    tls = config("--server", "lab", "--ca", "other.pem")
    assert ("false", "other.pem") == (tls["insecure"][0], tls["ca"][0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--host", "h", "--server", "work"), "--host and --server exclude each other"),
        (("--server", "home"), "there is no server 'home' in"),
        (("--insecure", "--ca", "x"), "--insecure is without TLS: omit it, or --ca"),
        (("--cert", "x"), "--cert and --key go together"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(chatter, file, arguments, sentence) -> None:
    """Exit code 2, before anything is asked."""
    ended = chatter("--config", str(file), "list", *arguments)
    assert (2, "") == (ended.returncode, ended.stdout)
    assert sentence in ended.stderr


def test_server_without_a_file_is_wrong_usage(chatter) -> None:
    """The sentence says which file names none."""
    ended = chatter("list", "--server", "work")
    assert 2 == ended.returncode
    assert "there is no server 'work': /nonexistent/chatter/config.toml names none" in ended.stderr


def test_path_is_told(chatter, file) -> None:
    """Of the file in use, or of the one that could be made."""
    assert "/nonexistent/chatter/config.toml\n" == chatter("config", "--path").stdout
    assert f"{file}\n" == chatter("config", "--path", "--config", str(file)).stdout


@pytest.mark.parametrize("shared", [True, False])
def test_token_that_others_can_read_is_told(chatter, tmp_path: Path, shared: bool) -> None:
    """It is used all the same."""
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o644 if shared else 0o600)
    ended = chatter("config", "--token-file", str(token))
    warning = f"chatter: the token in {token} can be read by others; chmod 600 {token}\n"
    assert (0, warning if shared else "") == (ended.returncode, ended.stderr)
    assert f"token\t(not shown)\t--token-file {token}" in ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "the token file {} is empty"), (b"\xff", "the token file {} is not text"),
     (None, "cannot read the token file {}: No such file or directory")],
)  # fmt: skip
def test_file_without_a_token_is_told(chatter, tmp_path: Path, content, sentence) -> None:
    """Exit code 1 with the file's name."""
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
        token.chmod(0o600)
    ended = chatter("list", CHATTER_TOKEN_FILE=str(token))
    assert (1, f"chatter: {sentence.format(token)}\n") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ("two words", "a token has only ASCII letters, digits and signs, and no spaces"),
        ("another-token", "this is not the server's admin token"),
    ],
)
def test_file_with_a_wrong_token_is_told(chatter, tmp_path: Path, shown, sentence) -> None:
    """What no token can be, and what the server refuses: where it is from stands with it."""
    token, wrong = tmp_path / "token", tmp_path / "wrong"
    for path, text in ((token, "secret-secret-secret"), (wrong, shown)):
        path.write_text(text)
        path.chmod(0o600)
    with running([*OURS, "--admin-token-file", str(token)]) as address:
        ended = chatter("list", "--host", address, "--token-file", str(wrong))
    assert (1, f"chatter: {sentence} (it is from --token-file {wrong})\n") == (
        ended.returncode, ended.stderr,
    )  # fmt: skip


def test_token_and_name_of_the_file_are_used(chatter, tmp_path: Path) -> None:
    """A server that wants a token for creating gets it; without one the sentence says how."""
    token = tmp_path / "token"
    token.write_text("secret-secret-secret")
    token.chmod(0o600)
    with running([*OURS, "--admin-token-file", str(token), "--room", "lobby"]) as address:
        entry = f'[servers.here]\nhost = "{address}"\nname = "Bob"\nroom = "lobby"\n'
        file = tmp_path / "config.toml"
        file.write_text(f'{entry}token-file = "token"\n')
        refused = chatter("create", "plants", "--host", address)
        made = chatter("create", "plants", "--server", "here", CHATTER_CONFIG=str(file))
        chatter("--config", str(file), "--server", "here", "send", "hi")
        said = chatter("history", "lobby", "--json", "--host", address).stdout
    assert 1 == refused.returncode
    assert refused.stderr.endswith("(--token-file names a file with it)\n")
    assert (0, "plants\n") == (made.returncode, made.stdout)
    assert ("Bob", "hi") == tuple(json.loads(said.splitlines()[1])[key] for key in ("name", "text"))


def test_several_rooms_are_for_the_screen(chatter) -> None:
    """In a pipe, and to be created, there is one; given twice it is still one."""
    pipe = "several rooms are for the screen: here give --room once"
    for arguments, sentence in [
        (("--room", "a", "--room", "b", "--name", "Bob"), pipe),
        (("--room", "a", "--room", "b", "--create"), "--create makes one room"),
    ]:
        ended = chatter(*arguments, "--host", "127.0.0.1:9")
        assert (2, "") == (ended.returncode, ended.stdout)
        assert sentence in ended.stderr
    for rooms, code in {"a b": 2, "a a": 1, " ": 1}.items():
        ended = chatter("--name", "Bob", "--host", "127.0.0.1:9", CHATTER_ROOM=rooms)
        assert code == ended.returncode


def test_of_several_rooms_a_command_takes_the_last(config) -> None:
    """As of any option that is given twice."""
    assert ("b", "CHATTER_ROOM") == config(CHATTER_ROOM="a b")["room"]
