"""The options of `chatserver` for TLS."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .amounts import Amount
from .port.tls_limits import TlsLimits
from .settings import Tls

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_DEFAULTS = TlsLimits()
_OPTIONS = (
    click.option(
        "--tls-cert",
        type=_FILE,
        help="Certificate chain, PEM. It and its key are read again whenever the files change.",
    ),
    click.option("--tls-key", type=_FILE, help="Its private key, PEM."),
    click.option(
        "--tls-client-ca",
        type=_FILE,
        help="Ask clients for a certificate signed by this, PEM. For whom it stands says the file "
        "of --keys.",
    ),
    click.option(
        "--tls-client-required", is_flag=True, help="Let nobody in without such a certificate."
    ),
    click.option("--client-ca", type=_FILE, hidden=True),  # what earlier versions had for both
    click.option(
        "--tls-handshakes",
        type=click.IntRange(1),
        default=_DEFAULTS.handshakes,
        help="How many may be under way at once; above that the network that has most of them "
        "loses its oldest.",
    ),
    click.option(
        "--tls-handshake-timeout",
        type=Amount(0, min_open=True),
        default=_DEFAULTS.handshake_seconds,
        metavar="SECONDS",
        help="How long one may take.",
    ),
)


def tls_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and hand the command what they make: `tls` and `tls_limits`."""

    @functools.wraps(command)
    def with_tls(
        *args: Any, tls_cert: Path | None, tls_key: Path | None, tls_client_ca: Path | None,
        tls_client_required: bool, client_ca: Path | None, tls_handshakes: int,
        tls_handshake_timeout: float, **others: Any,
    ) -> None:  # fmt: skip
        if client_ca is not None:
            if tls_client_ca is not None:
                raise click.UsageError("--client-ca is --tls-client-ca with --tls-client-required")
            tls_client_ca, tls_client_required = client_ca, True
        return command(
            *args,
            tls=_tls(tls_cert, tls_key, tls_client_ca, required=tls_client_required),
            tls_limits=TlsLimits(
                handshakes=tls_handshakes, handshake_seconds=tls_handshake_timeout
            ),
            **others,
        )

    for option in reversed(_OPTIONS):
        with_tls = option(with_tls)
    return with_tls


def _tls(
    certificate: Path | None, key: Path | None, client_ca: Path | None, *, required: bool
) -> Tls | None:
    if client_ca is None and required:
        raise click.UsageError("--tls-client-required needs --tls-client-ca")
    if certificate is None and key is None:
        if client_ca is not None:
            raise click.UsageError("--tls-client-ca needs --tls-cert and --tls-key")
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together")
    return Tls(certificate=certificate, key=key, client_ca=client_ca, client_required=required)
