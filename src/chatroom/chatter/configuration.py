"""The configuration file: named servers, and what one is called everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatroom.chatter.failures import Failure
from chatroom.chatter.safe_text import one_line
from chatroom.toml_text import NotToml, nearest, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TOP: Mapping[str, type] = {"name": str, "server": str, "servers": dict, "screen": dict}
SERVER: Mapping[str, type] = {
    "host": str, "name": str, "room": str, "insecure": bool, "tls": dict, "token": str,
    "token-file": str,
}  # fmt: skip
TLS: Mapping[str, type] = {"ca": str, "certificate": str, "key": str, "server-name": str}
SCREEN: Mapping[str, type] = {
    "color": str, "time-format": str, "mouse": bool, "notify": list, "log": str, "colors": dict,
}  # fmt: skip
WHENS = ("auto", "always", "never")
NOTIFICATIONS = ("bell", "osc9", "osc777")
COLOURED: Mapping[str, type] = dict.fromkeys(
    ("time", "event", "notice", "trouble", "own", "mention", "link", "mark", "status", "bar"), str
) | {"names": list}
"""What of the screen may have other colours."""
HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan")
COLOURS = {
    **{hue: f"ansi{hue}" for hue in (*HUES, "gray", "white")},
    **{f"bright-{hue}": f"ansibright{hue}" for hue in HUES},
}
"""The sixteen of every terminal, and what prompt_toolkit calls them."""
ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse")
EXPECTED = {
    str: 'text in quotes, as in "lobby"', bool: "true or false", dict: "a table",
    list: 'a list, as in ["bell"]',
}  # fmt: skip


class ConfigurationInvalid(Failure):
    """The file cannot be read, or says what chatter does not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedServer:
    """What `[servers.NAME]` says; what it does not say is None. Paths are absolute."""

    host: str
    name: str | None = None
    room: str | None = None
    insecure: bool | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None
    token: str | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenTable:
    """What `[screen]` says; what it does not say is None."""

    color: str | None = None
    time_format: str | None = None
    mouse: bool | None = None
    notify: tuple[str, ...] | None = None
    log: Path | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    """Styles as prompt_toolkit has them, by what is written in them."""
    names: tuple[str, ...] = ()
    """The colours of names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a configuration file says. Without a file: nothing."""

    path: Path | None = None
    """The file; None when there is none."""
    name: str | None = None
    server: str | None = None
    """One of `servers`."""
    servers: Mapping[str, NamedServer] = field(default_factory=dict)
    screen: ScreenTable = field(default_factory=ScreenTable)


def default_path() -> Path:
    """Where the file of the user is, if there is one."""
    import platformdirs

    return platformdirs.user_config_path("chatter", appauthor=False) / "config.toml"


def read(path: Path | None) -> Configuration:
    """What the file says, or for None that of the user, which need not be there.

    Raises ConfigurationInvalid.
    """
    where = path or default_path()
    try:
        text = where.read_bytes()
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError | NotADirectoryError):
            return Configuration()
        raise _invalid(where, f"cannot read it: {error.strerror}") from None
    return parse(text, where)


def parse(text: str | bytes, path: Path) -> Configuration:
    """What the text of the file says. Raises ConfigurationInvalid."""
    try:
        table = table_of(text)
    except NotToml as error:
        raise _invalid(path, str(error)) from None
    _check(path, table, TOP, "")
    servers = {}
    for name, server in table.get("servers", {}).items():
        if not isinstance(server, dict):
            raise _invalid(path, f"servers.{name} is to be a table, [servers.{name}]")
        servers[name] = _server(path, name, server)
    chosen = table.get("server")
    if chosen is not None and chosen not in servers:
        named = " or ".join(f'"{name}"' for name in servers) or "there is none"
        raise _invalid(path, f'server is "{chosen}", which is not one of its servers: {named}')
    return Configuration(
        path=path,
        name=table.get("name"),
        server=chosen,
        servers=servers,
        screen=_screen(path, table.get("screen", {})),
    )


