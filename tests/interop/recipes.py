"""The recipes of docs/proxies.md, run as they stand there.

Only addresses, files of certificates and, where a test asks for it, times are put in.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.client.certificates import Pair

from .programs import ROOT, SECONDS, tool

PAGE = ROOT / "docs" / "proxies.md"
SERVER = "127.0.0.1:8080"
"""Where the page has chatserver listen."""
NGINX_TIMES = (
    "client_body_timeout", "client_header_timeout", "grpc_read_timeout", "grpc_send_timeout",
    "proxy_read_timeout", "proxy_send_timeout", "send_timeout",
)  # fmt: skip
"""What a recipe leaves as it is: 60 s each (nginx.org)."""
_TIME = re.compile(r"(timeout\s+(?:(?:client|server|connect)\s+)?)(\d+)(s|m|h)\b")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def recipe(name: str) -> str:
    """The block of the page under this name."""
    found = re.search(
        rf"^<!-- recipe: {re.escape(name)} -->\n```\w+\n(.*?)^```",
        PAGE.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, f"{PAGE} has no recipe for {name}"
    return found[1]


def put(text: str, **places: str) -> str:
    """The text with other values; each must be in it."""
    for old, new in places.items():
        assert old in text, f"{old} is not in the recipe"
        text = text.replace(old, new)
    return text


def hurried(text: str, tenth: bool) -> str:
    """The text with a tenth of each of its time-outs, or as it is."""
    if not tenth:
        return text
    return _TIME.sub(lambda found: f"{found[1]}{int(found[2]) * _UNITS[found[3]] * 100}ms", text)


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def nginx(
    directory: Path,
    server: str,
    name: str = "nginx",
    *,
    pair: Pair | None = None,
    add: str = "",
    tenth: bool = False,
) -> Iterator[int]:
    """nginx before a server, by a recipe, and what stands in `add` in its location: the port."""
    program = proxy_program("nginx")
    port = free_port()
    text = put(recipe(name), **{SERVER: server})
    if pair is None:
        text = put(text, **{"listen 80;": f"listen 127.0.0.1:{port};"})
    else:
        text = put(
            text,
            **{
                "listen 443 ": f"listen 127.0.0.1:{port} ",
                "/etc/nginx/chat.pem": str(pair.certificate),
                "/etc/nginx/chat-key.pem": str(pair.key),
            },
        )
    text = put(text, **{"location / {\n": f"location / {{\n{add}"})
    defaults = "".join(f"    {each} 60s;\n" for each in NGINX_TIMES)
    folders = "".join(
        f"    {kind}_temp_path {directory / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"daemon off;\nmaster_process off;\npid {directory / 'nginx.pid'};\n"
        "error_log stderr info;\nevents {}\n"
        + hurried(f"http {{\n    access_log off;\n{folders}{defaults}{text}}}\n", tenth)
    )
    command = [program, "-p", str(directory), "-e", "stderr", "-c", str(configuration)]
    with running_proxy(command, port):
        yield port


@contextlib.contextmanager
def haproxy(
    directory: Path,
    server: str,
    name: str = "haproxy",
    *,
    pair: Pair | None = None,
    times: str = "",
    changed: dict[str, str] | None = None,
    tenth: bool = False,
) -> Iterator[int]:
    """HAProxy before a server, by a recipe; `times` take the place of its own: the port."""
    program = proxy_program("haproxy")
    port = free_port()
    text = put(recipe(name), **{SERVER: server, "bind :443": f"bind 127.0.0.1:{port}"})
    if pair is not None:
        both = directory / "chat.pem"
        both.write_text(pair.certificate.read_text() + pair.key.read_text())
        text = put(text, **{"/etc/haproxy/chat.pem": str(both)})
    if times:
        text = re.sub(r"^ +timeout (client|server) .*\n", "", text, flags=re.MULTILINE)
        text = put(text, **{"    timeout connect 5s\n": f"    timeout connect 5s\n{times}"})
    configuration = directory / "haproxy.cfg"
    configuration.write_text(hurried(put(text, **(changed or {})), tenth))
    with running_proxy([program, "-db", "-f", str(configuration)], port):
        yield port


def proxy_program(name: str) -> str:
    """Where Debian installs it, which is not on everybody's PATH."""
    path = Path("/usr/sbin") / name
    return str(path) if path.exists() else tool(name)


@contextlib.contextmanager
def running_proxy(command: Sequence[str], port: int) -> Iterator[None]:
    """A program from when it listens to the end of the block."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            _await_listener(process, port)
            yield
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=SECONDS)
            sys.stderr.write(said.decode(errors="replace"))


def _await_listener(process: subprocess.Popen[bytes], port: int) -> None:
    late = time.monotonic() + SECONDS
    while True:
        assert process.poll() is None, "the proxy has ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < late, "the proxy does not listen"
            time.sleep(0.01)
        else:
            return
