"""The options that say what is printed, the same for every command that prints frames."""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.decode.records import Kind
    from chatroom.chatwire.show.printer import Show


def show_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one argument, `show`."""

    @functools.wraps(command)
    def with_show(
        *arguments: Any,
        verbose: bool,
        as_json: bool,
        stream: tuple[int, ...],
        frame: tuple[str, ...],
        hide: tuple[str, ...],
        summary: bool,
        **others: Any,
    ) -> Any:
        show = _show(verbose, as_json, stream, frame, hide, summary)
        return command(*arguments, show=show, **others)

    options = [
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Below each line also header fields, whole messages, their envelopes, padding.",
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="One JSON object a frame: `time` as in RFC 3339, the other times in nanoseconds.",
        ),
        click.option(
            "--stream",
            type=click.IntRange(0),
            multiple=True,
            metavar="N",
            help="Only this stream; may be repeated. 0 is the connection itself.",
        ),
        click.option(
            "--frame",
            multiple=True,
            metavar="NAME,…",
            help="Only frames of these kinds, such as data,headers; may be repeated.",
        ),
        click.option(
            "--hide",
            multiple=True,
            metavar="NAME,…",
            help="No frames of these kinds, such as ping,window-update; may be repeated.",
        ),
        click.option(
            "--summary",
            is_flag=True,
            help="At the end, say what passed on each connection and stream.",
        ),
    ]
    for option in reversed(options):
        with_show = option(with_show)
    return with_show


def _show(
    verbose: bool,
    as_json: bool,
    stream: tuple[int, ...],
    frame: tuple[str, ...],
    hide: tuple[str, ...],
    summary: bool,
) -> Show:
    from chatroom.chatwire.show.filters import Filter
    from chatroom.chatwire.show.printer import Show

    return Show(
        shown=Filter(
            streams=frozenset(stream),
            kinds=_kinds("--frame", frame),
            hidden=_kinds("--hide", hide),
        ),
        verbose=verbose,
        json=as_json,
        summary=summary,
        colour=colour_wanted(),
    )


def colour_wanted() -> bool:
    """Whether a person with a colour terminal reads standard output (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _kinds(option: str, given: tuple[str, ...]) -> frozenset[Kind]:
    from chatroom.chatwire.show.filters import kind_named

    names = [name for text in given for name in text.split(",") if name.strip()]
    try:
        return frozenset(map(kind_named, names))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
