"""Certificates for tests, made with openssl."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path


def openssl_program() -> str:
    """Where openssl is; without it the test is skipped, and with CI=true it fails."""
    program = shutil.which("openssl")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("openssl is not installed")
        pytest.skip("openssl is not installed")
    return program


def openssl(*arguments: str | Path) -> None:
    """Run openssl."""
    done = subprocess.run(
        [openssl_program(), *arguments], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr


def authority(directory: Path, name: str) -> Pair:
    """A certificate that may sign others."""
    pair = Pair(directory / f"{name}.pem", directory / f"{name}-key.pem")
    openssl(
        "req", "-x509", *CURVE, "-subj", f"/CN={name}",
        "-keyout", pair.key, "-out", pair.certificate,
    )  # fmt: skip
    return pair


def signed(directory: Path, ca: Pair, name: str, *others: str) -> Pair:
    """A certificate for a host, or a client, of this name; `others` as in DNS:… or IP:…."""
    pair = Pair(directory / f"{name}.pem", directory / f"{name}-key.pem")
    names = ",".join([f"DNS:{name}", *others])
    openssl(
        "req", "-x509", *CURVE, "-CA", ca.certificate, "-CAkey", ca.key, "-subj", f"/CN={name}",
        "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE",
        "-keyout", pair.key, "-out", pair.certificate,
    )  # fmt: skip
    return pair
