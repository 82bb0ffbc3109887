"""One HTTP request by hand, each on a connection of its own, in clear text or over TLS."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Protocol

from tests.faults.server_process import ServerProcess
from tests.interop.raw_http2 import Connection


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def listed(self, name: str) -> set[str]:
        """A header's value as a list, in lower case."""
        return {each.strip().lower() for each in self.headers.get(name, "").split(",")} - {""}


class Ask(Protocol):
    """One request on a connection of its own."""

    def __call__(
        self,
        server: ServerProcess,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes = b"",
        *,
        host: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> Answer: ...


def over_http1(
    server: ServerProcess,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes = b"",
    *,
    host: str = "",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    made = (
        HTTPSConnection(server.address, timeout=10, context=tls)
        if tls
        else HTTPConnection(server.address, timeout=10)
    )
    with contextlib.closing(made) as connection:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        fields = {"host": host or server.address, **headers, "content-length": str(len(body))}
        for name, value in fields.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())


def over_http2(
    server: ServerProcess,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes = b"",
    *,
    host: str = "",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    with Connection(server.address, tls) as connection:
        fields = {
            ":method": method,
            ":scheme": "https" if tls else "http",
            ":path": path,
            ":authority": host or server.address,
            **headers,
        }
        stream = connection.open(
            [(name.encode(), value.encode()) for name, value in fields.items()], end=not body
        )
        if body:
            connection.data(stream, body, end=True)
        response = connection.response(stream)
        told = {name.decode(): value.decode() for name, value in response.headers.items()}
        return Answer(response.http_status, told, response.data)
