"""`chatwire diff`: compares two captures message by message."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from chatroom.chatwire.endpoints import READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.diff.contents import Ignored
    from chatroom.chatwire.diff.talks import Talk

SAME, DIFFER, TROUBLE = 0, 1, 2


class StreamOrTwo(click.ParamType[tuple[int, int]]):
    """N, or N:M where the second capture has another number."""

    name = "N[:M]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        one, colon, other = value.partition(":")
        if not (one.isdecimal() and (other.isdecimal() or not colon)):
            self.fail(f"{value!r} is neither N nor N:M", param, ctx)
        return int(one), int(other if colon else one)


@click.command(short_help="Compare two captures message by message.")
@click.argument("one", type=READABLE, metavar="A")
@click.argument("other", type=READABLE, metavar="B")
@click.option(
    "--ignore",
    multiple=True,
    metavar="NAME,…",
    help="Fields that make no difference, by name, such as sent,session, or by the end of their "
    "path, such as joined.session; with --headers also header fields. May be repeated.",
)
@click.option(
    "--stream",
    type=StreamOrTwo(),
    multiple=True,
    help="Only this stream; N of A and M of B where the numbers differ. May be repeated.",
)
@click.option(
    "--headers", is_flag=True, help="Compare all header fields, not only path, status and type."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: the exit code says it.")
@click.option(
    "--proto",
    type=READABLE,
    metavar="FILE",
    help="A .proto file or descriptor set that describes the messages. Without it: the chat's own; "
    "fields of other messages are named by their numbers.",
)
def diff(
    one: Path,
    other: Path,
    ignore: tuple[str, ...],
    stream: tuple[tuple[int, int], ...],
    headers: bool,
    quiet: bool,
    proto: Path | None,
) -> int:
    """Compare what was said in two captures, or in a capture and its replay.

    Streams are compared in the order of their beginning, connection by connection. Of each
    direction the first difference is shown: in a head, a message, an end, a status or a reset.
    Times, frames and windows make no difference, nor how messages are cut into frames.

    The exit code is 0 if both say the same, 1 if they differ, 2 if a capture cannot be read or
    has no stream.
    """
    from chatroom.chatwire.diff.comparing import compared, lines
    from chatroom.chatwire.diff.contents import Ignored
    from chatroom.chatwire.schema import SchemaUnusable, open_schema

    names = [name.strip() for text in ignore for name in text.split(",")]
    ignored = Ignored(frozenset(filter(None, names)))
    try:
        schema = open_schema(proto)
    except (SchemaUnusable, OSError) as error:
        raise trouble(str(error)) from None
    talks = [
        _talks(path, schema, ignored, frozenset(pair[place] for pair in stream), headers=headers)
        for place, path in enumerate((one, other))
    ]
    # Names that tell them apart, as short as that can be.
    same_name = one.name == other.name
    shown = (str(one), str(other)) if same_name else (one.name, other.name)
    pairs = list(compared(*talks))
    differ = sum(not pair.same for pair in pairs)
    said = f"{differ} of {len(pairs)} streams differ" if differ else "they say the same"
    try:
        for line in () if quiet else [*(one for pair in pairs for one in lines(pair, shown)), said]:
            click.echo(line)
        sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read it has seen enough
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor at the end
        raise trouble(f"cannot write what differs: {error.strerror}") from None
    return DIFFER if differ else SAME


def trouble(sentence: str) -> click.ClickException:
    """What ends the program with the exit code for that there is nothing to compare."""
    from chatroom.chatwire.live import Failure

    class Trouble(Failure):
        exit_code = TROUBLE

    return Trouble(sentence)


def _talks(
    path: Path, schema: Schema, ignored: Ignored, streams: frozenset[int], *, headers: bool
) -> Sequence[Talk]:
    from chatroom.chatwire.capture import BrokenCapture
    from chatroom.chatwire.diff.talks import talks_of
    from chatroom.chatwire.live import say
    from chatroom.chatwire.recordings import frames_of

    try:
        talks, lost = talks_of(frames_of(path, schema), ignored, headers=headers)
    except BrokenCapture as broken:
        raise trouble(f"{path}: {broken}") from None
    except OSError as error:
        raise trouble(f"{path}: {error.strerror or error}") from None
    for sentence in lost[:LOST]:
        say(f"{path}: {sentence}")
    if len(lost) > LOST:
        say(f"{path}: and {len(lost) - LOST} more of that kind")
    chosen = [talk for talk in talks if not streams or talk.stream in streams]
    if not chosen:
        raise trouble(f"{path}: there is no {'such ' if streams else ''}stream in it")
    return chosen


LOST = 5
"""Sentences about what is missing in a capture."""
