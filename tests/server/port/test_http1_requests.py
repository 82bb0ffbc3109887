"""Requests over HTTP/1.1: which are taken, where each ends, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatroom.server.port.asgi import CARRIES, PUSH, Receive, Scope, Send
from chatroom.server.port.http1 import Http1Connection
from chatroom.server.port.http1_limits import Http1Limits
from chatroom.server.port.http1_requests import (
    NOTHING_ENDLESS,
    Endless,
    RequestHead,
    RequestReader,
    Stage,
)
from tests.server.port.http1_server import (
    Run,
    asks,
    echo,
    gone,
    read_body,
    respond,
    serving,
    until,
)

NEXT = asks("/next")


def post(*fields: str, body: bytes = b"", line: str = "POST /first HTTP/1.1") -> bytes:
    """A request with these fields as they stand, and nothing added but a Host."""
    return "\r\n".join([line, "host: a", *fields, "", ""]).encode("latin-1") + body


CHUNKED = "transfer-encoding: chunked"

REFUSED = {
    # Where a request ends must not be a matter of opinion (RFC 9112, 6.3, 11.2).
    "both framings": (post(CHUNKED, "content-length: 5", body=b"0\r\n\r\n"), 400),
    "both, the other way round": (post("content-length: 5", CHUNKED, body=b"0\r\n\r\n"), 400),
    "xchunked": (post("transfer-encoding: xchunked", body=b"0\r\n\r\n"), 501),
    "quoted chunked": (post('transfer-encoding: "chunked"', body=b"0\r\n\r\n"), 501),
    "gzip, chunked": (post("transfer-encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    "identity, chunked": (post("transfer-encoding: identity, chunked", body=b"0\r\n\r\n"), 501),
    "chunked, identity": (post("transfer-encoding: chunked, identity", body=b"0\r\n\r\n"), 400),
    "chunked twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "identity, then chunked": (post("transfer-encoding: identity", CHUNKED), 501),
    "chunked after a tab": (post("transfer-encoding: \x0bchunked", body=b"0\r\n\r\n"), 400),
    "no transfer-encoding": (post("transfer-encoding: "), 400),
    "chunked in HTTP/1.0": (post(CHUNKED, line="POST / HTTP/1.0", body=b"0\r\n\r\n"), 400),
    "two lengths": (post("content-length: 0", "content-length: 3"), 400),
    "one length twice": (post("content-length: 3", "content-length: 3", body=b"abc"), 400),
    "list of lengths": (post("content-length: 3, 3", body=b"abc"), 400),
    "+3": (post("content-length: +3", body=b"abc"), 400),
    "-1": (post("content-length: -1"), 400),
    "0x3": (post("content-length: 0x3", body=b"abc"), 400),
    "1_0": (post("content-length: 1_0", body=b"0123456789"), 400),
    "no length": (post("content-length: "), 400),
    "length above 64 bits": (post(f"content-length: {2**64 + 3}", body=b"abc"), 400),
    "length of 6,000 digits": (post("content-length: " + "0" * 6000 + "3", body=b"abc"), 400),
    # A line ends with CR LF, and a field is one line (RFC 9112, 2.2, 5.1, 5.2).
    "fold": (post("x: a", " b"), 400),
    "folded framing": (post("transfer-encoding:", " chunked", body=b"0\r\n\r\n"), 400),
    "fold before a field": (b"POST / HTTP/1.1\r\n x: y\r\nhost: a\r\n\r\n", 400),
    "bare LF": (post().replace(b"\r\n", b"\n"), 400),
    "a line with a bare LF": (post("x: a\ncontent-length: 3"), 400),
    "bare CR": (post("x: a\rcontent-length: 3"), 400),
    "CR LF CR": (post("x: a\r\n\rcontent-length: 3"), 400),
    "NUL": (post("x: a\0b"), 400),
    "space before the colon": (post("content-length : 0"), 400),
    "tab before the colon": (post("transfer-encoding\t: chunked", body=b"0\r\n\r\n"), 400),
    "no name": (post(": x"), 400),
    "no colon": (post("x"), 400),
    # Chunks (RFC 9112, 7.1).
    "chunk size above 64 bits": (post(CHUNKED, body=b"10000000000000003\r\nabc\r\n"), 400),
    "chunk size 0x3": (post(CHUNKED, body=b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size +3": (post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size 1_0": (post(CHUNKED, body=b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400),
    "chunk size and space": (post(CHUNKED, body=b"3 \r\nabc\r\n0\r\n\r\n"), 400),
    "no chunk size": (post(CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk size and LF": (post(CHUNKED, body=b"3\nabc\r\n0\r\n\r\n"), 400),
    "extension and LF": (post(CHUNKED, body=b"3;a\nabc\r\n0\r\n\r\n"), 400),
    "extension with CR": (post(CHUNKED, body=b"3;a\rb\r\nabc\r\n0\r\n\r\n"), 400),
    "chunk and LF": (post(CHUNKED, body=b"3\r\nabc\n0\r\n\r\n"), 400),
    "chunk longer than said": (post(CHUNKED, body=b"3\r\nabcXX0\r\n\r\n"), 400),
    "last chunk and LF": (post(CHUNKED, body=b"0\r\n\n"), 400),
    "framing in trailers": (post(CHUNKED, body=b"0\r\ncontent-length: 7\r\n\r\n"), 400),
    # The request line, and whom it is for (RFC 9112, 3).
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (post("host: a"), 400),
    "Host with a slash": (b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
    "user in the target": (post(line="GET http://u@a/ HTTP/1.1"), 400),
    "no authority": (post(line="GET http:///x HTTP/1.1"), 400),
    "fragment": (post(line="GET /x#y HTTP/1.1"), 400),
    "star, but not OPTIONS": (post(line="GET * HTTP/1.1"), 400),
    "no slash": (post(line="GET x HTTP/1.1"), 400),
    "path that is not UTF-8": (post(line="GET /%ff HTTP/1.1"), 400),
    "space in the target": (post(line="GET /a b HTTP/1.1"), 400),
    "HTTP/0.9": (post(line="GET / HTTP/0.9"), 505),
    "HTTP/2.0": (post(line="GET / HTTP/2.0"), 505),
    "HTTP/1.2": (post(line="GET / HTTP/1.2"), 400),
    "method of nobody": (post(line="BREW / HTTP/1.1"), 400),
    "CONNECT": (post(line="CONNECT a:1 HTTP/1.1"), 405),
    # Sizes.
    "long head": (post("x: " + "a" * 40_000), 431),
    "long name": (post("x" * 40_000 + ": a"), 431),
    "long target": (post(line="GET /" + "a" * 40_000 + " HTTP/1.1"), 431),
    "many fields": (post(*["x: a"] * 64), 431),
    "many trailers": (post(CHUNKED, body=b"0\r\n" + b"x: a\r\n" * 65 + b"\r\n"), 431),
    "long body": (post("content-length: 131073"), 413),
    "long chunks": (post(CHUNKED, body=b"10000\r\n" + b"x" * 65536 + b"\r\n20000\r\n"
                         + b"x" * 131072 + b"\r\n"), 413),
    "extensions without end": (post(CHUNKED, body=b"1;" + b"x" * 60_000), 413),
    "chunks of one byte": (post(CHUNKED, body=b"1;abcdefgh\r\nx\r\n" * 10_000), 413),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_doubtful_request_is_refused_and_nothing_behind_it_is_read(run: Run, case: str) -> None:
    """One answer, which ends the connection: the smuggled request is never served."""
    request, status = REFUSED[case]
    served: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await read_body(receive)
        served.append("whole")
        await respond(send, b"")

    async def scene() -> None:
        async with serving(application) as server:
            answers = await server.talk(request + NEXT)
            assert [status] == [answer.status for answer in answers]
            assert "close" == answers[0].headers["connection"]
            assert "/next" not in served
            assert "whole" not in served
            if status == 405:
                assert "CONNECT" not in answers[0].headers["allow"]

    run(scene)


TAKEN = {
    "chunked in any case": (post("transfer-encoding: ChunKed", body=b"3\r\nabc\r\n0\r\n\r\n"),
                            b"POST /first abc"),
    "extension": (post(CHUNKED, body=b"3;a=b\r\nabc\r\n0\r\n\r\n"), b"POST /first abc"),
    "trailers": (post(CHUNKED, body=b"3\r\nabc\r\n0\r\nx: y\r\n\r\n"), b"POST /first abc"),
    "two chunks": (post(CHUNKED, body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), b"POST /first abc"),
    "lines before it": (b"\r\n\r\n" + post("content-length: 3", body=b"abc"), b"POST /first abc"),
    "a GET with a body": (post("content-length: 3", body=b"abc", line="GET /first HTTP/1.1"),
                          b"GET /first abc"),
    "escapes": (post(line="GET /a%20b%2f%c3%a9 HTTP/1.1"), "GET /a b/é ".encode()),
    "absolute form": (post(line="GET HTTP://b:80/first?x HTTP/1.1"), b"GET /first "),
    "absolute form without a path": (post(line="GET http://b?x HTTP/1.1"), b"GET / "),
    "about the server": (post(line="OPTIONS * HTTP/1.1"), b"OPTIONS * "),
    "64 fields": (post(*["x: a"] * 63, line="GET /first HTTP/1.1"), b"GET /first "),
    "a head of 30 KiB": (post("x: " + "a" * 30_000, line="GET /first HTTP/1.1"), b"GET /first "),
    "an upgrade to h2c": (post("connection: Upgrade, HTTP2-Settings", "upgrade: h2c",
                               "http2-settings: AAMAAABkAARAAAAAAAIAAAAA",
                               line="GET /first HTTP/1.1"), b"GET /first "),
    "an upgrade with a body": (post("connection: Upgrade", "upgrade: h2c", "content-length: 3",
                                    body=b"abc"), b"POST /first abc"),
    "an upgrade with chunks": (post("connection: Upgrade", "upgrade: h2c", CHUNKED,
                                    body=b"3\r\nabc\r\n0\r\n\r\n"), b"POST /first abc"),
    "an upgrade to websocket": (post("connection: Upgrade", "upgrade: websocket",
                                     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
                                     line="GET /first HTTP/1.1"), b"GET /first "),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_the_next_request_begins_where_this_one_ends(run: Run, case: str) -> None:
    """The body is whole, and what stands behind it is a request of its own."""
    request, body = TAKEN[case]

    async def scene() -> None:
        async with serving(echo) as server:
            answers = await server.talk(request + NEXT)
            assert [body, b"GET /next "] == [answer.body for answer in answers]

    run(scene)


@pytest.mark.parametrize("case", [case for case in TAKEN if len(TAKEN[case][0]) < 1000])
def test_it_does_not_matter_how_the_bytes_come(run: Run, case: str) -> None:
    """A byte at a time is the same request."""
    request, body = TAKEN[case]

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            for byte in request + NEXT:
                await peer.send(bytes((byte,)))
            peer.half_close()
            assert [body, b"GET /next "] == [answer.body for answer in await peer.answers()]

    run(scene)


class Told:
    """Whom a reader tells, without a connection."""

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.body = b""
        self.ends = 0

    def request_begun(self, head: RequestHead) -> None:
        self.heads.append(head)

    def request_body(self, data: bytes) -> None:
        self.body += data

    def request_ended(self) -> None:
        self.ends += 1


@pytest.mark.parametrize("connection", ["close", "close, upgrade"])
@pytest.mark.parametrize("body", [b"", b"3\r\nabc\r\n0\r\n\r\n"])
def test_what_follows_the_last_request_is_dropped(connection: str, body: bytes) -> None:
    """`Connection: close`, also where an upgrade is asked for as well."""
    told = Told()
    reader = RequestReader(told, Http1Limits(), NOTHING_ENDLESS)
    fields = [f"connection: {connection}", "upgrade: h2c", *([CHUNKED] if body else [])]
    reader.feed(post(*fields, body=body) + NEXT)
    reader.feed(NEXT)
    assert (["/first"], 1) == ([head.path for head in told.heads], told.ends)
    assert (b"abc" if body else b"") == told.body
    assert Stage.OVER is reader.stage


def test_the_scope_says_what_was_asked(run: Run) -> None:
    """Every key of ASGI's HTTP scope."""
    scopes: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await respond(send, b"")

    async def scene() -> None:
        async with serving(application) as server:
            async with await server.peer() as peer:
                client = peer.raw.getsockname()
                await peer.send(asks("/a%20b?c=%20d", "X-Mixed: Case \t", "x-mixed: again"))
                await peer.answer()
                await peer.send(post(line="GET https://b:1/c HTTP/1.1"))
                await peer.answer()
            assert [PUSH, CARRIES] == list(scopes[0].pop("extensions"))
            assert {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": "/a b",
                "raw_path": b"/a%20b",
                "query_string": b"c=%20d",
                "root_path": "",
                "headers": [
                    (b"host", b"chat.example"), (b"x-mixed", b"Case"), (b"x-mixed", b"again"),
                ],
                "server": server.address,
                "client": client,
            } == scopes[0]  # fmt: skip
            # The target's authority takes the place of the Host (RFC 9112, 3.2.2).
            assert [(b"host", b"b:1")] == scopes[1]["headers"]

    run(scene)


