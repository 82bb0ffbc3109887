"""The balancers of deploy/many-nodes, run as they stand there before two nodes.

Only addresses and files of certificates are put in.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.client.certificates import Pair

from .programs import ROOT
from .recipes import NGINX_TIMES, free_port, proxy_program, put, running_proxy

FOLDER = ROOT / "deploy" / "many-nodes"
NAMES = ("chat1", "chat2")
"""Of the nodes, in all files; each listens on 8080."""


def _with_addresses(file: str, addresses: Sequence[str]) -> str:
    places = zip(NAMES, addresses, strict=True)
    return put((FOLDER / file).read_text(), **{f"{name}:8080": where for name, where in places})


@contextlib.contextmanager
def nginx(directory: Path, addresses: Sequence[str], pair: Pair) -> Iterator[int]:
    """nginx with TLS before nodes: its port."""
    port = free_port()
    text = put(
        _with_addresses("nginx.conf", addresses),
        **{
            "listen 443 ": f"listen 127.0.0.1:{port} ",
            "/etc/nginx/chat.pem": str(pair.certificate),
            "/etc/nginx/chat-key.pem": str(pair.key),
        },
    )
    folders = "".join(
        f"    {kind}_temp_path {directory / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    defaults = "".join(f"    {each} 60s;\n" for each in NGINX_TIMES if each.startswith("client"))
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"daemon off;\nmaster_process off;\npid {directory / 'nginx.pid'};\n"
        "error_log stderr info;\nevents {}\n"
        f"http {{\n    access_log off;\n{folders}{defaults}{text}}}\n"
    )
    command = [proxy_program("nginx"), "-p", str(directory), "-e", "stderr"]
    with running_proxy([*command, "-c", str(configuration)], port):
        yield port


@contextlib.contextmanager
def haproxy(directory: Path, addresses: Sequence[str]) -> Iterator[int]:
    """HAProxy before nodes: its port. `rotation` says what it thinks of them."""
    port = free_port()
    text = put(
        _with_addresses("haproxy.cfg", addresses),
        **{
            "bind :8080": f"bind 127.0.0.1:{port}",
            "global\n": f"global\n    stats socket {directory / 'stats.sock'}\n",
        },
    )
    configuration = directory / "haproxy.cfg"
    configuration.write_text(text)
    with running_proxy([proxy_program("haproxy"), "-db", "-f", str(configuration)], port):
        yield port


def rotation(directory: Path) -> dict[str, bool]:
    """By node: whether HAProxy has checked it and sends newcomers there."""
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(directory / "stats.sock"))
        except (FileNotFoundError, ConnectionRefusedError):  # it comes after the port
            return dict.fromkeys(NAMES, False)
        asked.sendall(b"show stat\n")
        names, *rows = asked.makefile().read().strip().splitlines()
    columns = names.removeprefix("# ").split(",")
    found = [dict(zip(columns, row.split(","), strict=True)) for row in rows]
    return {
        row["svname"]: row["status"].startswith("UP") and row["check_status"].strip("* ") == "L7OK"
        for row in found
        if row["svname"] in NAMES
    }
