"""The server that a command asks. Little is imported for it: health is asked every few seconds."""

from __future__ import annotations

import click

from chatroom.wire.addresses import Address, AddressInvalid


class AskType(click.ParamType[Address]):
    """HOST:PORT of a server that is asked; without HOST the one on this machine."""

    name = "address"

    def __init__(self, port: int | None) -> None:
        """`port`: where it is asked if that is not said; None: it has to be."""
        self._port = port

    def convert(
        self, value: str | Address, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value, host="127.0.0.1", port=self._port)
        except AddressInvalid as error:
            self.fail(str(error), param, ctx)
