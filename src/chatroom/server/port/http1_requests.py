"""What requests the bytes of an HTTP/1.1 connection are: llhttp, and what it leaves to us.

The parser is Node's llhttp, by httptools. What it takes and we do not, and the reverse, is
in docs/decisions/0014-http1.md; RFC 9112 is the source where no other is named.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

import httptools

from .asgi import Headers
from .http1_limits import Http1Limits

HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
"""uri-host and port (RFC 3986, 3.2.2), near enough that no delimiter of a URI is in it."""
ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)


class BadRequest(Exception):
    """A request that is answered here; nothing after it on the connection is read."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class NotHttp(BadRequest):
    """Bytes that llhttp takes for no request."""

    def __init__(self, reason: str, piece: bytes) -> None:
        """`piece` begins where the connection does, or with something in a later request."""
        super().__init__(400, reason)
        self.piece = piece


class Flood(BadRequest):
    """More work than content."""


@dataclass(frozen=True, slots=True)
class Endless:
    """Paths of which a part of an exchange lasts as long as its client wants."""

    requests: AbstractSet[str] = frozenset()
    """Their bodies have neither a bound nor an idle time-out."""
    responses: AbstractSet[str] = frozenset()
    """Each is the last on its connection, and ends with the peer's side of it."""


NOTHING_ENDLESS = Endless()


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request whose body is still to come."""

    method: str
    version: str
    """`1.0` or `1.1`."""
    path: str
    """Decoded; `*` for the request that is about the server (3.2.4)."""
    raw_path: bytes
    query: bytes
    headers: Headers
    """Names in lower case. Host is the target's own where that is in absolute form (3.2.2)."""
    keep_alive: bool
    """Another request may follow."""
    expects_continue: bool
    """The body may be held back until it is asked for (RFC 9110, 10.1.1)."""
    streaming: bool
    """Its body has neither a bound nor an idle time-out."""
    lasts: bool
    """Its response does: see `Endless`."""


class BehindTheLast(Exception):
    """Another request on a connection that serves no more; it is dropped (RFC 9112, 9.6)."""


class Requests(Protocol):
    """Who is told; in this order, and `body` as often as bytes come."""

    def request_begun(self, head: RequestHead) -> None: ...
    def request_body(self, data: bytes) -> None: ...
    def request_ended(self) -> None: ...


class Stage(enum.Enum):
    """Where in a request the next byte falls."""

    BETWEEN = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    RESUMED = enum.auto()
    """In the head that we give a parser to go on with a body (see `_resume`)."""
    OVER = enum.auto()
    """The last request has ended; bytes behind it are dropped."""


def _remembered(callback: Callable[..., None]) -> Callable[..., None]:
    """A callback of llhttp's that remembers what it raises.

    httptools hands that on as its own error's context. Python puts another one in its place if
    we are called while an error is handled: an application refuses a request, whose end has the
    next one parsed.
    """

    @functools.wraps(callback)
    def remembering(reader: RequestReader, *arguments: bytes) -> None:
        try:
            callback(reader, *arguments)
        except Exception as error:
            reader.raised = error
            raise

    return remembering


