"""`chatwire top`: the tap, with a table of its streams in place of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatroom.chatwire.tapping import counting_options

if TYPE_CHECKING:
    from chatroom.chatwire.tapping import Tapping


@click.command(short_help="See the streams of a live tap: rates, windows, who waits.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often the table is drawn; rates are of that time.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Print one table, of the first such time with a connection, and end; so do connections.",
)
@counting_options
def top(every: float, once: bool, tapping: Tapping) -> int:
    """Pass everything on as chatwire does, and show what its streams are doing.

    \b
    up is from the client, down from the server.
        messages/s, bytes/s   in the last second (--every)
        window                bytes of DATA that may still be sent, on the stream and on the
                              connection, whichever is less; 0 stops its sender
        rtt                   of the last PING, from the tap to who answered; of one that is not
                              answered yet, how long it waits
        waits                 who waits for whom: for a window, or likely for an answer, as the
                              client spoke last; for 5 s after the end of a stream, its status

    The busiest stream comes first. Into a pipe, tables follow one another. Ctrl-C ends it, and
    every connection through it.
    """  # noqa: D301 - click wants the character
    tapping.check()
    from chatroom.chatwire.live import run_tap
    from chatroom.chatwire.top.screen import Drawn

    return run_tap(tapping, table=Drawn(every, once))
