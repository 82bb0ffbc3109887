"""`chatserver dev-cert`: certificates for trials, and what to type next."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from .dev_certificates import ALWAYS, Made, NotMade, make
from .durations import Duration

_PORT = 8443


@click.command("dev-cert")
@click.argument("hosts", nargs=-1, metavar="[NAME]...")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="here",
    help="Where to write the files.",
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="NAME",
    help="Make a client's certificate too, by which the server knows NAME; may be given more than "
    "once.",
)
@click.option("--valid-for", type=Duration(), default="30d", metavar="DURATION", show_default=True)
@click.option("--force", is_flag=True, help="Replace the files of an earlier time.")
def dev_certificate_command(
    hosts: tuple[str, ...], directory: Path, clients: tuple[str, ...], valid_for: int, force: bool
) -> None:
    """Make certificates to try TLS with, and say what to type next.

    A CA, and a certificate for localhost and for each NAME (a host's name or its address). The
    CA's key is not kept: it signs nothing else. For a server that others rely on, get a
    certificate from a CA that they trust already.
    """
    try:
        made = make(directory, hosts, clients, seconds=valid_for, force=force)
    except NotMade as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)
    click.echo(_report(made, hosts))


def _report(made: Made, hosts: tuple[str, ...]) -> str:
    ca = shlex.quote(str(made.ca))
    server = made.server
    serve = (
        f"  chatserver --bind localhost:{_PORT} --tls-cert {shlex.quote(str(server.certificate))} "
        f"--tls-key {shlex.quote(str(server.key))}"
    )
    names = ", ".join(dict.fromkeys((*ALWAYS, *hosts)))
    lines = [
        f"{made.ca}: the CA, for those who are to trust the server",
        f"{server.certificate}, {server.key}: the server's, for {names}",
    ]
    lines += [
        f"{pair.certificate}, {pair.key}: those of the client {name}"
        for name, pair in made.clients.items()
    ]
    shown = curl = grpcurl = ""
    if made.clients:
        serve += f" --tls-client-ca {ca}"
        name, pair = next(iter(made.clients.items()))
        certificate, key = shlex.quote(str(pair.certificate)), shlex.quote(str(pair.key))
        shown = f" --cert {certificate} --key {key}"
        curl = shown
        grpcurl = f" -cert {certificate} -key {key}"
    lines += [
        "",
        "Start a server, and then talk to it:",
        "",
        f"{serve} --room lobby",
        f"  chatter --host localhost:{_PORT} --ca {ca}{shown}",
        f"  grpcurl -cacert {ca}{grpcurl} localhost:{_PORT} rpc.ChatService/ListChatRooms",
        f"  curl --cacert {ca}{curl} https://localhost:{_PORT}/healthz",
    ]
    if made.clients:
        lines += [
            "",
            f"For whom the certificate of {name} stands says the file of --keys:",
            "",
            f"  [certificates.{name}]",
            f'  subject = "CN={name}"',
            f'  sub = "{name}"',
            '  chat = { rooms = ["lobby"] }',
        ]
    return "\n".join(lines)
