"""What chatter goes by: flags before the environment before the file before defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from chatroom.chatter import configuration
from chatroom.chatter.failures import Failure, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from chatroom.chatter.configuration import Configuration, NamedServer
    from chatroom.chatter.given import Given

DEFAULT_HOST = "localhost:8080"
TOKEN_VARIABLE = "CHATTER_TOKEN"  # noqa: S105 # the name of a variable, not a token
TIME_FORMAT = "%H:%M"
TLS_FILES = ("ca", "cert", "key")
READ_BY_OTHERS = 0o044
"""The permission bits of group and others to read a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value, and for people where it is from."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a command goes by. `sources` has where each value is from, by its name here.

    `file` is the configuration file, if there is one.
    """

    host: str
    insecure: bool
    ca: Path | None
    cert: Path | None
    key: Path | None
    server_name: str
    token: str
    name: str | None
    room: str | None
    reconnect: float | None
    as_json: bool
    color: str
    time_format: str
    mouse: bool
    notify: tuple[str, ...]
    log: Path | None
    colors: Mapping[str, str]
    names: tuple[str, ...]
    sources: dict[str, str]
    file: Path | None


def configuration_of(given: Given) -> Configuration:
    """What the file says that was named, or that of the user. Raises ConfigurationInvalid."""
    return configuration.read(given.get("config"))


def effective(given: Given, *, warn: bool = True) -> Settings:
    """The settings for a command, with the token read. Raises Failure, UsageError.

    With `warn` a token that others on this machine can read is told of.
    """
    file = configuration_of(given)
    found = settings(given, file, warn=warn)
    values = {name: setting.value for name, setting in found.items()}
    sources = {name: setting.source for name, setting in found.items()}
    return Settings(**values, sources=sources, file=file.path)


def settings(given: Given, file: Configuration, *, warn: bool) -> dict[str, Setting]:
    """Each setting with its source. Raises Failure, UsageError."""
    entry, host = chosen_server(given, file)
    label = f"{file.path}"

    def pick(name: str, default: Any = None, *, more: Any = None) -> Setting:
        """The first of: flag, environment, the server's entry, `more` of the file, default."""
        option = "--" + name.replace("_", "-").removeprefix("as-")
        if name in given.flags:
            return Setting(value=given.flags[name], source=option)
        if name in given.environment:
            variable = "CHATTER_" + option.removeprefix("--").replace("-", "_").upper()
            return Setting(value=given.environment[name], source=variable)
        for value in (getattr(entry, name, None), more):
            if value is not None:
                return Setting(value=value, source=label)
        return Setting(value=default, source="default")

    return {
        "host": host,
        **_security(pick, given),
        "token": _token(given, entry, file, warn=warn),
        "name": pick("name", more=file.name),
        "room": pick("room"),
        "reconnect": pick("reconnect"),
        "as_json": pick("as_json", default=False),
        "color": pick("color", default="auto", more=file.screen.color),
        "time_format": pick("time_format", default=TIME_FORMAT, more=file.screen.time_format),
        "mouse": pick("mouse", default=True, more=file.screen.mouse),
        "notify": pick("notify", default=("bell",), more=file.screen.notify),
        "log": pick("log", more=file.screen.log),
        "colors": pick("colors", default={}, more=file.screen.colors or None),
        "names": pick("names", default=(), more=file.screen.names or None),
    }


def _security(pick: Callable[..., Setting], given: Given) -> dict[str, Setting]:
    """How the connection is made safe, or that it need not be. Raises UsageError.

    A flag or variable for one of the two overrules what the file says for the other.
    """
    insecure = pick("insecure", default=False)
    files = {name: pick(name) for name in TLS_FILES}
    server_name = pick("server_name", default="")
    said_insecure = insecure.value and given.get("insecure")
    said_files = [name for name in TLS_FILES if given.get(name)]
    if said_insecure and said_files:
        raise click.UsageError(f"--insecure is without TLS: omit it, or --{said_files[0]}")
    if said_insecure:
        files = {name: Setting(value=None, source=insecure.source) for name in TLS_FILES}
        server_name = Setting(value="", source=insecure.source)
    elif said_files and insecure.value:
        insecure = Setting(value=False, source=f"--{said_files[0]}")
    if bool(files["cert"].value) != bool(files["key"].value):
        raise click.UsageError("--cert and --key go together")
    return {"insecure": insecure, **files, "server_name": server_name}


def chosen_server(given: Given, file: Configuration) -> tuple[NamedServer | None, Setting]:
    """The entry of the file that is meant, if one is, and the server's address.

    What an entry says, its token first of all, is for its own host: an address on the
    command line means no entry, whatever the environment says. Raises UsageError.
    """
    for said, host_word, server_word in (
        (given.flags, "--host", "--server"),
        (given.environment, "CHATTER_HOST", "CHATTER_SERVER"),
    ):
        if "host" in said and "server" in said:
            raise click.UsageError(f"{host_word} and {server_word} exclude each other")
        if "host" in said:
            return None, Setting(value=said["host"], source=host_word)
        if "server" in said:
            entry = _entry(said["server"], file)
            return entry, Setting(value=entry.host, source=f"{server_word} {said['server']}")
    if file.server is not None:
        entry = file.servers[file.server]
        return entry, Setting(value=entry.host, source=f"{file.path}")
    return None, Setting(value=DEFAULT_HOST, source="default")


def _entry(name: str, file: Configuration) -> NamedServer:
    entry = file.servers.get(name)
    if entry is not None:
        return entry
    if not file.servers:
        where = file.path or configuration.default_path()
        raise click.UsageError(f"there is no server {name!r}: {where} names none")
    raise click.UsageError(
        f"there is no server {name!r} in {file.path}; it has {', '.join(file.servers)}"
    )


def _token(given: Given, entry: NamedServer | None, file: Configuration, *, warn: bool) -> Setting:
    """The token and where it is from. Raises Failure for a file that has none."""
    path, source = given.flags.get("token_file"), "--token-file"
    if path is None and (token := os.environ.get(TOKEN_VARIABLE)):
        return Setting(value=token, source=TOKEN_VARIABLE)
    if path is None:
        path, source = given.environment.get("token_file"), "CHATTER_TOKEN_FILE"
    if path is None and entry is not None:
        source = f"{file.path}"
        if entry.token is not None:
            if warn and file.path is not None:
                _warn(file.path)
            return Setting(value=entry.token, source=source)
        path = entry.token_file
    if path is None:
        return Setting(value="", source="default")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise Failure(f"the token file {path} is not text") from None
    except OSError as error:
        raise Failure(f"cannot read the token file {path}: {error.strerror}") from None
    if not token:
        raise Failure(f"the token file {path} is empty")
    if warn:
        _warn(path)
    return Setting(value=token, source=f"{source} {path}")


def _warn(path: Path) -> None:
    """Tell of a token that others on this machine can read."""
    if os.name == "posix" and path.stat().st_mode & READ_BY_OTHERS:
        complain(f"the token in {path} can be read by others; chmod 600 {path}")
