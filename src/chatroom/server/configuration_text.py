"""A configuration written as the file that --config reads."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from .configuration_file import DATABASE, keys_of
from .journal_options import has_password

COLUMNS = 98
"""Of a comment, without its `# `."""


class CannotBeWritten(Exception):
    """A value that TOML has no text for; the sentence names its key."""


def as_file(command: click.Command, values: Mapping[str, Any], *, secrets: bool) -> str:
    """Every option of a command with its value, by the names of parameters, or that it has none.

    What is read again gives the same settings, wherever the file is: paths are absolute. A
    password is left out, and said to be, unless `secrets`. Raises CannotBeWritten.
    """
    return "\n".join(_lines(command, values, secrets=secrets)) + "\n"


def _lines(command: click.Command, values: Mapping[str, Any], *, secrets: bool) -> Iterator[str]:
    yield "# Options of chatserver, by their names. What has a # before it is not set."
    if values.get("client_ca") is not None:  # what the file has no key for
        values = {**values, "tls_client_ca": values["client_ca"], "tls_client_required": True}
    for key, option in keys_of(command).items():
        value = values[option.name or ""]
        yield ""
        for line in textwrap.wrap(option.help or "", COLUMNS, break_on_hyphens=False):
            yield f"# {line}"
        if value is None or value == "":
            default = option.show_default
            yield f"# {key} =" + (f" # else {default}" if isinstance(default, str) else "")
        elif key == DATABASE and not secrets and has_password(value):
            yield f"# {key} is set, to an address with a password: --secrets shows it"
            yield f"{key} = false  # so that this is not used without it"
        else:
            yield f"{key} = {_written(key, option, value)}"


def _written(key: str, option: click.Option, value: Any) -> str:
    """A value in TOML, as the command line would have it."""
    if option.multiple:
        return f"[{', '.join(_one(key, option, each) for each in value)}]"
    return _one(key, option, value)


def _one(key: str, option: click.Option, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    write = getattr(option.type, "written", None)
    if write is not None:
        return _quoted(key, write(value))
    if isinstance(value, int | float):
        return repr(value)
    return _quoted(key, str(value.absolute() if isinstance(value, Path) else value))


def _quoted(key: str, text: str) -> str:
    """A basic string of TOML 1.0."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CannotBeWritten(f"{key} is not UTF-8, and TOML has no other text") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
