"""`chatwire read`: what a capture holds, as the tap would have printed it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from chatroom.chatwire.endpoints import port_option
from chatroom.chatwire.show.options import show_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.decode import Decoder
    from chatroom.chatwire.diagrams.forms import Drawer
    from chatroom.chatwire.show.printer import Printer, Show

STANDARD_INPUT = "-"


@click.command(short_help="Print a capture of chatwire, tcpdump or Wireshark.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@port_option
@show_options
@click.option(
    "--proto",
    type=click.Path(exists=True, dir_okay=False, readable=True),
    metavar="FILE",
    help="A .proto file or descriptor set that describes the messages. Without it: the chat's own.",
)
@click.option(
    "--diagram",
    type=click.Choice(["svg", "mermaid", "html"]),
    help="Draw the frames instead: streams as lanes, time downwards, windows as curves. svg is an "
    "image, mermaid text for Markdown, html one file with search and the details of each frame.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="With --diagram: write it to FILE, not to standard output.",
)
def read(
    file: str,
    port: tuple[int, ...],
    show: Show,
    proto: str | None,
    diagram: str | None,
    output: str | None,
) -> int:
    """Print a capture, written by chatwire, tcpdump, tshark, dumpcap or Wireshark.

    \b
    FILE is pcapng or pcap, gzipped or not; - is standard input, also while it is written:
        tcpdump -i lo -U -w - tcp port 8080 | chatwire read -
        chatwire read chat.pcapng --diagram html -o chat.html

    What was encrypted cannot be read: chatwire --tls --write captures what is inside.
    A damaged capture, or one without its end, is printed as far as it is sound; the exit
    code is then 1. It is also 1 if there is no connection, or none with --port.
    """  # noqa: D301 - click wants the character
    from pathlib import Path

    from chatroom.chatwire.capture import BrokenCapture
    from chatroom.chatwire.decode import Decoder
    from chatroom.chatwire.live import Failure, say
    from chatroom.chatwire.schema import SchemaUnusable, open_schema
    from chatroom.chatwire.show.printer import Patient, Printer

    if diagram and (show.json or show.verbose or show.summary):
        raise click.UsageError("--diagram draws what --json, --verbose and --summary would print")
    if output and not diagram:
        raise click.UsageError("--output is for --diagram: add it")
    if output and file != STANDARD_INPUT and Path(output).exists() and Path(output).samefile(file):
        raise click.UsageError("--output would overwrite the capture that is drawn")
    try:
        decoder = Decoder(open_schema(Path(proto) if proto else None))
    except (SchemaUnusable, OSError) as error:
        raise Failure(str(error)) from None
    if hasattr(sys.stdout, "reconfigure"):
        # Who reads while a capture is written wants its lines at once.
        at_once = file == STANDARD_INPUT or sys.stdout.isatty()
        sys.stdout.reconfigure(errors="backslashreplace", line_buffering=at_once)
    name = "standard input" if file == STANDARD_INPUT else file
    printer = (
        _drawer(diagram, name, show, output) if diagram else Printer(show, Patient(sys.stdout))
    )
    try:
        try:
            found = _print(file, port, decoder, printer)
        finally:
            printer.finish()
        if left_out := getattr(printer, "left_out", 0):
            say(f"{left_out:,} more frames are not drawn: --stream, --frame, --hide, --port choose")
        if found and not printer.wanted:
            say("none of the frames in it is one of those asked for")
    except BrokenCapture as broken:
        wrong = f"{broken}; what is before that is shown above" if broken.position else broken.what
        raise Failure(f"{name}: {wrong}") from None
    except BrokenPipeError:
        # Whoever read the lines has enough; nothing may be flushed there at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise Failure(f"{name}: {error.strerror or error}") from None
    else:
        return 0 if found else 1
    return 0


def _drawer(diagram: str, name: str, show: Show, output: str | None) -> Drawer:
    """What draws instead of printing. Raises Failure where the file cannot be written."""
    from pathlib import Path

    from chatroom.chatwire.diagrams.forms import Drawer, Form

    return Drawer(Form(diagram), Path(name).name, show.shown, _writer(output))


def _writer(output: str | None) -> Callable[[str], None]:
    from pathlib import Path

    from chatroom.chatwire.live import Failure

    def to_standard_output(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    if output is None:
        return to_standard_output
    path = Path(output)

    def to_file(text: str) -> None:
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failure(f"cannot write to {path}: {error.strerror}") from None

    return to_file


def _print(file: str, ports: tuple[int, ...], decoder: Decoder, printer: Printer | Drawer) -> bool:
    """Whether anything was there to print; if not, that is said."""
    from chatroom.chatwire.capture import BrokenCapture, read_capture
    from chatroom.chatwire.live import say
    from chatroom.chatwire.watch import finish, look

    found = False
    source = sys.stdin.fileno() if file == STANDARD_INPUT else file
    with open(source, "rb", closefd=file != STANDARD_INPUT) as opened:
        try:
            for passage in read_capture(opened, server_ports=ports, say=say):
                found = True
                look(passage, decoder, printer, None, say)
        except BrokenCapture:
            finish(decoder, printer, say)
            raise
    finish(decoder, printer, say)
    return found
