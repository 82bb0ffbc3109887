"""`chatserver audit`: who did what to whom."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from chatroom.core.audit import AuditRecord
from chatroom.journal import JournalError
from chatroom.journal.sqlite import audit_records

from .durations import Duration
from .journal_commands import DATA, journal_file
from .rooms.audit import as_line, when

NS = 1_000_000_000
LATEST = (1 << 63) - 1
"""The last time that a journal can have: in the year 2262."""


class Since(click.ParamType[int]):
    """A time, in ns since 1970: a duration before now, a date, or a date and a time (UTC)."""

    name = "time"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        if re.fullmatch(r"\d+ ?[a-zA-Z]", value.strip()):
            return time.time_ns() - Duration().convert(value, param, ctx) * NS
        try:
            at = datetime.fromisoformat(value.strip())
            seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
            return min(max(seconds, 0) * NS, LATEST)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time: write 8h or 7d for so long ago, 2026-11-28, or "
                "2026-11-28T18:30 (UTC unless it says otherwise)",
                param,
                ctx,
            )


@click.command("audit")
@DATA
@click.option("--since", type=Since(), default=0, show_default="all", help="Only what came later.")
@click.option("--room", metavar="ID", default="", help="Only what concerned this room.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each record.")
@click.pass_context
def audit_command(
    ctx: click.Context, data: Path | None, since: int, room: str, as_json: bool
) -> None:
    """Show who did what to rooms and members.

    Rooms that were created, changed and deleted, and who was removed, muted or banned. What
    those were refused who have shown a token is here too. It never has what anybody said. The
    server may run.
    """
    path = journal_file(ctx, data)
    try:
        for record in audit_records(path, since=since, room_id=room):
            click.echo(as_line(record) if as_json else _for_people(record))
    except JournalError as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)


def _actor(record: AuditRecord) -> str:
    """A token's `sub` is in quotes if it could pass for more than that: for "admin token", say."""
    if not record.key_id or re.fullmatch(r"[\w.:/+@-]+", record.actor):
        return record.actor
    return json.dumps(record.actor, ensure_ascii=False)


def _for_people(record: AuditRecord) -> str:
    """One line. Who writes what can be written into a terminal has been refused long before."""
    where = f" in room {record.room_id}" if record.room_id else ""
    told = f" ({record.target})" if record.target else ""
    by = [f"from {record.address}"] if record.address else []
    by += [f"key {record.key_id}"] if record.key_id else []
    by += [f"token {record.token_id}"] if record.token_id else []
    shown = f" [{', '.join(by)}]" if by else ""
    line = (
        f"{when(record.at)} {_actor(record)}{shown}: {record.method}{where}{told}: {record.outcome}"
    )
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
