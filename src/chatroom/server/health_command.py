"""`chatserver health`: whether a server serves, for whatever asks by a command.

It is asked every few seconds, so it imports little: `__main__` runs it without the server's own
command line.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import ssl
import sys
from pathlib import Path

import click

from chatroom.wire.addresses import DEFAULT_PORT, Address, AddressInvalid

from .asked_address import AskType

PATH = "/grpc.health.v1.Health/Check"
SERVING = "SERVING"
MOST_BYTES = 1 << 16
"""Of an answer; that of a chatserver has some twenty."""


class NotHealthy(Exception):
    """The server does not serve, or nobody can tell; the sentence says why."""


def check(address: Address, service: str, *, certificate: Path | None, seconds: float) -> None:
    """Ask `grpc.health.v1.Health/Check`, over Connect and HTTP/1.1. Raises NotHealthy.

    `certificate`: the server speaks TLS and has to show this one; its name does not count.
    """
    connection: http.client.HTTPConnection
    if certificate is None:
        connection = http.client.HTTPConnection(*address, timeout=seconds)
    else:
        try:
            context = _trusting(certificate)
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror or str(error)
            raise NotHealthy(f"cannot use {certificate}: {why.lower()}") from error
        connection = http.client.HTTPSConnection(*address, timeout=seconds, context=context)
    try:
        body = json.dumps({"service": service})
        connection.request("POST", PATH, body, {"content-type": "application/json"})
        response = connection.getresponse()
        answer = response.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NotHealthy(f"{address} cannot be asked: {why.lower()}") from error
    finally:
        connection.close()
    try:
        told = json.loads(answer)
        status, refused = told.get("status", ""), told.get("message", "")
    except (ValueError, AttributeError):
        status, refused = "", ""
    if response.status != http.HTTPStatus.OK or not status:
        why = refused or f"HTTP {response.status}"
        raise NotHealthy(f"{address} does not tell of {service!r}: {why}")
    if status != SERVING:
        raise NotHealthy(f"{address} is {status}" + (f" for {service}" if service else ""))


def _trusting(certificate: Path) -> ssl.SSLContext:
    """What takes this certificate alone, whoever has signed it, and whatever it is for."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def here(bind: str) -> str:
    """Where a server that listens so can be asked on its own machine; `bind`: the first counts."""
    first = (bind.split() or [""])[0]
    try:
        address = Address.parse(first, host="127.0.0.1") if first else Address("127.0.0.1")
        if ipaddress.ip_address(address.host).is_unspecified:
            loopback = "::1" if ":" in address.host else "127.0.0.1"
            address = Address(loopback, address.port)
    except AddressInvalid:
        return first  # what is wrong with it is told
    except ValueError:  # a name
        pass
    return str(address)


@click.command("health", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "address",
    type=AskType(port=DEFAULT_PORT),
    default=lambda: here(os.environ.get("CHATSERVER_BIND", "")),
    metavar="[HOST:PORT]",
)
@click.option(
    "--service",
    default="",
    help="rpc.ChatService: whether it serves newcomers too. Else: whether it should run on.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CHATSERVER_TLS_CERT",
    help="The server speaks TLS, and has to show the certificate in this file.",
)
@click.option(
    "--timeout", type=click.FloatRange(0.1, 60), default=3.0, help="Seconds.", show_default=True
)
def health_command(address: Address, service: str, tls_cert: Path | None, timeout: float) -> None:
    """Ask a running server whether it serves. Exit codes: 0 it does, 1 not.

    Without HOST:PORT it asks where CHATSERVER_BIND says that the server listens, on this machine,
    or 127.0.0.1:8080; with CHATSERVER_TLS_CERT over TLS. So in a container it needs no options.
    It asks as a balancer does, by grpc.health.v1. A server with --proxy-protocol or
    --tls-client-required refuses it: ask /livez of --ops-bind there.
    """
    try:
        check(address, service, certificate=tls_cert, seconds=timeout)
    except NotHealthy as error:
        click.echo(f"chatserver: {error}", err=True)
        sys.exit(1)
    click.echo(SERVING)
