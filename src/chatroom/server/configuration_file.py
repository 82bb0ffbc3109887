"""The configuration file of `chatserver`: every option of the server by its name, in TOML."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from chatroom.toml_text import NotToml, nearest, table_of

from .access.key_file import others_may_read
from .durations import Duration
from .journal_options import has_password
from .limit_options import PaceType
from .port.notices import printable
from .sizes import Size

DATABASE = "journal"
"""The key whose value may have a password: it is shown by nobody."""
FORMER = {"client-ca": "write tls-client-ca, and tls-client-required = true"}
"""Options of earlier versions, which the file never had."""
_NO_KEYS = frozenset({"config", "help", "secrets", "version"})
_READ = f"{__name__}.read"
"""In `Context.meta`: what was read, by path. A pipe can be read once alone."""
_FILE = f"{__name__}.file"
"""In `Context.meta`: the file that counts, by the path of the command."""
SHOWN = 100
"""Characters of a wrong value that are repeated."""


class ConfigurationInvalid(click.UsageError):
    """The file cannot be read, or says what the server does not understand."""


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add --config, which has a file say what neither options nor variables say."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        is_eager=True,  # before the options that it is about
        expose_value=False,
        callback=_take,
        help="A file in TOML with these options by their names (message-rate = 10). The command "
        "line and the environment count before it.",
    )(command)


def keys_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that its file may set, by their keys there."""
    return {
        key: each
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden
        if (key := max(each.opts, key=len).removeprefix("--")) not in _NO_KEYS
    }


def file_of(ctx: click.Context) -> Path | None:
    """The file that counts for a command, if there is one."""
    found: Path | None = ctx.meta.get(_FILE, {}).get(ctx.command_path)
    return found


def origins(ctx: click.Context, sentence: str) -> str:
    """From where the options in a sentence are that nobody has typed; "": all were."""
    found = []
    for key, option in keys_of(ctx.command).items():
        if re.search(rf"(?<![\w-])--{key}(?![\w-])", sentence):
            source = ctx.get_parameter_source(option.name or "")
            if source is ParameterSource.DEFAULT_MAP:
                found.append(f"{key} is in {file_of(ctx)}")
            elif source is ParameterSource.ENVIRONMENT:
                found.append(f"{key} is in the environment")
    return f" ({', '.join(found)})" if found else ""


def _take(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None or ctx.resilient_parsing:
        return
    ctx.meta.setdefault(_FILE, {})[ctx.command_path] = path
    ctx.default_map = _defaults(ctx, path)


def _defaults(ctx: click.Context, path: Path) -> dict[str, Any]:
    """What a file says, by the names of parameters. Raises ConfigurationInvalid."""
    cached = ctx.meta.setdefault(_READ, {})
    if path not in cached:
        cached[path] = _read(path)
    text, status = cached[path]
    try:
        table = table_of(text)
    except NotToml as error:
        raise _invalid(path, str(error)) from None
    options = keys_of(ctx.command)
    found = {}
    for key, value in table.items():
        if key not in options:
            raise _invalid(path, f'there is no key "{key}"; {_advice(key, options)}')
        found[options[key].name or ""] = _value(ctx, path, key, options[key], value)
    if has_password(table.get(DATABASE, "")) and others_may_read(status):
        raise _invalid(
            path,
            f"{DATABASE} has a password, and others may read the file; type "
            f"chmod 600 {path}, or write the address into a file of its own and its name here, "
            f'as in {DATABASE}-file = "journal.url"',
        )
    return found


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """The text of a file, and what the system says of it. Raises ConfigurationInvalid."""
    try:
        with path.open("rb") as file:
            return file.read(), os.fstat(file.fileno())
    except OSError as error:
        raise _invalid(path, f"cannot read it: {error.strerror}") from None


def _advice(key: str, options: Mapping[str, click.Option]) -> str:
    if key in FORMER:
        return FORMER[key]
    near = nearest(key, options)
    return f'did you mean "{near}"?' if near else f"the keys are {', '.join(options)}"


def _value(ctx: click.Context, path: Path, key: str, option: click.Option, value: Any) -> Any:
    """The value as the command line would have it. Raises ConfigurationInvalid."""
    if not option.multiple:
        return _one(ctx, path, key, option, value)
    if not isinstance(value, list):
        raise _wrong(path, key, value, 'a list of texts in quotes, as in ["one", "two"]')
    if not value and isinstance(option.default, list):
        raise _invalid(path, f"{key} is an empty list; leave it out or give it a value")
    return [_one(ctx, path, key, option, each) for each in value]


def _one(ctx: click.Context, path: Path, key: str, option: click.Option, value: Any) -> Any:
    expected, fits = _kind(option)
    if not fits(value):
        raise _wrong(path, key, value, expected)
    if isinstance(option.type, Size | PaceType):
        value = str(value)
    if isinstance(value, str):
        if not value.strip():
            raise _invalid(path, f"{key} is empty; leave it out or give it a value")
        if "\0" in value:
            raise _invalid(path, f"{key} has a NUL character")
        if isinstance(option.type, click.Path):
            value = _beside(path, key, value)
    try:
        option.type(value, option, ctx)
    except click.UsageError as error:
        known = key == DATABASE or repr(value) in error.message
        shown = "" if known else f" = {_shown(value)}"
        raise _invalid(path, f"{key}{shown}: {error.message}") from None
    return value


def _kind(option: click.Option) -> tuple[str, Callable[[Any], bool]]:
    """What a value is to be, in words, and whether one is."""
    if option.is_flag:
        return "true or false", lambda value: isinstance(value, bool)
    kind = option.type
    if isinstance(kind, click.types.IntParamType):
        return "a whole number", _is_whole
    if isinstance(kind, click.types.FloatParamType):
        return "a number", lambda value: _is_whole(value) or isinstance(value, float)
    if isinstance(kind, Size):
        return 'a size, as in "16M", or a number of bytes', lambda v: _is_whole(v) or _is_text(v)
    if isinstance(kind, PaceType):
        return (
            'as in "600/1m", or 0',
            lambda value: _is_text(value) or (_is_whole(value) and value == 0),
        )
    if isinstance(kind, Duration):
        return 'a duration, as in "365d"', _is_text
    return "text in quotes", _is_text


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _beside(path: Path, key: str, name: str) -> str:
    """The file that is meant: beside the configuration, unless it says where."""
    try:
        return str(path.absolute().parent / Path(name).expanduser())
    except RuntimeError:
        user = name.partition("/")[0]
        raise _invalid(path, f"{key} begins with {user}, who has no home") from None


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return printable(text, SHOWN)


def _wrong(path: Path, key: str, value: Any, expected: str) -> ConfigurationInvalid:
    found = "something else" if key == DATABASE else _shown(value)
    return _invalid(path, f"{key} is to be {expected}, and is {found}")


def _invalid(path: Path, sentence: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(printable(f"{path}: {sentence}", 2000))
