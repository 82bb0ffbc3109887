"""Names on the command line: where to listen, rooms, pages of other servers."""

from __future__ import annotations

import click

from chatroom.core.refusals import Refusal
from chatroom.core.room_ids import checked_room_id
from chatroom.wire.addresses import Address, AddressInvalid, PortInvalid
from chatroom.wire.origins import Origin, OriginInvalid


class ListenType(click.ParamType[Address]):
    """HOST:PORT; without HOST every address of this machine; port 0: any free one."""

    name = "address"

    def convert(
        self, value: str | Address, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(value, host="0.0.0.0", port=None, lowest=0)  # noqa: S104 # ":8080" means every address
        except PortInvalid as error:
            self.fail(f"cannot listen on {error.text!r}: {error}; 0: any free one", param, ctx)
        except AddressInvalid as error:
            self.fail(
                f"{error.text!r} is not an address to listen on: "
                "write host:port, as in 127.0.0.1:8080 or [::]:8080",
                param,
                ctx,
            )


class RoomIdType(click.ParamType[str]):
    """The id of a room."""

    name = "room"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return checked_room_id(value)
        except Refusal as error:
            self.fail(str(error), param, ctx)


class OriginType(click.ParamType[str]):
    """Where pages come from, or `*` for anywhere; as it was written."""

    name = "origin"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != "*":
            try:
                Origin.parse(value)
            except OriginInvalid as error:
                self.fail(str(error), param, ctx)
        return value
