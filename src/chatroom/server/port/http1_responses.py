"""The bytes of an HTTP/1.1 response: its head, and how its body is framed."""

from __future__ import annotations

import enum
import http
import re
import time
from collections.abc import Iterable
from email.utils import formatdate

from .http1_requests import RequestHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a field's value, or is none of it (RFC 9110, 5.5)."""
OURS = frozenset({b"connection", b"transfer-encoding", b"keep-alive", b"upgrade"})
"""Fields about this connection (RFC 9110, 7.6.1): not the application's to set."""


class Framing(enum.Enum):
    """How the peer knows where a body ends (RFC 9112, 6.3)."""

    NONE = enum.auto()
    """There is none, whatever the application writes: HEAD, 204, 304."""
    LENGTH = enum.auto()
    CHUNKED = enum.auto()
    CLOSE = enum.auto()
    """Where the connection ends: HTTP/1.0, which has no chunks."""


class ResponseError(RuntimeError):
    """The application has broken the rules of ASGI or of HTTP."""


class Response:
    """What one response looks like on the wire; `head` comes first, then its body in pieces."""

    __slots__ = ("_remaining", "framing", "head", "keep_alive")

    def __init__(
        self,
        request: RequestHead,
        status: int,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        keep_alive: bool,
    ) -> None:
        """`keep_alive` becomes false where the response itself is the connection's last.

        Raises ResponseError.
        """
        if not 200 <= status <= 999:
            raise ResponseError(f"{status} is not the status of a response")
        length: bytes | None = None
        dated = False
        lines = [status_line(status)]
        for name, value in headers:
            name = name.lower()
            if name in OURS:
                if name == b"connection" and value.strip().lower() == b"close":
                    keep_alive = False
                continue
            if NAME.fullmatch(name) is None or FORBIDDEN.search(value):
                raise ResponseError(f"not a header field: {name!r}: {value!r}")
            if name == b"content-length":
                if status == 204:  # may not have one (RFC 9110, 8.6)
                    continue
                if length is not None or not value.isdigit():
                    raise ResponseError(f"no content-length: {value!r}")
                length = value
            dated = dated or name == b"date"
            lines.append(name + b": " + value + b"\r\n")
        if request.method == "HEAD" or status in (204, 304):
            self.framing = Framing.NONE
        elif length is not None:
            self.framing = Framing.LENGTH
        elif request.version == "1.1":
            self.framing = Framing.CHUNKED
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            self.framing = Framing.CLOSE
            keep_alive = False
        if not keep_alive:
            lines.append(b"connection: close\r\n")
        elif request.version == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        if not dated:
            lines.append(date_line())
        lines.append(b"\r\n")
        self.head = b"".join(lines)
        self.keep_alive = keep_alive
        self._remaining = int(length or b"0") if self.framing is Framing.LENGTH else 0

    def body(self, piece: bytes | memoryview, *, last: bool) -> bytes | memoryview:
        """A piece of the body as it is sent; b"" where nothing is.

        Raises ResponseError where it is not as long as was said.
        """
        if self.framing is Framing.CHUNKED:
            end = b"0\r\n\r\n" if last else b""
            return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n", end)) if piece else end
        if self.framing is Framing.NONE:
            return b""
        if self.framing is Framing.LENGTH:
            self._remaining -= len(piece)
            if self._remaining < 0 or (last and self._remaining):
                raise ResponseError("the response is not as long as its content-length says")
        return piece


def refusal(status: int, reason: str) -> bytes:
    """A whole response that ends its connection."""
    text = reason.encode() + b"\n"
    allow = b"allow: GET, HEAD, POST, OPTIONS\r\n" if status == 405 else b""
    return b"".join(
        (
            status_line(status),
            b"content-type: text/plain; charset=utf-8\r\n",
            b"content-length: %d\r\n" % len(text),
            allow,
            b"connection: close\r\n",
            date_line(),
            b"\r\n",
            text,
        )
    )


def status_line(status: int) -> bytes:
    """The first line, with the reason that goes with the status (RFC 9112, 4)."""
    line = STATUS_LINES.get(status)
    return line if line is not None else b"HTTP/1.1 %d \r\n" % status


STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode())
    for status in http.HTTPStatus
}

_date = (0, b"")


def date_line() -> bytes:
    """`Date` (RFC 9110, 6.6.1), made once a second."""
    global _date  # a cache of one value
    now = int(time.time())
    if _date[0] != now:
        _date = now, b"date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
    return _date[1]
