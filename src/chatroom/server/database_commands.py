"""`chatserver nodes` and `new-epochs`: what an operator does with a database of several servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chatroom import interrupts
from chatroom.journal import JournalError

from .journal_options import database_of, url_options

if TYPE_CHECKING:
    from chatroom.journal.postgres.operating import NodeSeen

T = TypeVar("T")


@click.command("nodes")
@url_options
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each node.")
@click.pass_context
def nodes_command(
    ctx: click.Context, journal: str, journal_file: Path | None, as_json: bool
) -> None:
    """List the servers that share a database.

    With how many members are at each. Whose lease has passed has not renewed it: it was killed,
    is stopped, or is cut off from the database. The others take over its members.
    """
    url = _database(ctx, journal, journal_file)
    # Here alone: its driver is an extra that need not be installed.
    from chatroom.journal.postgres import operating

    seen = _done(operating.nodes(url))
    for node in seen.nodes:
        click.echo(_as_line(node) if as_json else _for_people(node))
    if as_json:
        return
    if not seen.nodes:
        click.echo("no server uses it now")
    if seen.without:
        click.echo(
            f"{_members(seen.without)} inside whose server is gone: those who can will come back, "
            "and the others are logged as lost, once a server runs"
        )


@click.command("new-epochs")
@url_options
@click.pass_context
def new_epochs_command(ctx: click.Context, journal: str, journal_file: Path | None) -> None:
    """Tell all clients that sequences may mean something else.

    After a failover to a standby that was not synchronous: messages that people were shown may be
    missing, and new ones get their numbers. Stop all servers, run this, start them. Whoever comes
    back then begins anew with the room's newest messages, instead of going on in a wrong place.
    """
    url = _database(ctx, journal, journal_file)
    # As above.
    from chatroom.journal.postgres import operating

    rooms = _done(operating.new_epochs(url))
    click.echo(f"{rooms:,} {'room has a new epoch' if rooms == 1 else 'rooms have new epochs'}")


def _database(ctx: click.Context, journal: str, file: Path | None) -> str:
    """Named after the command, before it, or in the environment; raises UsageError."""
    if not journal and file is None and ctx.parent is not None:
        journal, file = ctx.parent.params["journal"], ctx.parent.params["journal_file"]
    url = database_of(journal, file)
    if not url:
        raise click.UsageError(
            "name the database by --journal, --journal-file or CHATSERVER_JOURNAL"
        )
    return url


def _done(work: Coroutine[Any, Any, T]) -> T:
    """What it returns; if the journal cannot do it, a sentence and exit code 1."""
    try:
        return interrupts.run(work)
    except JournalError as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)


def _for_people(node: NodeSeen) -> str:
    at = f" at {node.address}" if node.address else ""
    state = "alive" if node.alive else f"lease passed {-node.lease:.0f} s ago"
    line = f"node {node.number}: {node.name}{at}, {state}, {_members(node.members)}"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def _as_line(node: NodeSeen) -> str:
    fields: dict[str, object] = {
        "node": node.number,
        "name": node.name,
        "address": node.address,
        "alive": node.alive,
        "lease_seconds": round(node.lease, 3),
        "age_seconds": round(node.age, 3),
        "members": node.members,
    }
    return json.dumps(fields)


def _members(number: int) -> str:
    return f"{number:,} member{'' if number == 1 else 's'}"
