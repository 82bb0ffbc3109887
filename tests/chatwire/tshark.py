"""tshark, as installed: what it makes of a capture."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop.programs import ROOT, SECONDS, tool

KIT = ROOT / "tools" / "wireshark.py"


@dataclass(frozen=True)
class Listed:
    """A frame in tshark's list."""

    sender_port: int
    kind: str
    stream: int
    length: int


def run_tshark(*arguments: str) -> str:
    """What tshark prints with the settings of whoever runs this."""
    return _output([tool("tshark"), *arguments], dict(os.environ))


def tshark(*arguments: str, home: Path) -> str:
    """What tshark prints with no settings at all: its configuration directory is empty."""
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(home / "no settings")}
    return _output([tool("tshark"), *arguments], environment)


def kit(*arguments: str) -> str:
    """What our tool for Wireshark prints."""
    tool("tshark")
    return _output([sys.executable, str(KIT), *arguments], dict(os.environ))


def tshark_with_kit(*arguments: str, options: Sequence[str] = ()) -> str:
    """What tshark prints with our profile; `options` are those of our tool."""
    return kit(*options, "tshark", *arguments)


def frames(path: Path, *, home: Path, port: int = 8080) -> list[Listed]:
    """Every HTTP/2 frame, in order, as tshark lists it without settings.

    `port` is where HTTP/2 is spoken, should it not be 8080.
    """
    fields = ["tcp.srcport", "http2.type", "http2.streamid", "http2.length"]
    printed = tshark(
        *("-r", str(path), "-Y", "http2.type", "-T", "fields", "-d", f"tcp.port=={port},http2"),
        *(each for field in fields for each in ("-e", field)),
        home=home,
    )
    listed = []
    for line in printed.splitlines():
        source, *columns = line.split("\t")
        for kind, stream, length in zip(*(each.split(",") for each in columns), strict=True):
            listed.append(Listed(int(source), NAMES[int(kind)], int(stream), int(length)))
    return listed


NAMES = {
    0: "DATA",
    1: "HEADERS",
    2: "PRIORITY",
    3: "RST_STREAM",
    4: "SETTINGS",
    5: "PUSH_PROMISE",
    6: "PING",
    7: "GOAWAY",
    8: "WINDOW_UPDATE",
    9: "CONTINUATION",
}
"""RFC 9113, section 6."""


def _output(command: list[str], environment: dict[str, str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)
    assert 0 == run.returncode, f"{command}\n{run.stdout}\n{run.stderr}"
    return run.stdout