def test_trailers_are_not_headers(run: Run) -> None:
    """A field behind the body must not come to stand among those that were checked."""
    seen: list[Any] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        seen.extend(scope["headers"])
        await respond(send, b"")

    async def scene() -> None:
        async with serving(application) as server:
            await server.talk(post(CHUNKED, body=b"0\r\norigin: evil\r\n\r\n"))
            assert b"origin" not in dict(seen)

    run(scene)


def test_pipelined_requests_are_answered_in_order_and_one_at_a_time(run: Run) -> None:
    """A thousand in one write; the application never has two, and few are taken apart ahead."""
    at_once: list[str] = []
    most = ahead = 0

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal most, ahead
        at_once.append(scope["path"])
        most = max(most, len(at_once))
        ahead = max(ahead, len(connection[0].exchanges))
        await asyncio.sleep(0)
        await respond(send, scope["path"].encode())
        at_once.clear()

    connection: list[Http1Connection] = []

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            requests = b"".join(asks(f"/{n}") for n in range(1000))
            await peer.send(requests[:1])
            connection.append(await server.accepted.get())
            sending = asyncio.create_task(peer.send(requests[1:]))
            for n in range(1000):
                assert b"/%d" % n == (await peer.answer()).body
            await sending

    run(scene)
    assert 1 == most
    assert 1 < ahead <= Http1Limits().piece_bytes // len(asks("/0")) + 1


