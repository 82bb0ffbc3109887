"""HTTP/1.1 seen from outside (RFC 9112): heads, and bodies as far as gRPC-Web and Connect go.

Of what it switches to, h2c and whatever is inside CONNECT are followed.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.calls import Call
from chatroom.chatwire.decode.http2 import Http2
from chatroom.chatwire.decode.records import Body, Field, Headers, Kind, Role, Undecoded
from chatroom.chatwire.decode.server_first import ServerFirst
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.decode.following import Follower
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Faulted

HEAD_BYTES = 64 * 1024
OUTSTANDING = 1000
"""Requests without a response yet; of more, the oldest are forgotten."""
UNTIL_CLOSE = -1


@dataclass(slots=True)
class Exchange:
    """A request and its response."""

    number: int
    call: Call
    method: str = ""
    upgrade: bool = False
    """Whether the client asks for another protocol."""
    settings: bytes = b""
    """The payload of HTTP2-Settings: the client's SETTINGS, should it become HTTP/2."""

    @property
    def may_switch(self) -> bool:
        """Whether what the client sends next may be of another protocol."""
        return self.upgrade or self.method == "CONNECT"


@dataclass(slots=True)
class Direction:
    """What one side sends: heads and bodies in turn."""

    buffer: bytearray = field(default_factory=bytearray)
    exchange: Exchange | None = None
    """Whose body is being read; None where a head comes next."""
    left: int = 0
    """Bytes of the body, or of the present chunk, that are still to come."""
    chunked: bool = False
    length: int = 0
    """Bytes of the body so far."""
    lost: bool = False
    undecoded: int = 0


