"""`chatwire` without a command: runs a tap until it is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import signal
import ssl
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from chatroom import interrupts
from chatroom.chatwire.complaints import Complaints
from chatroom.chatwire.handshake import why_failed
from chatroom.chatwire.schema import Reflected, SchemaUnusable, open_schema
from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.line import legend
from chatroom.chatwire.show.printer import arrows_for
from chatroom.chatwire.tap import Tap, reason
from chatroom.chatwire.top.terminal import restore
from chatroom.chatwire.watch import Watching
from chatroom.chatwire.watcher import Watcher
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatroom.chatwire.tapping import Encryption, Tapping
    from chatroom.chatwire.top.screen import Drawn

    Beside = Callable[[Tap, Callable[[str], object]], Callable[[], None]]


class Failure(click.ClickException):
    """The tap cannot run: shown as `chatwire: message`, exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 # as click calls it
        say(self.message)


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    with contextlib.suppress(OSError):  # whoever would read it is gone
        click.echo(f"chatwire: {harmless(sentence)}", err=True)


def run_tap(
    tapping: Tapping,
    tap: Callable[..., Tap] = Tap,
    beside: Beside = lambda _tap, _say: lambda: None,
    table: Drawn | None = None,
) -> int:
    """Tap until SIGINT or SIGTERM; the exit code. Raises Failure with a sentence.

    `tap` makes the tap. `beside` is called once it listens, with what says sentences; what it
    returns is called at the end. `table`:
    draw a table of streams in place of frames.
    """
    proto, encryption, write = tapping.proto, tapping.encryption, tapping.write
    try:
        if proto is not None:
            open_schema(proto)  # to complain before anything listens
    except SchemaUnusable as error:
        raise Failure(str(error)) from None
    client_tls, server_tls = contexts(tapping.listen, encryption)
    held = contextlib.nullcontext() if write is None else open_to_write(write)  # likewise
    reflect = reflected(tapping.to, encryption) if tapping.reflection else None
    trust = None
    if encryption is not None:
        trust = str(encryption.certificate_file or "FILE (--tls-ca-file FILE writes it)")
    watching = Watching(show=tapping.show, proto=proto, reflect=reflect, write=write, table=table)
    make = functools.partial(tap, client_tls=client_tls, server_tls=server_tls)
    try:
        with held:
            return interrupts.run(
                _tap(tapping.listen, tapping.to, watching, make, trust, beside), loop_factory()
            )
    except OSError as error:
        raise Failure(f"cannot listen on {tapping.listen}: {error.strerror}") from None


def open_to_write(path: Path) -> contextlib.AbstractContextManager[object]:
    """The file of a capture, made if there is none. Raises Failure.

    A named pipe has to be held open: its reader would see an end if it was closed before the
    process that writes has opened it too.
    """
    try:
        if path.is_fifo():
            return os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb")
        return path.open("ab")
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise Failure(f"nobody reads {path}, a named pipe: start the reader first") from None
        raise Failure(f"cannot write to {path}: {error.strerror}") from None


async def _tap(
    listen: Address,
    to: Address,
    watching: Watching,
    make: Callable[..., Tap],
    trust: str | None,
    beside: Beside,
) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    complaints = Complaints()
    watcher: Watcher | None = None

    def observe(passage: Any) -> None:
        assert watcher is not None
        watcher.observe(passage)

    def stop() -> None:
        loop.call_soon_threadsafe(over.set)

    tap = make(
        to,
        observe,
        listen=listen,
        complain=lambda error: complaints.say(
            f"cannot connect to {to}: {reason(error)} ({advice(error)})"
        ),
        refused=lambda error: complaints.say(
            f"a client's TLS handshake failed: {why_failed(error)}"
        ),
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, over.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: stop())
    # The process is started once the port is ours, and before anything can connect.
    async with tap:
        watcher = Watcher(watching, stop, complaints.say)
        complaints.say(f"{tap.address} -> {to}")
        for line in hints(tap.bound, trust)[: None if watching.table is None else 1]:
            complaints.say(line)
        afterwards = beside(tap, complaints.say)
        await over.wait()
    code = await asyncio.to_thread(watcher.finish)
    afterwards()
    if watching.table is not None and code:
        # Who draws was killed, perhaps, and could not put the terminal back.
        restore(sys.stdout)
    await asyncio.to_thread(complaints.finish)
    return code


def advice(error: OSError) -> str:
    """What to do when the server cannot be reached."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "--to-ca names whom to believe, --to-insecure believes any"
    if isinstance(error, ssl.SSLError) or (isinstance(error, ConnectionError) and not error.errno):
        return "without --tls, the tap does not either"
    return "is the server running? --to names it"


def hints(bound: Address, trust: str | None) -> list[str]:
    """What to do next, and how to read what comes then.

    `trust`: with TLS, the file with the certificate that clients have to trust.
    """
    host, port = bound
    local = host in ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    address = Address("localhost" if local else host, port)
    client = f"chatter --host {address}" + (f" --ca {trust}" if trust else "")
    return [f"in another terminal: {client}", legend(arrows_for(sys.stdout.encoding))]


def contexts(
    listen: Address, encryption: Encryption | None
) -> tuple[ssl.SSLContext | None, Callable[[str | None], ssl.SSLContext] | None]:
    """TLS for clients, and what makes that for the server. Raises Failure."""
    if encryption is None:
        return None, None
    from chatroom.chatwire import tls

    certificate, key = tls.made_certificate(tls.names_here(listen.host))
    if (file := encryption.certificate_file) is not None:
        try:
            file.write_bytes(certificate)
        except OSError as error:
            raise Failure(f"cannot write {file}: {error.strerror}") from None

    @functools.cache  # reading the certificates that the system believes takes 0.1 s
    def for_server(protocol: str | None) -> ssl.SSLContext:
        return tls.server_side(protocol, encryption.authority, insecure=encryption.insecure)

    try:
        for_server(tls.PROTOCOLS[0])  # to complain before anything listens
    except OSError:
        raise Failure(f"{encryption.authority} holds no certificate (PEM)") from None
    return tls.client_side(certificate, key), for_server


def reflected(to: Address, encryption: Encryption | None) -> Reflected | None:
    """How to ask the server for its schema; None where it cannot be believed."""
    if encryption is None:
        return Reflected(address=str(to))
    if encryption.insecure:
        return None  # grpcio has no way to believe any server
    authority = encryption.authority.read_bytes() if encryption.authority else None
    return Reflected(address=str(to), tls=True, authority=authority)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Of uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
