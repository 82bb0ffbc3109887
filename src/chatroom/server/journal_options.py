"""`--journal`: a PostgreSQL database in place of a directory. Its address has a password."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

_SCHEMES = ("postgresql://", "postgres://")
_FORM = "postgresql://USER:PASSWORD@HOST/DATABASE"
_NO_DATABASE = f"a journal is {_FORM}; a directory is named by --data"


_IN_FILE = click.option(
    "--journal-file",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    metavar="FILE",
    default=None,
    help="The same, read from a file.",
)


class DatabaseType(click.ParamType[str]):
    """The address of a database, which is in no message; "": none."""

    name = "database"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value and not is_database(value):
            self.fail(_NO_DATABASE, param, ctx)
        return value


def url_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for a command about a database, which `database_of` reads."""
    named = click.option(
        "--journal",
        type=DatabaseType(),
        metavar="URL",
        default="",
        show_default="as for the server",
        help=f"The database: {_FORM}.",
    )
    return named(_IN_FILE(command))


def journal_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and hand the command what they say: `database`, an address; "": none."""

    @click.option(
        "--journal",
        type=DatabaseType(),
        metavar="URL",
        default="",
        show_default=False,
        help=f"Keep rooms and messages in PostgreSQL: {_FORM}. Several servers may share it. "
        "Others can read a command line: a password is safer in the environment, or in a file.",
    )
    @_IN_FILE
    @functools.wraps(command)
    def with_database(*args: Any, journal: str, journal_file: Path | None, **given: Any) -> None:
        database = database_of(journal, journal_file)
        if database:
            for name, option in (("data", "--data"), ("in_memory", "--in-memory")):
                if given[name]:
                    raise click.UsageError(f"--journal and {option} exclude each other")
        command(*args, database=database, **given)

    return with_database


def database_of(journal: str, file: Path | None) -> str:
    """The address that was given, "": none; its text is in no message. Raises UsageError."""
    if journal and file is not None:
        raise click.UsageError("--journal and --journal-file exclude each other")
    url = journal
    if file is not None:
        try:
            url = file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise click.UsageError(f"{file} cannot be read") from None
        if not url:
            raise click.UsageError(f"{file} is empty: write {_FORM} into it")
    if not url:
        return ""
    if not is_database(url):
        raise click.UsageError(_NO_DATABASE)
    return url


def is_database(place: str) -> bool:
    """Whether it is the address of a database; raises UsageError if that cannot be used here."""
    if not place.startswith(_SCHEMES):
        return False
    if importlib.util.find_spec("asyncpg") is None:
        raise click.UsageError(
            "PostgreSQL needs one more package: pip install 'chatroom[postgres]'"
        )
    return True


def has_password(url: str) -> bool:
    """Whether the address of a database has one, as far as can be told."""
    try:
        parts = urlsplit(url)
        return bool(parts.password) or any("password" in key for key, _ in parse_qsl(parts.query))
    except ValueError:
        return True
