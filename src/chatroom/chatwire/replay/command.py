"""`chatwire replay`: the client's side of a capture, sent to a server again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from chatroom import interrupts
from chatroom.chatwire.endpoints import READABLE, WRITABLE, HostAndPort, port_option

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from chatroom.chatwire.capture import CommentedCapture
    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Passage
    from chatroom.chatwire.replay.player import Played
    from chatroom.wire.addresses import Address

FASTEST = "max"


class Speed(click.ParamType[float]):
    """A factor, or `max`."""

    name = "N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if value == FASTEST:
            return 0.0
        try:
            factor = float(value)
        except ValueError:
            factor = 0.0
        if not 0 < factor < float("inf"):
            self.fail(f"{value!r} is neither a number above 0 nor {FASTEST}", param, ctx)
        return factor


class Names(click.ParamType[dict[str, str]]):
    """NAME or FROM=TO, and more of them after commas."""

    name = "NAME,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        names = {}
        for part in filter(None, (part.strip() for part in value.split(","))):
            source, equals, target = part.partition("=")
            if not source or (equals and not target):
                self.fail(f"{part!r} is neither NAME nor FROM=TO", param, ctx)
            names[source] = target or source
        return names


@click.command(short_help="Send a captured client's side to a server again.")
@click.argument("file", type=READABLE, metavar="CAPTURE")
@click.option("--to", type=HostAndPort(), required=True, help="The server to send it to.")
@click.option(
    "--speed",
    type=Speed(),
    default="1",
    show_default=True,
    help=f"How many times as fast as it was; {FASTEST}: as fast as the answers come.",
)
@click.option(
    "--stream",
    type=click.IntRange(1),
    multiple=True,
    metavar="N",
    help="Only this stream of the capture; may be repeated.",
)
@port_option
@click.option(
    "--carry",
    type=Names(),
    multiple=True,
    help="Where a recorded message has, in this field, a value of a recorded answer, send the "
    "value that is answered now. FROM=TO: the answer's field FROM, the message's field or header "
    "TO.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How much later than recorded an answer may come before it is waited for no more.",
)
@click.option(
    "-w",
    "--write",
    type=WRITABLE,
    metavar="FILE",
    help="Write what passes to FILE, a capture; `chatwire diff` compares it.",
)
@click.option(
    "--proto",
    type=READABLE,
    metavar="FILE",
    help="A .proto file or descriptor set that describes the messages, for --carry.",
)
@click.option("--tls", is_flag=True, help="Speak TLS to the server.")
@click.option(
    "--to-ca",
    type=READABLE,
    metavar="FILE",
    help="With --tls: trust who is signed by one of these.",
)
@click.option("--to-insecure", is_flag=True, help="With --tls: do not check the certificate.")
def replay(
    file: Path,
    to: Address,
    speed: float,
    stream: tuple[int, ...],
    port: tuple[int, ...],
    carry: tuple[dict[str, str], ...],
    patience: float,
    write: Path | None,
    proto: Path | None,
    tls: bool,
    to_ca: Path | None,
    to_insecure: bool,
) -> int:
    """Do what the clients of a capture did once more: the same calls, messages and ends.

    \b
        chatwire --write before.pcapng                    record a client
        chatwire replay before.pcapng --to localhost:8080 --carry session -w after.pcapng
        chatwire diff before.pcapng after.pcapng --ignore sent,session,epoch,since

    Stream ids and header tables are its own, and it sends no more than the server's windows
    allow. It waits for what had been answered before it sends what came after: the exit code is
    1 where that does not come, or the server ends a stream that was not over. SETTINGS, PING and
    WINDOW_UPDATE are sent as recorded; of the header fields, :authority and :scheme are new.
    """  # noqa: D301 - click wants the character
    if not tls and (to_ca or to_insecure):
        raise click.UsageError("--to-ca and --to-insecure are for --tls: add it")
    if write is not None and write.exists() and write.samefile(file):
        raise click.UsageError("--write would overwrite the capture that is replayed")
    if to_ca and to_insecure:
        raise click.UsageError("--to-ca and --to-insecure exclude each other")
    from chatroom.chatwire.live import Failure, loop_factory, say
    from chatroom.chatwire.replay.carrying import Carrying
    from chatroom.chatwire.replay.player import How, Player
    from chatroom.chatwire.replay.script import Answer, script_of
    from chatroom.chatwire.schema import SchemaUnusable, open_schema
    from chatroom.chatwire.tap import reason

    try:
        schema = open_schema(proto)
    except (SchemaUnusable, OSError) as error:
        raise Failure(str(error)) from None
    script = script_of(_frames(file, port, schema), frozenset(stream))
    for sentence in script.left_out:
        say(sentence)
    if not script.streams:
        raise Failure(f"{file}: there is no stream in it that can be sent again")
    carrying = Carrying({name: into for names in carry for name, into in names.items()})
    for step in script.steps:
        if isinstance(step, Answer):
            for message in step.frame.messages:
                carrying.recorded(step.place, message)
    how = How(to=to, tls=_context(tls, to_ca, to_insecure), speed=speed or None, patience=patience)
    capture = _capture(write)
    player = Player(
        script,
        how,
        carrying=carrying,
        schema=schema,
        passed=_nothing if capture is None else capture.take,
        say=say,
    )
    try:
        played: Played = interrupts.run(player.play(), loop_factory())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise click.Abort from None
    except OSError as error:
        raise Failure(f"cannot connect to {to}: {reason(error)}") from None
    finally:
        if capture is not None:
            capture.close()
    say(_summary(played))
    return 1 if played.parted or script.left_out else 0


def _frames(file: Path, ports: tuple[int, ...], schema: Schema) -> Iterable[Frame]:
    """The frames of a capture. Raises Failure where it cannot be read to its end."""
    from chatroom.chatwire.capture import BrokenCapture
    from chatroom.chatwire.live import Failure
    from chatroom.chatwire.recordings import frames_of

    try:
        yield from frames_of(file, schema, ports)
    except BrokenCapture as broken:
        raise Failure(f"{file}: {broken}") from None
    except OSError as error:
        raise Failure(f"{file}: {error.strerror or error}") from None


def _context(tls: bool, authority: Path | None, insecure: bool) -> ssl.SSLContext | None:
    if not tls:
        return None
    from chatroom.chatwire.live import Failure
    from chatroom.chatwire.tls import server_side

    try:
        return server_side("h2", authority, insecure=insecure)
    except OSError:
        raise Failure(f"{authority} holds no certificate (PEM)") from None


def _capture(path: Path | None) -> CommentedCapture | None:
    from chatroom.chatwire.capture import CommentedCapture
    from chatroom.chatwire.live import Failure, say

    if path is None:
        return None
    try:
        return CommentedCapture(path, say)
    except OSError as error:
        raise Failure(f"cannot write to {path}: {error.strerror}") from None


def _nothing(_passage: Passage, _frames: Sequence[Frame]) -> None:
    pass


def _summary(played: Played) -> str:
    counts = {
        "connection": played.connections,
        "stream": played.streams,
        "message sent": played.sent,
        "received": played.received,
    }
    said = [f"{n} {_plural(noun, n)}" for noun, n in counts.items()]
    values = f"; {played.put_in} values carried over" if played.put_in else ""
    how = f"; parted from the recording {_times(played.parted)}" if played.parted else ""
    return f"{', '.join(said)} in {played.seconds:.1f} s{values}{how}"


def _plural(noun: str, count: int) -> str:
    if count == 1 or noun == "received":
        return noun
    return "messages sent" if noun == "message sent" else f"{noun}s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
