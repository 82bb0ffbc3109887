"""Networks on the command line: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7."""

from __future__ import annotations

import ipaddress

import click

from .port.clients import Network


class NetworkType(click.ParamType[Network]):
    """An IP address, or all that begin alike."""

    name = "network"

    def convert(
        self, value: str | Network, param: click.Parameter | None, ctx: click.Context | None
    ) -> Network:
        if not isinstance(value, str):
            return value
        try:
            return ipaddress.ip_network(value.strip())
        except ValueError as error:
            self.fail(f"{error}; write 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7", param, ctx)