class RequestReader:
    """Takes the bytes of one connection, in pieces of at most `piece_bytes`."""

    __slots__ = (
        "_endless",
        "_framing",
        "_headers",
        "_last",
        "_limits",
        "_overhead",
        "_parser",
        "_requests",
        "_target",
        "_unbounded",
        "body_bytes",
        "fields",
        "raised",
        "stage",
    )

    def __init__(self, requests: Requests, limits: Http1Limits, endless: Endless) -> None:
        self._requests = requests
        self._limits = limits
        self._endless = endless
        self._parser = self._new_parser()
        self.stage = Stage.BETWEEN
        self.body_bytes = 0
        """Of the current request, so far."""
        self.fields = 0
        self._overhead = 0
        """Bytes of the current head; after it, of its body but for the content."""
        self._target = b""
        self._headers: Headers = []
        self._framing: bytes | None = None
        """The framing of a request that asks for an upgrade, until its body is resumed."""
        self._last = False
        self._unbounded = False
        self.raised: Exception | None = None
        """What a callback has raised."""

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # Bytes behind a request with `Connection: close` are dropped rather than an error:
        # the request before them is good.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def feed(self, piece: bytes) -> None:
        """Take apart the next bytes.

        Raises BadRequest, NotHttp and Flood among them; the reader is of no use afterwards.
        """
        size = len(piece)
        while piece and self.stage is not Stage.OVER:
            try:
                self._parser.feed_data(piece)
                break
            except httptools.HttpParserUpgrade as upgrade:
                piece = piece[upgrade.args[0] :]
                self._resume()
            except httptools.HttpParserCallbackError as error:
                if not self._is_over():
                    raised, self.raised = self.raised, None
                    raise (raised or error) from None
            except httptools.HttpParserError as error:
                if not self._is_over():
                    raise NotHttp(str(error), piece) from None
        self._overhead += size
        if self.stage is Stage.HEAD and self._overhead > self._limits.head_bytes:
            raise BadRequest(431, "the request's head is too long")
        if (
            self.stage is Stage.BODY
            and self._overhead > self._limits.chunk_overhead_bytes + 8 * self.body_bytes
        ):
            raise Flood(413, "too little content for so many chunks")

    def _is_over(self) -> bool:
        return self.stage is Stage.OVER  # a parser's callbacks have set it

    def _resume(self) -> None:
        """Go on behind a head with `Upgrade`, which we do not do (RFC 9110, 7.8).

        llhttp takes everything behind it for another protocol. Java's HTTP client asks for
        an upgrade to h2c with its first POST; its body is a body. Another parser is
        told how it is framed and goes on.
        """
        framing, self._framing = self._framing, None
        assert framing is not None
        self.stage = Stage.RESUMED
        self._parser = self._new_parser()
        self._parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")

    def close(self) -> None:
        """Let go of the parser, which knows us as we know it."""
        self.stage = Stage.OVER
        self.raised = None
        del self._parser

    # What llhttp calls.

    @_remembered
    def on_message_begin(self) -> None:
        if self.stage is Stage.RESUMED:
            return
        if self.stage is Stage.OVER:
            raise BehindTheLast
        self.stage = Stage.HEAD
        self._target = b""
        self._headers = []
        self.fields = 0
        self.body_bytes = 0
        self._overhead = 0

    def on_url(self, piece: bytes) -> None:
        if self.stage is Stage.HEAD:
            self._target += piece

    @_remembered
    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields += 1
        if self.fields > self._limits.head_fields:
            raise BadRequest(431, "the request has too many fields")
        if self.stage is Stage.HEAD:  # trailers are dropped (7.1.2)
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    @_remembered
    def on_headers_complete(self) -> None:
        self.fields = 0
        self._overhead = 0
        if self.stage is Stage.RESUMED:
            self.stage = Stage.BODY
            return
        head = self._head()
        self._last = not head.keep_alive
        self._unbounded = head.streaming
        if self._parser.should_upgrade():
            self._framing = self._frame(close=self._last)
        self.stage = Stage.BODY
        self._requests.request_begun(head)

    @_remembered
    def on_body(self, data: bytes) -> None:
        self.body_bytes += len(data)
        self._overhead -= len(data)
        if self.body_bytes > self._limits.body_bytes and not self._unbounded:
            raise BadRequest(413, "the request's body is too long")
        self._requests.request_body(data)

    @_remembered
    def on_message_complete(self) -> None:
        if self._framing is not None:
            return  # only for llhttp; `_resume` comes next
        self.stage = Stage.OVER if self._last else Stage.BETWEEN
        self._requests.request_ended()

    # What it leaves to us.

    def _head(self) -> RequestHead:
        method = self._parser.get_method().decode("ascii")
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadRequest(505, f"HTTP/{version} is not spoken here")
        if method == "CONNECT":
            raise BadRequest(405, "this server is no proxy")
        host = self._host(version)
        raw_path, query, authority = split_target(method, self._target)
        if authority is not None:
            self._headers = [(b"host", authority), *(h for h in self._headers if h[0] != b"host")]
        elif host is not None and not HOST.fullmatch(host):
            raise BadRequest(400, "the Host is none")
        try:
            path = unquote_to_bytes(raw_path).decode()
        except UnicodeDecodeError:
            raise BadRequest(400, "the path is not UTF-8") from None
        streaming = path in self._endless.requests
        lasts = path in self._endless.responses
        self._check_framing(version, unbounded=streaming)
        return RequestHead(
            method=method,
            version=version,
            path=path,
            raw_path=raw_path,
            query=query,
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive() and not lasts,
            expects_continue=version == "1.1"
            and any(name == b"expect" and value.lower() == b"100-continue"
                    for name, value in self._headers),
            streaming=streaming,
            lasts=lasts,
        )  # fmt: skip

    def _host(self, version: str) -> bytes | None:
        """The one Host that HTTP/1.1 asks for (3.2)."""
        hosts = [value for name, value in self._headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            raise BadRequest(400, "a request has one Host")
        return hosts[0] if hosts else None

    def _check_framing(self, version: str, *, unbounded: bool) -> None:
        """Refuse a body that we cannot cut, or will not take (6.1, 6.3)."""
        for name, value in self._headers:
            if name == b"transfer-encoding":
                if version == "1.0":
                    raise BadRequest(400, "HTTP/1.0 has no Transfer-Encoding")
                if value.lower() != b"chunked":
                    raise BadRequest(501, "the only Transfer-Encoding here is chunked")
            elif name == b"content-length":
                if len(value) > 19:  # llhttp allows for any number of zeros in front
                    raise BadRequest(400, "no Content-Length has so many digits")
                if int(value) > self._limits.body_bytes and not unbounded:
                    raise BadRequest(413, "the request's body is too long")

    def _frame(self, *, close: bool) -> bytes:
        """The fields that say where the current request ends."""
        fields = [
            name + b": " + value + b"\r\n"
            for name, value in self._headers
            if name in (b"content-length", b"transfer-encoding")
        ] or [b"content-length: 0\r\n"]
        return b"".join([*fields, b"connection: close\r\n"] if close else fields)


def split_target(method: str, target: bytes) -> tuple[bytes, bytes, bytes | None]:
    """Path, query and, of the absolute form, authority (3.2).

    Raises BadRequest.
    """
    authority = None
    if target == b"*" and method == "OPTIONS":
        return target, b"", None
    if absolute := ABSOLUTE.fullmatch(target):
        authority, target = absolute.groups()
        if not authority or not HOST.fullmatch(authority):
            raise BadRequest(400, "the target's authority is none")
        if not target.startswith(b"/"):
            target = b"/" + target
    if not target.startswith(b"/") or b"#" in target:
        raise BadRequest(400, "the request's target is none")
    path, _, query = target.partition(b"?")
    return path, query, authority
