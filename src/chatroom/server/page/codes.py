"""Links to rooms as QR codes, for those who would have to type them into a phone."""

from __future__ import annotations

import asyncio
import io
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import parse_qsl

from chatroom.core.invitations import PREFIX
from chatroom.core.limits import Limits
from chatroom.core.rate import TokenBucket
from chatroom.core.refusals import RoomIdInvalid
from chatroom.core.room_ids import checked_room_id
from chatroom.server.port.asgi import Headers, Receive, Scope, Send, respond
from chatroom.server.port.gate import Gate
from chatroom.wire.origins import DEFAULT_PORTS, Origin, OriginInvalid

from .edition import TYPES
from .guards import GUARDS, is_read, refuse
from .site import ROOM

PATH = "/qr"
ASKED = {"room", "origin"}
"""What a request may say. A link that carries more, as a token, has no place in an address."""
SECRET = re.compile(PREFIX + r"[A-Za-z0-9_-]{22}")
"""An invitation's, which the body of a POST may have: bodies are logged by nobody."""
SECRET_BYTES = 64
LINK_CHARACTERS = 400
"""A host has 253, a room id 64; a secret comes to it. So a code has at most 81 modules a side."""
CACHING = b"private, max-age=86400"


class LinkInvalid(Exception):
    """What was asked for is no link to a room of this server; the sentence says why."""


class Codes:
    """An ASGI application for `/qr?room=ROOM&origin=ORIGIN`; by POST with an invitation's secret.

    Drawing takes 10 ms and more. So it is done in a thread, one at a time, and only so often;
    what was drawn lately is kept. Whether there is such a room is not told.
    """

    def __init__(self, gate: Gate, limits: Limits, clock: Callable[[], float]) -> None:
        """`clock` is in seconds and never goes back."""
        self._gate = gate
        self._kept = limits.codes_kept
        self._bucket = TokenBucket(limits.code_rate, limits.code_burst, clock())
        self._clock = clock
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        """By link; the one that was asked for last is last."""
        self._drawing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not await is_read(scope, send, "POST"):
            return
        secret = ""
        try:
            link = self._link(scope)
            if scope["method"] == "POST":
                secret = await _secret(receive)
        except LinkInvalid as invalid:
            await refuse(send, 400, str(invalid))
            return
        if (secret or link not in self._drawn) and (seconds := self._bucket.take(self._clock())):
            after: Headers = [(b"retry-after", b"%d" % math.ceil(seconds))]
            await refuse(send, 429, "too many codes are asked for; try again in a moment", after)
            return
        svg = await self._code(link, secret)
        told: Headers = [(b"cache-control", b"no-store" if secret else CACHING), *GUARDS]
        await respond(send, 200, svg, TYPES[".svg"], told)

    def _link(self, scope: Scope) -> str:
        """The link that is asked for; raises LinkInvalid.

        The page says what its origin is: behind a proxy only the browser knows the scheme.
        Without it the link is as the request came.
        """
        host = next((value for key, value in scope["headers"] if key == b"host"), b"").decode()
        asked = _asked(scope["query_string"])
        origin = asked.get("origin") or f"{scope['scheme']}://{host}"
        try:
            room = checked_room_id(asked.get("room", ""))
            scheme = Origin.parse(origin).scheme
        except (RoomIdInvalid, OriginInvalid):
            raise LinkInvalid("ask for room=ROOM, and for origin=https://HOST") from None
        link = f"{origin}{ROOM}{room}"
        if scheme not in DEFAULT_PORTS or not self._gate.may_call(origin, host):
            raise LinkInvalid("the origin is not one of this server's")
        if len(link) > LINK_CHARACTERS or not link.isascii() or not link.isprintable():
            raise LinkInvalid("the origin is too long, or not written as browsers do")
        return link

    async def _code(self, link: str, secret: str) -> bytes:
        async with self._drawing:
            if secret:  # not kept
                return await asyncio.to_thread(draw, f"{link}#token={secret}")
            svg = self._drawn.get(link)
            if svg is None:
                svg = self._drawn[link] = await asyncio.to_thread(draw, link)
                if len(self._drawn) > self._kept:
                    self._drawn.popitem(last=False)
            self._drawn.move_to_end(link)
            return svg


def draw(link: str) -> bytes:
    """A QR code as SVG, as large as whoever shows it wants; black on white in the dark, too."""
    import segno  # at the first code: most servers start without one being asked for

    out = io.BytesIO()
    code = segno.make_qr(link, error="m")
    code.save(out, kind="svg", xmldecl=False, light="#fff", omitsize=True, nl=False)
    return out.getvalue()


async def _secret(receive: Receive) -> str:
    """The secret that a body is; raises LinkInvalid."""
    body = b""
    more = True
    while more and len(body) <= SECRET_BYTES:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    if not SECRET.fullmatch(secret := body.decode(errors="replace")):
        raise LinkInvalid("the body is no invitation's secret")
    return secret


def _asked(query: bytes) -> dict[str, str]:
    """What a query says; raises LinkInvalid if that is not what may be said, each once."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(ASKED),
        )
    except ValueError:  # no text, no pairs, too many
        pairs = []
    asked = dict(pairs)
    if len(asked) < len(pairs) or not {"room"} <= asked.keys() <= ASKED:
        raise LinkInvalid("ask for room=ROOM, for origin=https://HOST, and for nothing else")
    return asked