class Http1:
    """Follows both directions of one connection."""

    def __init__(self, record: Recording, schema: Schema, anew: Callable[[], Follower]) -> None:
        """`anew` makes what finds out what is inside CONNECT."""
        self._record = record
        self._schema = schema
        self._anew = anew
        self._inner: Follower | None = None
        """What follows the protocol that it has switched to."""
        self._of = {Side.CLIENT: Direction(), Side.SERVER: Direction()}
        self._waiting: deque[Exchange] = deque(maxlen=OUTSTANDING)
        self._count = 0

    def feed(self, sender: Side, content: bytes) -> None:
        """Bytes that a side sent."""
        direction = self._of[sender]
        if direction.lost:
            direction.undecoded += len(content)
            return
        direction.buffer += content
        self._steps(sender)
        if sender is Side.SERVER:
            self._steps(Side.CLIENT)  # it may have waited for the answer

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        """Something was done to a stream of what it switched to."""
        return ("", []) if self._inner is None else self._inner.fault(passed)

    def lose(self, sender: Side, count: int | None) -> bool:
        """Bytes are missing: where the next head begins is not known any more."""
        if self._inner is not None and self._of[sender].exchange is None:
            return self._inner.lose(sender, count)
        direction = self._of[sender]
        if direction.exchange is not None and not direction.lost:
            self._body_ends(sender, direction, "it goes on in the hole")
        self._give_up(sender, "decoding of HTTP/1.1 ends with the hole")
        return False

    def end(self, sender: Side) -> int:
        """A side will send nothing more; how many of its bytes were left undecoded."""
        direction = self._of[sender]
        if direction.exchange is not None and not direction.lost:
            whole = direction.left == UNTIL_CLOSE
            self._body_ends(sender, direction, "" if whole else "it ends inside a body")
        elif direction.buffer and not direction.lost:
            self._give_up(sender, "it ends inside a head")
        inner = 0 if self._inner is None else self._inner.end(sender)
        return direction.undecoded + inner

    def _steps(self, sender: Side) -> None:
        """Take out of the buffer what is whole."""
        direction = self._of[sender]
        while not direction.lost:
            if self._inner is not None and direction.exchange is None:
                if content := bytes(direction.buffer):
                    direction.buffer.clear()
                    self._inner.feed(sender, content)
                return
            if not self._step(sender, direction):
                return

    def _step(self, sender: Side, direction: Direction) -> bool:
        """Take one thing out of the buffer; whether there may be more."""
        if direction.exchange is None:
            if sender is Side.CLIENT and self._waiting and self._waiting[-1].may_switch:
                if len(direction.buffer) > HEAD_BYTES:
                    self._give_up(sender, "what it switches to is not known")
                return False
            return self._head(sender, direction)
        if direction.left:
            return self._content(sender, direction)
        if not direction.chunked:
            self._body_ends(sender, direction)
            return True
        return self._chunk_size(sender, direction)

    def _head(self, sender: Side, direction: Direction) -> bool:
        end = direction.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(direction.buffer) > HEAD_BYTES:
                self._give_up(sender, f"a head of more than {HEAD_BYTES} bytes")
            return False
        lines = direction.buffer[:end].decode("utf-8", "surrogateescape").split("\r\n")
        length = end + 4
        del direction.buffer[:length]
        words = lines[0].split(" ", 2)
        is_request = sender is Side.CLIENT
        version = words[-1] if is_request else words[0]
        if len(words) < 2 + is_request or not version.startswith("HTTP/1."):
            self._give_up(sender, "no head of HTTP/1.1", length)
            return False
        fields = tuple(
            Field(name=name.strip(), value=value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        )
        if is_request:
            self._request(direction, words, lines[0], fields, length)
        else:
            self._response(direction, words, lines[0], fields, length)
        return True

    def _request(
        self, direction: Direction, words: list[str], line: str, fields: tuple[Field, ...],
        length: int,
    ) -> None:  # fmt: skip
        self._count += 1
        of_name = {one.name.lower(): one.value for one in fields}
        exchange = Exchange(
            self._count,
            Call(self._schema),
            words[0],
            upgrade="upgrade" in of_name,
            settings=settings_in(of_name.get("http2-settings", "")),
        )
        self._waiting.append(exchange)
        pseudo = (Field(name=":method", value=words[0]), Field(name=":path", value=words[1]))
        role, _ = exchange.call.headers(Side.CLIENT, (*pseudo, *fields), last=False)
        self._begin_body(direction, exchange, fields, 0)
        whole = direction.exchange is None
        detail = Headers(role=role, fields=fields, line=line, bodiless=whole)
        self._show_head(Side.CLIENT, exchange, detail, length)

    def _response(
        self, direction: Direction, words: list[str], line: str, fields: tuple[Field, ...],
        length: int,
    ) -> None:  # fmt: skip
        known = self._waiting[0] if self._waiting else None
        exchange = known or Exchange(0, Call(self._schema))
        pseudo = (Field(name=":status", value=words[1]),)
        role, status = exchange.call.headers(Side.SERVER, (*pseudo, *fields), last=False)
        switches = words[1] == "101" or (exchange.method == "CONNECT" and words[1][:1] == "2")
        last = role is not Role.INTERIM and not switches
        if last:
            bodiless = exchange.method == "HEAD" or words[1] in ("204", "304")
            self._begin_body(direction, exchange, fields, 0 if bodiless else UNTIL_CLOSE, bodiless)
        whole = last and direction.exchange is None
        detail = Headers(role=role, fields=fields, status=status, line=line, bodiless=whole)
        self._show_head(Side.SERVER, exchange, detail, length)
        if switches:
            self._switch(exchange, fields)
        elif last and self._waiting:
            self._waiting.popleft()

    def _switch(self, exchange: Exchange, fields: tuple[Field, ...]) -> None:
        """Another protocol begins: for the server here, for the client after its request."""
        protocols = ",".join(one.value for one in fields if one.name.lower() == "upgrade")
        if exchange.method == "CONNECT":
            self._inner = self._anew()
        elif "h2c" in [one.strip().lower() for one in protocols.split(",")]:
            http2 = Http2(self._record, self._schema)
            http2.upgraded(exchange.call, exchange.settings)
            self._inner = ServerFirst(self._record, http2)
        else:
            for side in Side:
                self._give_up(side, "another protocol begins here")

    def _show_head(self, sender: Side, exchange: Exchange, detail: Headers, length: int) -> None:
        self._record(
            sender,
            Kind.REQUEST if sender is Side.CLIENT else Kind.RESPONSE,
            stream=exchange.number,
            length=length,
            call=exchange.call.path,
            detail=detail,
        )

    def _begin_body(
        self, direction: Direction, exchange: Exchange, fields: tuple[Field, ...], default: int,
        bodiless: bool = False,
    ) -> None:  # fmt: skip
        """What follows the head (RFC 9112, section 6.3)."""
        of_name = {one.name.lower(): one.value for one in fields}
        direction.length = 0
        direction.chunked = "chunked" in of_name.get("transfer-encoding", "").lower()
        direction.left = 0
        direction.exchange = exchange
        if bodiless:
            direction.chunked = False
        elif not direction.chunked:
            length = of_name.get("content-length", "")
            known = length.isascii() and length.isdigit() and len(length) < 19
            direction.left = int(length) if known else default
        if not direction.left and not direction.chunked:
            direction.exchange = None

    def _content(self, sender: Side, direction: Direction) -> bool:
        taken = len(direction.buffer)
        if direction.left != UNTIL_CLOSE:
            taken = min(taken, direction.left)
            direction.left -= taken
        if not taken:
            return False
        content = bytes(direction.buffer[:taken])
        del direction.buffer[:taken]
        direction.length += taken
        exchange = direction.exchange
        assert exchange is not None
        for message in exchange.call.feed(sender, content):
            self._record(
                sender,
                Kind.BODY,
                stream=exchange.number,
                length=message.wire_length,
                call=exchange.call.path,
                detail=Body(complete=False, length=0),
                messages=(message,),
            )
        return True

    def _chunk_size(self, sender: Side, direction: Direction) -> bool:
        """The line before a chunk, or the trailer section (RFC 9112, section 7.1)."""
        buffer = direction.buffer
        if buffer.startswith(b"\r\n"):
            del buffer[:2]  # what ends the chunk before
        end = buffer.find(b"\r\n", 0, HEAD_BYTES)
        if end < 0:
            if len(buffer) > HEAD_BYTES:
                self._give_up(sender, "a chunk without a size")
            return False
        line = bytes(buffer[:end])
        size = line.partition(b";")[0].strip()
        if not size or len(size) > 15 or size.strip(b"0123456789abcdefABCDEF"):
            self._give_up(sender, "a chunk without a size")
            return False
        if int(size, 16):
            direction.left = int(size, 16)
            del buffer[: len(line) + 2]
            return True
        end_of_trailers = buffer.find(b"\r\n\r\n", len(line))
        if end_of_trailers < 0:
            if len(buffer) > HEAD_BYTES:
                self._give_up(sender, f"trailers of more than {HEAD_BYTES} bytes")
            return False
        del buffer[: end_of_trailers + 4]
        self._body_ends(sender, direction)
        return True

    def _body_ends(self, sender: Side, direction: Direction, wrong: str = "") -> None:
        exchange, direction.exchange = direction.exchange, None
        direction.chunked = False
        direction.left = 0
        assert exchange is not None
        messages, broken = exchange.call.end(sender)
        self._record(
            sender,
            Kind.BODY,
            stream=exchange.number,
            length=direction.length,
            call=exchange.call.path,
            detail=Body(complete=True, length=direction.length),
            messages=tuple(messages),
            notes=tuple(filter(None, (wrong, broken))),
        )

    def _give_up(self, sender: Side, why: str, taken: int = 0) -> None:
        direction = self._of[sender]
        if direction.lost:
            return
        direction.lost = True
        direction.undecoded = taken + len(direction.buffer)
        direction.buffer.clear()
        self._record(
            sender,
            Kind.BYTES,
            detail=Undecoded(count=0),
            notes=(f"{why}: from here on undecoded",),
        )


def settings_in(value: str) -> bytes:
    """The payload of SETTINGS in HTTP2-Settings (RFC 7540, 3.2.1); b"" if it is none."""
    try:
        payload = urlsafe_b64decode(value.encode("ascii") + b"=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return b""
    return payload[: len(payload) // 6 * 6]
