"""Addresses, ports and files on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from chatroom.wire.addresses import Address, AddressInvalid

READABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
WRITABLE = click.Path(dir_okay=False, writable=True, path_type=Path)


class HostAndPort(click.ParamType[Address]):
    """HOST:PORT."""

    name = "HOST:PORT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value, port=None, lowest=0)
        except AddressInvalid as error:
            self.fail(str(error), param, ctx)


port_option = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    multiple=True,
    metavar="N",
    help="Only connections with this port; the side that has it is the server. May be repeated.",
)
"""Which connections of a capture."""
