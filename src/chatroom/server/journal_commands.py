"""`chatserver backup`, `check`, `repair`, `rollback`: what an operator does with the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click
import platformdirs

from chatroom.journal import JournalError
from chatroom.journal.sqlite import (
    SCHEMA_VERSION,
    Checked,
    Rollback,
    backup,
    check,
    plan,
    repair,
    roll_back,
)

from .calls import encode
from .service import JOURNAL_FILE

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    default=None,
    show_default="as for the server",
    help="The server's data directory.",
)


def data_directory(chosen: Path | None) -> Path:
    """Where rooms and messages are kept unless another directory was chosen."""
    return chosen or platformdirs.user_data_path("chatroom", appauthor=False)


@click.command("backup")
@DATA
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def backup_command(ctx: click.Context, data: Path | None, file: Path) -> None:
    """Copy all rooms and messages to FILE; the server may run.

    To restore: stop the server, delete all files in its data directory whose names begin
    with chatroom.db, put FILE there as chatroom.db, and start the server. Clients notice
    that sequences may start over, and do not confuse new messages with old ones.
    """
    source = journal_file(ctx, data)
    try:
        copied = backup(source, file)
    except JournalError as error:
        _fail(str(error))
    click.echo(
        f"{file}: {_count(copied.rooms, 'room')}, {_count(copied.entries, 'message')}, "
        f"{_count(copied.size, 'byte')}"
    )


@click.command("check")
@DATA
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.pass_context
def check_command(ctx: click.Context, data: Path | None, file: Path | None) -> None:
    """Read all rooms and messages and say whether they are sound.

    Those of the server, which may run; or those in FILE, which `chatserver backup` has made.
    It changes nothing. Exit code 0: nothing is wrong; 1: something is.
    """
    if data is not None and file is not None:
        raise click.UsageError("--data is for a server's directory: omit it, or FILE")
    path = file or journal_file(ctx, data)
    try:
        checked = check(path, encode.legible)
    except JournalError as error:
        _fail(str(error))
    _tell(path, checked)
    if checked.wrong:
        for what in checked.wrong:
            click.echo(f"wrong: {what}", err=True)
        if file is not None:
            _fail(f"{path} is damaged; look for an earlier backup that is not, or make a new one")
        _fail(
            f"{path} is damaged; stop the server and run `chatserver repair`, which keeps what "
            "is sound, or put your latest backup in its place"
        )
    click.echo("nothing is wrong")


@click.command("repair")
@DATA
@click.pass_context
def repair_command(ctx: click.Context, data: Path | None) -> None:
    """Keep what is sound of a damaged file, and tell what is lost.

    The server must be stopped. The damaged file is kept beside the new one. Clients show in
    the place of each lost message that there was one. Exit code 0: the file is sound now,
    or was before; 1: nothing was changed.
    """
    path = journal_file(ctx, data)
    try:
        repaired = repair(path, encode.legible)
    except JournalError as error:
        _fail(str(error))
    salvaged = repaired.salvaged
    if salvaged is None:
        click.echo("nothing is wrong; nothing was changed")
        return
    for what in repaired.wrong:
        click.echo(f"was wrong: {what}", err=True)
    for room_id, lost in salvaged.lost.items():
        click.echo(f"room {room_id}: {_count(len(lost), 'message')} lost: {_ranges(lost)}")
    for what in salvaged.changed:
        click.echo(what)
    click.echo(
        f"{path}: kept {_count(salvaged.rooms, 'room')}, {_count(salvaged.entries, 'message')}"
    )
    click.echo(
        f"{repaired.kept} is the damaged file, with {repaired.kept}-… beside it; delete them once "
        "nobody misses anything"
    )


@click.command("rollback")
@DATA
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def rollback_command(ctx: click.Context, data: Path | None, yes: bool) -> None:
    """Put back the file of before an upgrade, and tell what is lost.

    The server must be stopped. A newer chatserver has kept the file that an earlier one can use
    before it upgraded it. What was stored since is lost; the present file is kept beside it.
    Clients notice that sequences start over. Exit code 0: it is done; 1: nothing was changed.
    """
    path = journal_file(ctx, data)
    try:
        found = plan(path, encode.legible)
        _tell_cost(found)
        if not yes and not click.confirm("Go back?", err=True):
            _fail("nothing was changed")
        aside = roll_back(found)
    except JournalError as error:
        _fail(str(error))
    version = found.before.version
    click.echo(
        f"{path} has schema version {version} again: start a chatserver that knows it. What was "
        f"there is in {aside}; delete it once nobody misses anything"
    )


def _tell_cost(found: Rollback) -> None:
    """What going back loses."""
    click.echo(
        f"{found.kept}: schema version {found.before.version}, in place of {found.now.version}"
    )
    for room_id, since in found.lost.items():
        made = ", which was made since" if room_id in found.gone else ""
        click.echo(f"room {room_id}{made}: {_count(since, 'message')} will be lost")
    for room_id in found.gone:
        if room_id not in found.lost:
            click.echo(f"room {room_id}, which was made since, will be gone")
    for room_id in found.back:
        click.echo(f"room {room_id}, which was deleted since, will be there again")
    if found.now.wrong:
        click.echo("the present file is damaged: what is lost cannot be told for certain")
    elif not (found.lost or found.gone or found.back):
        click.echo("no message was stored since")
    click.echo("bans, mutes, invitations and audit records made since will be gone too")


def _ranges(numbers: list[int], most: int = 10) -> str:
    """Numbers that ascend, as `3, 7 to 9`, and an ellipsis after so many."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    shown = [f"{low}" if low == high else f"{low} to {high}" for low, high in found[:most]]
    return ", ".join(shown) + (", …" if len(found) > most else "")


def _tell(path: Path, checked: Checked) -> None:
    rooms = _count(len(checked.rooms), "room")
    if checked.version < SCHEMA_VERSION:
        rooms = "which the next start of a server upgrades"
    click.echo(f"{path}: schema version {checked.version}, {rooms}")
    for room in checked.rooms:
        kept = f"{room.oldest} to {room.newest}" if room.entries else "none"
        click.echo(
            f"room {room.room_id}: messages {kept}, {_count(room.size, 'byte')}, "
            f"{_count(room.inside, 'member')} inside"
            + (f", {room.lost:,} lost before" if room.lost else "")
        )


def journal_file(ctx: click.Context, data: Path | None) -> Path:
    """The file meant by --data after the command, before it, or in the environment."""
    if data is None and ctx.parent is not None:
        given = ctx.parent.params
        data = given["data"]
        if data is None and (given["journal"] or given["journal_file"]):
            raise click.UsageError(
                "this is for a directory: what is in PostgreSQL is copied by pg_dump, and checked "
                "by pg_amcheck; the audit log is its table chatroom.audit"
            )
    return data_directory(data) / JOURNAL_FILE


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _fail(sentence: str) -> NoReturn:
    click.echo(f"chatserver: {sentence}", err=True)
    sys.exit(1)
