"""`chatserver copy`: all rooms from a directory to PostgreSQL, or back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chatroom import interrupts
from chatroom.journal import JournalError
from chatroom.journal.copying import CopiedAll, Source, Target, copy
from chatroom.journal.sqlite.moving import SQLiteSource, SQLiteTarget

from .calls import encode
from .journal_options import is_database
from .service import JOURNAL_FILE

_PLACE = "DIR|URL"


@click.command("copy")
@click.option(
    "--from", "origin", metavar=_PLACE, required=True, help="Where they are; no server runs there."
)
@click.option("--to", "aim", metavar=_PLACE, required=True, help="Where nothing is yet.")
def copy_command(origin: str, aim: str) -> None:
    """Move all rooms from a directory to PostgreSQL, or back.

    DIR is a server's data directory, URL postgresql://USER@HOST/DATABASE; its password may
    be in ~/.pgpass. Everything is copied: rooms, messages, members with their sessions,
    bans and invitations, the audit log. So clients come back to the new server as if it
    were the old one. What was copied stays, and no server starts with it any more.
    """
    try:
        done, where = interrupts.run(_copy(origin, aim))
    except (JournalError, OSError) as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)
    click.echo(
        f"{where}: {done.rooms:,} rooms, {done.entries:,} messages, {done.members:,} members, "
        f"{done.records:,} audit records"
    )


async def _copy(origin: str, aim: str) -> tuple[CopiedAll, str]:
    source = await _source(origin)
    try:
        target, where = await _target(aim)
        try:
            done = await copy(source, target)
            await source.moved(where)
        finally:
            await target.close()
    finally:
        await source.close()
    return done, where


async def _source(origin: str) -> Source:
    if not is_database(origin):
        return await SQLiteSource.open(Path(origin) / JOURNAL_FILE, encode.legible)
    # Here alone: its driver is an extra that need not be installed.
    from chatroom.journal.postgres.moving import PostgresSource

    return await PostgresSource.open(origin)


async def _target(aim: str) -> tuple[Target, str]:
    """Where it is copied to, and how that is shown to people."""
    if not is_database(aim):
        path = Path(aim) / JOURNAL_FILE
        return await SQLiteTarget.open(path), str(path)
    from chatroom.journal.postgres.connecting import shown
    from chatroom.journal.postgres.moving import PostgresTarget

    return await PostgresTarget.open(aim), shown(aim)