def test_a_bad_request_behind_good_ones_is_refused_in_its_turn(run: Run) -> None:
    """The good ones have their answers first."""

    async def scene() -> None:
        async with serving(echo) as server:
            answers = await server.talk(asks("/a") + asks("/b") + b"GET / HTTP/1.1\r\nbad\r\n\r\n")
            assert [200, 200, 400] == [answer.status for answer in answers]

    run(scene)


@pytest.mark.parametrize("status", [400, 413, 431])
def test_a_bad_request_behind_one_that_failed_is_refused_as_any_other(
    run: Run, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The application answers while it handles an error: that error is not the next one's."""
    case = {400: "two lengths", 413: "long body", 431: "many fields"}[status]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await read_body(receive)
        try:
            {}["room"]
        except LookupError:
            await respond(send, b"", 404)

    async def scene() -> None:
        async with serving(application) as server:
            # So many that the last is parsed at the end of an answer.
            answers = await server.talk(asks("/a") * 200 + REFUSED[case][0])
            assert [404] * 200 + [status] == [answer.status for answer in answers]

    run(scene)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_body_waits_until_it_is_asked_for(run: Run) -> None:
    """`Expect: 100-continue`: exactly one 100, when the application first reads."""

    async def scene() -> None:
        async with serving(echo) as server, await server.peer() as peer:
            await peer.send(asks("/a", "expect: 100-Continue", "content-length: 3", method="POST"))
            assert (100, {}) == ((await peer.head()).status, {})
            await peer.send(b"abc")
            assert b"POST /a abc" == (await peer.answer()).body
            # One that sends its body at once needs no asking.
            await peer.send(asks("/b", "expect: 100-continue", method="POST", body=b"abc"))
            assert (200, b"POST /b abc") == ((answer := await peer.answer()).status, answer.body)

    run(scene)


def test_a_body_that_nobody_wants_is_not_asked_for(run: Run) -> None:
    """The answer comes instead of the 100; as does the refusal of what is too long."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no", 404)

    async def scene() -> None:
        async with serving(application) as server:
            for length, status in ((3, 404), (131073, 413)):
                async with await server.peer() as peer:
                    fields = ("expect: 100-continue", f"content-length: {length}")
                    await peer.send(asks("/a", *fields, method="POST"))
                    answer = await peer.answer()
                    assert (status, "close") == (answer.status, answer.headers["connection"])

    run(scene)


def test_a_stream_of_requests_has_no_bound_but_is_not_read_ahead(run: Run) -> None:
    """On a streaming path the application's reading is the bound."""
    size = 8 * 1024 * 1024
    pieces: list[int] = []
    started: list[asyncio.Event] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await started[0].wait()
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            pieces.append(len(event["body"]))
        await respond(send, b"%d" % sum(pieces))

    async def scene() -> None:
        started.append(asyncio.Event())
        async with (
            serving(application, endless=Endless(requests=frozenset({"/chat"}))) as server,
            await server.peer() as peer,
        ):
            request = asks("/chat", f"content-length: {size}", method="POST")
            sending = asyncio.create_task(peer.send(request + b"x" * size))
            transport = server.transports[await server.accepted.get()]
            await until(lambda: not transport.is_reading())
            assert not sending.done()
            started[0].set()
            assert b"%d" % size == (await peer.answer()).body
            await sending

    run(scene)
    limits = Http1Limits()
    assert max(pieces) <= limits.unread_body_bytes + limits.piece_bytes


def test_a_peer_may_half_close_when_it_has_asked(run: Run) -> None:
    """FIN behind a whole request: it is served, and so are those before it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await echo(scope, receive, send)

    async def scene() -> None:
        async with serving(application) as server:
            answers = await server.talk(asks("/a") + asks("/b", method="POST", body=b"c"))
            assert [b"GET /a ", b"POST /b c"] == [answer.body for answer in answers]
            await server.closed.get()

    run(scene)


@pytest.mark.parametrize("how", ["reset", "half_close"])
@pytest.mark.parametrize(
    "request_",
    [asks("/a", "content-length: 9", method="POST") + b"abc", b"GET /a HT"],
    ids=["body", "head"],
)
def test_a_peer_that_goes_in_the_middle_of_a_request_is_noticed(
    run: Run, how: str, request_: bytes
) -> None:
    """Nobody waits for the rest of it."""
    told: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await gone(receive)
        told.append(scope["path"])

    async def scene() -> None:
        async with serving(application) as server, await server.peer() as peer:
            await peer.send(request_)
            await server.accepted.get()
            getattr(peer, how)()
            await server.closed.get()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    run(scene)
    assert (["/a"] if b"POST" in request_ else []) == told
