"""The file of --config: what it sets, what counts before it, and what is said of a wrong one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from chatroom.core.rate import Pace
from chatroom.server.cli import chatserver
from chatroom.server.configuration_file import keys_of
from chatroom.server.serving_options import Chosen, serving_options
from chatroom.wire.addresses import Address
from tests.launch.program import ran, started

COMMAND = ["-m", "chatroom.server"]


def chosen(*arguments: str) -> Chosen:
    """What a server with these arguments would go by; raises UsageError."""
    found: list[Chosen] = []

    @click.command()
    @serving_options
    def probe(_: click.Context, choose: Callable[[], Chosen]) -> None:
        found.append(choose())

    probe.main(
        list(arguments), "chatserver", standalone_mode=False, auto_envvar_prefix="CHATSERVER"
    )
    return found[0]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], str]:
    """Write a configuration file; its name."""

    def write(text: str) -> str:
        path = tmp_path / "chatserver.toml"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return write


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of chatserver that comes to its end."""
    done = ran(
        [*COMMAND, *arguments],
        capture_output=True, text=True, timeout=30, env={**os.environ, **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def words(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())


def test_the_file_sets_what_options_set(config: Callable[[str], str], tmp_path: Path) -> None:
    """Numbers, texts, lists, switches, sizes, durations, and how often something may be done."""
    file = config("""
        bind = ["127.0.0.1:1", "[::1]:2"]
        data = "rooms"
        room = ["lobby", "1234"]
        message-rate = 2.5
        message-burst = 7
        keep-bytes = "1M"
        keep-total = 65536
        keep-audit = "2w"
        address-joins = "5/10s"
        identity-joins = 0
        no-page = true
        sync = "normal"
        trust-proxy = ["10.0.0.0/8"]
        anonymous = "join,send"
        loop = "asyncio"
        log-level = "debug"
    """)
    found = chosen("--config", file)
    settings, limits = found.settings, found.settings.limits
    assert (Address("127.0.0.1", 1), Address("::1", 2)) == settings.bind
    assert (tmp_path / "rooms", ("lobby", "1234")) == (settings.data, settings.rooms)
    assert (2.5, 7) == (limits.message_rate, limits.message_burst)
    assert (1 << 20, 65536) == (limits.history_bytes, limits.server_bytes)
    assert (14 * 86_400, Pace(5, 10.0)) == (settings.keep_audit, limits.address_joins)
    assert (Pace(0, 0.0), False, "normal") == (
        limits.identity_joins, settings.page, settings.sync,
    )  # fmt: skip
    assert ["10.0.0.0/8"] == [str(each) for each in settings.trusted_proxies]
    assert settings.anonymous is not None
    assert {"join", "send"} == settings.anonymous.rights
    assert ("asyncio", 10) == (found.loop, found.log.level)


def test_the_example_of_the_manual_is_right(config: Callable[[str], str], tmp_path: Path) -> None:
    """What docs/server.md shows can be used."""
    manual = Path(__file__).parents[2] / "docs" / "server.md"
    example = re.search(r"```toml\n(.*?)```", manual.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    for name in ("fullchain.pem", "privkey.pem", "keys.toml"):
        (tmp_path / name).write_text("")
    settings = chosen("--config", config(example[1])).settings
    assert (Address("0.0.0.0", 443),) == settings.bind
    assert (4 << 30, Pace(300, 60.0)) == (
        settings.limits.server_bytes,
        settings.limits.address_joins,
    )


def test_flags_count_before_the_environment_and_that_before_the_file(
    config: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each for each setting alone; what nobody says has its default."""
    file = config("""
        in-memory = true
        message-burst = 1
        room-capacity = 1
        max-members = 1
        no-page = true
        room = ["of-the-file"]
    """)
    monkeypatch.setenv("CHATSERVER_CONFIG", file)
    monkeypatch.setenv("CHATSERVER_MESSAGE_BURST", "2")
    monkeypatch.setenv("CHATSERVER_ROOM_CAPACITY", "2")
    monkeypatch.setenv("CHATSERVER_NO_PAGE", "false")
    monkeypatch.setenv("CHATSERVER_ROOM", "")
    settings = chosen("--message-burst", "3").settings
    limits = settings.limits
    expected = (3, 2, 1, 10_000)
    assert expected == (
        limits.message_burst, limits.room_capacity, limits.server_members, limits.server_rooms,
    )  # fmt: skip
    assert settings.page
    assert ("of-the-file",) == settings.rooms, "an empty variable is none"


def test_paths_are_beside_the_file(
    config: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the directory where the server was started; those of flags are, as ever."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "keys.toml").write_text("")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = config('keys = "keys.toml"\ndata = "~/rooms"\naudit-file = "/var/log/audit"')
    for name in (file, "../chatserver.toml"):
        settings = chosen("--config", name).settings
        assert settings.keys is not None
        assert (tmp_path / "keys.toml").samefile(settings.keys)
        assert (tmp_path / "home" / "rooms", Path("/var/log/audit")) == (
            settings.data, settings.audit_file,
        )  # fmt: skip
    assert Path("here") == chosen("--config", file, "--data", "here").settings.data


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mesage-rate = 4", 'there is no key "mesage-rate"; did you mean "message-rate"?'),
        ("message_rate = 4", 'there is no key "message_rate"; did you mean "message-rate"?'),
        ("zzz = 1", 'there is no key "zzz"; the keys are bind, data, '),
        ("limits = {}", 'there is no key "limits"; the keys are bind, '),
        ('config = "x"', 'there is no key "config"; '),
        ('client-ca = "x"', "write tls-client-ca, and tls-client-required = true"),
        ('message-rate = "ten"', "message-rate is to be a number, and is 'ten'"),
        ("message-rate = true", "message-rate is to be a number, and is true"),
        ("message-rate = -1", "message-rate: -1.0 is not in the range x>=0"),
        ("message-rate = nan", "nan is not a number that can be reached"),
        ("message-rate = inf", "inf is not a number that can be reached"),
        (f"message-rate = {10**400}", "message-rate is to be a number, and is 1000"),
        ("message-burst = 1.0", "message-burst is to be a whole number, and is 1.0"),
        ("message-burst = 0", "message-burst: '0' is not a whole number from 1 on"),
        ('keep-bytes = "16 megs"', "keep-bytes: '16 megs' is not a size: write 65536, 64K"),
        ("keep-bytes = 0", "keep-bytes: '0' is not a size"),
        ("keep-bytes = 1.5", "keep-bytes is to be a size, as in"),
        ("keep-audit = 5", 'keep-audit is to be a duration, as in "365d", and is 5'),
        ("address-joins = 5", 'address-joins is to be as in "600/1m", or 0, and is 5'),
        ('bind = "h:1"', 'bind is to be a list of texts in quotes, as in ["one", "two"], and is'),
        ('bind = ["nonsense"]', "bind: 'nonsense' is not an address to listen on"),
        ("bind = [1]", "bind is to be text in quotes, and is 1"),
        ("bind = []", "bind is an empty list; leave it out or give it a value"),
        ('room = ["No Such"]', "room = 'No Such': a room id has"),
        ('allow-origin = ["chat.example"]', "write it as https://chat.example"),
        ('trust-proxy = ["localhost"]', "write 10.0.0.0/8"),
        ('sync = "never"', "sync: 'never' is not one of 'full', 'normal'"),
        ('open = "yes"', "open is to be true or false, and is 'yes'"),
        ('data = ""', "data is empty; leave it out or give it a value"),
        ('keys = "\\u0000"', "keys has a NUL character"),
        ('keys = "none.toml"', "none.toml' does not exist"),
        ('keys = "~nosuchuser/x"', "keys begins with ~nosuchuser, who has no home"),
        ('anonymous = "jon"', "anonymous: 'jon' is not made of these words: join, send,"),
        ("data = 1979-05-27", "data is to be text in quotes, and is datetime.date(1979, 5, 27)"),
        ("\n\nbind == 1", "line 3, column 7 is not TOML: Invalid value"),
        ("\nbind = [", "line 2, the last one, is not TOML: Invalid value"),
        ("bind = " + "[" * 3000, "it is nested too deeply"),
        ('room = ["\\u001b[2J"]', r"room = '\x1b[2J': "),
    ],
)
def test_a_wrong_file_is_told_by_its_name_the_key_and_what_is_allowed(
    text: str, sentence: str, config: Callable[[str], str]
) -> None:
    """And nothing is passed over."""
    file = config(text)
    with pytest.raises(click.UsageError) as caught:
        chosen("--in-memory", "--config", file)
    assert caught.value.message.startswith(f"{file}: ")
    assert sentence in caught.value.message
    assert caught.value.message.isprintable()


def test_a_wrong_file_is_exit_code_2(config: Callable[[str], str], tmp_path: Path) -> None:
    """Also one that is not there; whatever the command, and whoever names the file."""
    file = config("bind = 1")
    missing = tmp_path / "missing.toml"
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"data = '\xff'")
    for arguments, environment, sentence in (
        (["--config", file], {}, f"{file}: bind is to be a list"),
        ([], {"CHATSERVER_CONFIG": file}, f"{file}: bind is to be a list"),
        (["--config", file, "check"], {}, f"{file}: bind is to be a list"),
        (["--config", str(missing)], {}, f"{missing}: cannot read it: No such file or directory"),
        (["--config", str(tmp_path)], {}, f"{tmp_path}: cannot read it: Is a directory"),
        (["--config", str(latin)], {}, f"{latin}: it is not UTF-8 text"),
        ([], {"CHATSERVER_CONFIG": ""}, "CHATSERVER_CONFIG is empty, and"),
    ):
        done = run(*arguments, **environment)
        assert 2 == done.returncode
        assert sentence in words(done.stderr)


def test_what_excludes_each_other_is_told_with_where_it_is_from(
    config: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types one half of it has not seen the other."""
    file = config('data = "rooms"')
    with pytest.raises(click.UsageError) as caught:
        chosen("--config", file, "--in-memory")
    assert f"--in-memory and --data exclude each other (data is in {file})" == caught.value.message
    monkeypatch.setenv("CHATSERVER_IN_MEMORY", "1")
    with pytest.raises(click.UsageError) as caught:
        chosen("--config", file)
    assert "in-memory is in the environment" in caught.value.message
    monkeypatch.delenv("CHATSERVER_IN_MEMORY")
    pem = tmp_path / "cert.pem"
    pem.write_text("")
    with pytest.raises(click.UsageError) as caught:
        chosen("--config", config('tls-cert = "cert.pem"'), "--in-memory")
    assert f"(tls-cert is in {file})" in caught.value.message


@pytest.mark.skipif(os.name != "posix", reason="there are no modes of files")
@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://ann:pa55@h/d", True),
        ("postgresql://h/d?user=ann&password=pa55", True),
        ("postgresql://ann@h/d", False),
    ],
)
def test_a_password_may_stand_in_a_file_that_others_cannot_read(
    url: str, secret: bool, config: Callable[[str], str]
) -> None:
    """Else the server says what to type; the address is in no message."""
    file = config(f'journal = "{url}"')
    assert url == chosen("--config", file).settings.database
    Path(file).chmod(0o644)
    if not secret:
        assert url == chosen("--config", file).settings.database
        return
    with pytest.raises(click.UsageError) as caught:
        chosen("--config", file)
    assert f"type chmod 600 {file}, or write the address" in caught.value.message
    assert "pa55" not in caught.value.message


@pytest.mark.parametrize("text", ['"mysql://a:pa55@h/d"', '["postgresql://a:pa55@h/d"]'])
def test_a_wrong_address_of_a_database_is_not_repeated(
    text: str, config: Callable[[str], str]
) -> None:
    """It may have a password."""
    with pytest.raises(click.UsageError) as caught:
        chosen("--config", config(f"journal = {text}"))
    assert "pa55" not in caught.value.message


def test_a_server_serves_as_the_file_says(config: Callable[[str], str], tmp_path: Path) -> None:
    """And its commands find its data, also where a key has the name of a command."""
    (tmp_path / "keys.toml").write_text("")
    file = config('bind = ["127.0.0.1:0"]\ndata = "rooms"\nroom = ["lobby"]')
    with started([*COMMAND, "--config", file], stderr=subprocess.PIPE, text=True) as process:
        kept, listening = process.stderr.readline(), process.stderr.readline()
        process.kill()
    assert f"kept in {tmp_path / 'rooms' / 'chatroom.db'}\n" in kept
    assert listening.startswith("chatserver: listening on 127.0.0.1:")
    done = run("--config", file, "backup", str(tmp_path / "copy"))
    assert (0, "") == (done.returncode, done.stderr)
    assert "1 room" in done.stdout
    file = config('keys = "keys.toml"')
    done = run(
        "keys", "create", "--id", "a", "--keys", str(tmp_path / "new"), CHATSERVER_CONFIG=file
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_every_option_is_a_key_but_those_that_are_none() -> None:
    """A new option is one at once."""
    options = {each.name for each in chatserver.params}
    keys = {each.name for each in keys_of(chatserver).values()}
    assert {"client_ca", "config", "version"} == options - keys