def _screen(path: Path, table: dict[str, Any]) -> ScreenTable:
    _check(path, table, SCREEN, "screen")
    colours = table.get("colors", {})
    _check(path, colours, COLOURED, "screen.colors")
    color, notify = table.get("color"), table.get("notify")
    if color not in (None, *WHENS):
        raise _invalid(path, f"color in [screen] is one of {', '.join(WHENS)}")
    if notify is not None and not all(way in NOTIFICATIONS for way in notify):
        raise _invalid(path, f"notify in [screen] is a list of {', '.join(NOTIFICATIONS)}")
    time_format = table.get("time-format")
    if time_format is not None:
        try:
            shown = datetime.now().astimezone().strftime(time_format)
        except ValueError:
            shown = "\n"
        if not shown.isprintable():
            raise _invalid(path, 'time-format in [screen] is as in "%H:%M:%S"')

    def style(key: str, words: object) -> str:
        found = [_style_word(word) for word in words.split()] if isinstance(words, str) else [""]
        if not all(found):
            raise _invalid(
                path,
                f'{key} in [screen.colors] is to be like "bold red", "bright-red" or'
                ' "#d7005f"; bg: before a colour is for what is behind',
            )
        return " ".join(found)

    return ScreenTable(
        color=color,
        time_format=time_format,
        mouse=table.get("mouse"),
        notify=None if notify is None else tuple(notify),
        log=_file(path, table, "log", "screen"),
        colors={key: style(key, words) for key, words in colours.items() if key != "names"},
        names=tuple(style("names", words) for words in colours.get("names", ())),
    )


def _style_word(word: str) -> str:
    """What prompt_toolkit calls this; empty if it is no colour and no attribute."""
    if word in ATTRIBUTES:
        return word
    ground, colour = ("bg:", word[3:]) if word.startswith("bg:") else ("", word)
    known = re.fullmatch(r"#[0-9a-fA-F]{6}", colour)
    found = colour if known else COLOURS.get(colour, "")
    return found and ground + found


def _file(path: Path, table: dict[str, Any], key: str, where: str) -> Path | None:
    """The file that a key names, relative to this one. Raises ConfigurationInvalid."""
    if key not in table:
        return None
    try:
        return path.absolute().parent / Path(table[key]).expanduser()
    except RuntimeError:
        user = table[key].partition("/")[0]
        raise _invalid(path, f"{key} in [{where}] begins with {user}, who has no home") from None


def _server(path: Path, name: str, table: dict[str, Any]) -> NamedServer:
    where = f"servers.{name}"
    _check(path, table, SERVER, where)
    if "host" not in table:
        raise _invalid(path, f'[{where}] needs a host, as in host = "chat.example.com:443"')
    tls = table.get("tls", {})
    _check(path, tls, TLS, f"{where}.tls")
    if table.get("insecure") and tls:
        raise _invalid(path, f"[{where}] has both insecure and tls; leave one of them out")
    if "token" in table and "token-file" in table:
        raise _invalid(path, f"[{where}] has both token and token-file; leave one of them out")
    if ("certificate" in tls) != ("key" in tls):
        raise _invalid(path, f"[{where}.tls] needs both certificate and key, or neither")

    return NamedServer(
        host=table["host"],
        name=table.get("name"),
        room=table.get("room"),
        insecure=table.get("insecure"),
        ca=_file(path, tls, "ca", where),
        cert=_file(path, tls, "certificate", where),
        key=_file(path, tls, "key", where),
        server_name=tls.get("server-name"),
        token=table.get("token"),
        token_file=_file(path, table, "token-file", where),
    )


def _check(path: Path, table: dict[str, Any], keys: Mapping[str, type], where: str) -> None:
    """Every key is a known one, with a value of its type. Raises ConfigurationInvalid."""
    place = f" in [{where}]" if where else ""
    for key, value in table.items():
        expected = keys.get(key)
        if expected is None:
            near = nearest(key, keys)
            advice = f'did you mean "{near}"?' if near else f"the keys are {', '.join(keys)}"
            raise _invalid(path, f'there is no key "{key}"{place}; {advice}')
        if not isinstance(value, expected):
            raise _invalid(path, f"{key}{place} is to be {EXPECTED[expected]}")
        if value == "":
            raise _invalid(path, f"{key}{place} is empty; leave it out or give it a value")
        if isinstance(value, str) and "\0" in value:
            raise _invalid(path, f"{key}{place} has a NUL character")


def _invalid(path: Path, sentence: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(one_line(f"{path}: {sentence}"))
