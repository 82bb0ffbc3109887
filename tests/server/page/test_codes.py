"""QR codes of links: which are drawn, for whom, and how many."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
import segno

from chatroom.core.limits import Limits
from chatroom.server.page.codes import Codes, draw
from chatroom.server.port.gate import Allowed, Gate
from tests.carriers import run

HOST = "chat.example"
OURS = f"https://{HOST}"
LIMITS = Limits()


@dataclass
class Asking:
    """Codes, asked by a browser that has the page of `HOST`."""

    limits: Limits = LIMITS
    allowed: Allowed = field(default_factory=lambda: Allowed(hosts=frozenset({HOST})))
    now: float = 0.0

    def __post_init__(self) -> None:
        self.codes = Codes(Gate(self.allowed), self.limits, lambda: self.now)

    async def __call__(
        self, query: str, *, host: str = HOST, method: str = "GET", body: str | None = None
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if body is None:
                raise AssertionError("nothing is read of the request")
            return {"type": "http.request", "body": body.encode(), "more_body": len(body) > 99}

        async def send(event: Any) -> None:
            sent.append(event)

        scope = {
            "type": "http", "method": method, "scheme": "http", "path": "/qr",
            "query_string": query.encode(), "headers": [(b"host", host.encode())],
        }  # fmt: skip
        await self.codes(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def asked(room: str = "lobby", origin: str = OURS) -> str:
    return urlencode({"room": room, "origin": origin})


def one(query: str, asking: Callable[[], Asking] = Asking, **how: str) -> tuple[int, bytes]:
    """The status and the body of one answer."""

    async def scene() -> tuple[int, bytes]:
        status, _, body = await asking()(query, **how)
        return status, body

    return asyncio.run(scene())


def modules(svg: bytes) -> list[list[bool]]:
    """Which squares are black, read from the strokes of a drawing: each a row of some."""
    root = ET.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    squares = [[False] * side for _ in range(side)]
    strokes = next(each.attrib["d"] for each in root if "stroke" in each.attrib)
    x = y = 0.0
    for move, across, down, length in re.findall(r"([Mm])(-?[\d.]+)[ ]?(-?[\d.]+)h(\d+)", strokes):
        x, y = (0.0, 0.0) if move == "M" else (x, y)
        x, y = x + float(across), y + float(down)
        squares[int(y)][int(x) : int(x) + int(length)] = [True] * int(length)
        x += int(length)
    return squares


@pytest.mark.parametrize(
    ("query", "host", "link"),
    [
        (asked(), HOST, f"{OURS}/r/lobby"),
        (asked("0123456789abcdef" * 2), HOST, f"{OURS}/r/{'0123456789abcdef' * 2}"),
        (asked(origin="http://192.168.1.7:8080"), "192.168.1.7:8080",
         "http://192.168.1.7:8080/r/lobby"),
        (asked(origin="http://[::1]:8080"), "[::1]:8080", "http://[::1]:8080/r/lobby"),
        (asked(origin=f"{OURS}"), f"{HOST}:443", f"{OURS}/r/lobby"),
        ("room=lobby", "localhost:8080", "http://localhost:8080/r/lobby"),
    ],
)  # fmt: skip
def test_the_code_is_of_the_rooms_link(query: str, host: str, link: str) -> None:
    """As the browser sees the server, also behind a proxy that ends TLS."""
    status, svg = one(query, host=host)
    assert (200, draw(link)) == (status, svg)
    matrix = [[bool(each) for each in row] for row in segno.make_qr(link, error="m").matrix]
    inside = [row[4:-4] for row in modules(svg)[4:-4]]
    assert matrix == inside


def test_a_code_is_white_in_the_dark() -> None:
    """Readers want dark on light, with four squares of light around (ISO/IEC 18004, 9.1)."""
    svg = draw(f"{OURS}/r/lobby")
    squares = modules(svg)
    side = len(squares)
    assert f'fill="#fff" d="M0 0h{side}v{side}h-{side}z"'.encode() in svg
    around = [row for at, row in enumerate(squares) if not 4 <= at < side - 4]
    assert not any(any(row) for row in around)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "room",
        "room=",
        "room=Lobby",
        "room=a/b",
        "room=" + "a" * 65,
        "room=lobby&room=other",
        asked() + "&token=secret",
        asked() + "%23token=secret",
        "origin=" + OURS,
        asked(origin="https://elsewhere.example"),
        asked(origin=f"{OURS}:8443"),
        asked(origin=f"{OURS}/r/other#"),
        asked(origin=f"{OURS}#"),
        asked(origin=f"https://user@{HOST}"),
        asked(origin="javascript://chat.example"),
        asked(origin=f"ftp://{HOST}"),
        asked(origin="null"),
        "room=lobby&origin=%ff",
        "room=%00",
        "room=lobby;origin=x",
    ],
)
def test_nothing_else_is_drawn(query: str) -> None:
    """No page of elsewhere, no link that carries more than a room, such as a token."""
    status, body = one(query)
    assert 400 == status
    assert b"<" not in body
    assert b"secret" not in body


def test_a_long_origin_is_not_drawn() -> None:
    """A code has at most as many squares as can be read."""
    long = ".".join(["a" * 60] * 7)
    anywhere = Allowed(hosts=frozenset({"*"}), origins=frozenset({"*"}))
    assert 400 == one(asked(origin=f"https://{long}"), lambda: Asking(allowed=anywhere))[0]
    assert 400 == one(asked(origin="https://ä.example"), lambda: Asking(allowed=anywhere))[0]
    assert 400 == one(asked(origin="data://x"), lambda: Asking(allowed=anywhere))[0]
    assert 200 == one(asked(origin="https://a.example"), lambda: Asking(allowed=anywhere))[0]


def test_an_allowed_origin_is_one_of_ours() -> None:
    """A proxy that changes the Host: the operator has said how pages call the server."""
    allowed = Allowed(origins=frozenset({OURS}))
    assert 200 == one(asked(), lambda: Asking(allowed=allowed), host="127.0.0.1:8080")[0]
    assert 400 == one(asked(), host="127.0.0.1:8080")[0]


def test_an_invitations_link_is_asked_for_by_its_body() -> None:
    """No address has the secret, no cache keeps it, and each drawing counts."""
    secret = "inv_AAAAAAAAAAAAAAAAAAAAA-"

    async def scene() -> None:
        asking = Asking(replace(LIMITS, code_burst=2, code_rate=0.5))
        for _ in range(2):
            status, headers, svg = await asking(asked(), method="POST", body=secret)
            assert (200, draw(f"{OURS}/r/lobby#token={secret}")) == (status, svg)
            assert b"no-store" == headers[b"cache-control"]
        assert 429 == (await asking(asked(), method="POST", body=secret))[0]

    run(scene())


@pytest.mark.parametrize(
    "body",
    ["", "inv_", "secret", "inv_AAAAAAAAAAAAAAAAAAAAA-x", "inv_ÄAAAAAAAAAAAAAAAAAAAA", "a" * 100],
)
def test_no_other_secret_is_drawn(body: str) -> None:
    """A body without an end is not read to it."""
    assert 400 == one(asked(), method="POST", body=body)[0]


def test_a_code_is_not_put() -> None:
    assert 405 == one(asked(), method="PUT")[0]


def test_only_so_many_are_drawn() -> None:
    """Whoever asks for more is told when; what was drawn lately costs nothing."""
    limits = replace(LIMITS, code_burst=3, code_rate=0.5)

    async def scene() -> None:
        asking = Asking(limits)
        for room in ("a", "b", "c", "a", "c"):
            assert 200 == (await asking(asked(room)))[0]
        status, headers, _ = await asking(asked("d"))
        assert (429, b"2") == (status, headers[b"retry-after"])
        assert 200 == (await asking(asked("b")))[0]
        asking.now = 2.0
        assert 200 == (await asking(asked("d")))[0]
        assert 429 == (await asking(asked("e")))[0]

    run(scene())


def test_only_so_many_are_kept() -> None:
    """The one that nobody has asked for longest goes."""
    limits = replace(LIMITS, codes_kept=2, code_burst=3, code_rate=0.001)

    async def scene() -> None:
        asking = Asking(limits)
        for room in ("a", "b", "a", "c"):
            assert 200 == (await asking(asked(room)))[0]
        answers = [(await asking(asked(room)))[0] for room in ("a", "c", "b")]
        assert [200, 200, 429] == answers

    run(scene())


def test_what_many_ask_for_at_once_is_drawn_once() -> None:
    """Each gets the same bytes object."""

    async def scene() -> None:
        asking = Asking()
        answers = await asyncio.gather(*(asking(asked()) for _ in range(8)))
        assert {200} == {status for status, _, _ in answers}
        assert 1 == len({id(body) for _, _, body in answers})

    run(scene())
