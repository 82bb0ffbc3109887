"""`chatserver top`: what a running server does, live in the terminal."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import NoReturn

import click

from chatroom import interrupts
from chatroom.wire.addresses import Address

from .amounts import Amount
from .asked_address import AskType
from .top.sorts import SORTS

DEFAULT = "127.0.0.1:9090"
"""As everywhere in the documents."""
PAPER_COLUMNS = 100
"""Where no terminal tells how wide it is."""


@click.command("top")
@click.argument("address", type=AskType(port=None), default=DEFAULT, metavar="[HOST:PORT]")
@click.option(
    "--interval",
    type=Amount(min=0.1, max=3600),
    default=2.0,
    help="Seconds from one look to the next.",
)
@click.option("--once", is_flag=True, help="Print one frame as text, and end.")
@click.option(
    "--sort", type=click.Choice(list(SORTS)), default=next(iter(SORTS)), help="Rooms, by what."
)
@click.option("--names/--no-names", default=True, help="Names of members, and their addresses.")
def top_command(address: Address, interval: float, once: bool, sort: str, names: bool) -> None:
    """Watch a running server, live in the terminal.

    It asks the server at HOST:PORT, where that answers operators (--ops-bind), and shows what goes
    on: rates, lag, the busiest rooms, the readers that are farthest behind. Rates are of the time
    since the frame before. With --once there is one frame, of as many seconds as --interval says.

    Keys: q quits, p or space pauses, s sorts rooms by something else, n hides names.
    """
    if not once and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("top needs a terminal; --once prints one frame")
    if not once and sys.platform == "win32":
        raise click.UsageError("the screen is not there on Windows; --once prints one frame")
    # Here alone: what it needs takes time to import, and no other command does.
    from .top.asking import NoFigures
    from .top.frame import View
    from .top.running import printed, shown

    view = View(address=str(address), interval=interval, sort=sort, names=names)
    try:
        if once:
            columns = shutil.get_terminal_size((PAPER_COLUMNS, 0)).columns
            click.echo("\n".join(interrupts.run(printed(address, view, columns))))
        elif number := interrupts.run(shown(address, view)):
            _end_by(number)
    except NoFigures as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(interrupts.INTERRUPTED)
    except BrokenPipeError:  # whoever reads has enough: click knows what to do
        raise
    except OSError as error:
        # What could not be printed is not tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo(f"chatserver: cannot print: {error.strerror}", err=True)
        sys.exit(1)


def _end_by(number: int) -> NoReturn:
    """As the signal would have ended it; everything is left in order."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # process 1 of a container is not ended by it
