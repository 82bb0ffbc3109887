"""What a server has to be told before others than this machine may reach it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from chatroom.core.grants import EVERYTHING, NOTHING, Grant, Right, anonymous
from chatroom.wire.addresses import Address

EVERYBODY = (
    "- everybody may do everything: give --keys (`chatserver keys create` makes some), or "
    "--anonymous join,send,history,list for what anybody may, or --open for everything"
)
"""What is missing where nobody has said who may do what, and what to type."""


class Rights(click.ParamType[Grant]):
    """Words of `Right` with commas between; `all`, `none`."""

    name = "rights"

    def convert(
        self, value: str | Grant, param: click.Parameter | None, ctx: click.Context | None
    ) -> Grant:
        if isinstance(value, Grant):
            return value
        words = [word.strip() for word in value.split(",") if word.strip()]
        if words == ["all"]:
            return EVERYTHING
        if words == ["none"]:
            return NOTHING
        if Right.CREATE_MODERATES in words:
            self.fail(
                f"{Right.CREATE_MODERATES} needs an identity, which nobody has without a token",
                param,
                ctx,
            )
        try:
            return anonymous(words)
        except ValueError:
            known = ", ".join(Right)
            self.fail(f"{value!r} is not made of these words: {known}; or all, or none", param, ctx)

    @staticmethod
    def written(grant: Grant) -> str:
        """The words for what an option can grant."""
        if grant == EVERYTHING:
            return "all"
        return ",".join(right for right in Right if right in grant.rights) or "none"


def check_exposed(
    addresses: Iterable[Address],
    *,
    tls: bool,
    insecure: bool,
    identities: bool,
    is_open: bool,
    proxied: bool = False,
) -> None:
    """Raise UsageError where others can reach what protects nothing, and nobody has said so.

    `identities`: it was said who may do what. `proxied`: so was that a proxy is before it, by
    which others reach it wherever it listens; whether that has TLS is not known here.
    """
    reached = next((address for address in addresses if not address.loopback), None)
    if reached is None:
        if proxied and not (identities or is_open):
            raise click.UsageError(f"others reach this server by a proxy, and\n{EVERYBODY}")
        return
    missing = []
    if not (tls or insecure):
        missing.append(
            "- nothing is encrypted: give --tls-cert and --tls-key, or --insecure if a proxy "
            "does that"
        )
    if not (identities or is_open):
        missing.append(EVERYBODY)
    if missing:
        raise click.UsageError(
            f"{reached} can be reached from other machines, and\n" + "\n".join(missing)
        )
