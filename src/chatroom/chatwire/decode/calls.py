"""One call: from its header fields which protocol it speaks, and so what its bodies hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.bodies import (
    Base64Body,
    Body,
    Content,
    Envelopes,
    Opaque,
    Whole,
)
from chatroom.chatwire.decode.messages import Part
from chatroom.chatwire.decode.records import Role
from chatroom.chatwire.decode.statuses import status_of_trailers
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import whole

if TYPE_CHECKING:
    from chatroom.chatwire.decode.messages import Message, Status
    from chatroom.chatwire.decode.records import Field
    from chatroom.chatwire.decode.schema import Schema


@dataclass(slots=True)
class Call:
    """A request and its response, whichever version of HTTP carries them."""

    schema: Schema
    path: str = ""
    _bodies: dict[Side, Body] = field(default_factory=dict)
    _responded: bool = False
    """Whether the response's head, an interim one excepted, has come."""

    def headers(
        self, sender: Side, fields: tuple[Field, ...], *, last: bool
    ) -> tuple[Role, Status | None]:
        """What a block of header fields is, and the status in it. `last`: nothing follows."""
        of_name: dict[str, str] = {}
        for one in fields:
            of_name.setdefault(one.name.lower(), one.value)
        content_type = of_name.get("content-type", "").partition(";")[0].strip().lower()
        if sender is Side.CLIENT:
            if ":method" not in of_name:
                return (Role.TRAILERS if self.path else Role.UNKNOWN), None
            self.path = of_name.get(":path", "").partition("?")[0]
            self._bodies[sender] = self._body(sender, content_type, of_name)
            return Role.REQUEST, None
        status = status_of_trailers((one.name, one.value) for one in fields)
        if ":status" in of_name:
            if of_name[":status"].startswith("1"):
                return Role.INTERIM, None
            self._responded = True
            self._bodies[sender] = self._body(sender, content_type, of_name)
            if status is not None and last:
                return Role.TRAILERS_ONLY, status
            return Role.RESPONSE, None
        if status is not None or self._responded:
            return Role.TRAILERS, status
        return Role.UNKNOWN, None

    def feed(self, sender: Side, content: bytes) -> list[Message]:
        """Bytes of a body; the messages they complete."""
        body = self._bodies.get(sender)
        if body is None:
            if not whole(content):
                return []
            # The head was not seen, but this is how gRPC looks.
            body = self._bodies[sender] = Envelopes(Content(partial(self._kind, sender)))
        return body.feed(content)

    def read(self, sender: Side, enveloped: bytes) -> list[Message]:
        """Messages in whole envelopes that are no part of the body, such as dropped ones."""
        body = self._bodies.get(sender)
        if not enveloped or not isinstance(body, Envelopes):
            return []
        return Envelopes(body.content, body.last).feed(enveloped)

    def lose(self, sender: Side) -> None:
        """Bytes of a body are missing."""
        if body := self._bodies.get(sender):
            body.lose()

    def end(self, sender: Side) -> tuple[list[Message], str]:
        """A side will send nothing more; its last messages, and what is wrong."""
        body = self._bodies.get(sender)
        return body.end() if body else ([], "")

    def _kind(self, sender: Side) -> type | None:
        if not self.path or (types := self.schema.types(self.path)) is None:
            return None
        return types.request if sender is Side.CLIENT else types.response

    def _body(self, sender: Side, content_type: str, of_name: dict[str, str]) -> Body:
        """By content type: gRPC over HTTP/2, gRPC-Web and the Connect protocol."""
        base, _, codec = content_type.removeprefix("application/").partition("+")
        content = Content(partial(self._kind, sender), json=codec == "json")
        if not content_type.startswith("application/"):
            return Opaque()
        if base == "grpc":
            content.encoding = of_name.get("grpc-encoding", "")
            return Envelopes(content)
        if base in ("grpc-web", "grpc-web-text"):
            content.encoding = of_name.get("grpc-encoding", "")
            envelopes = Envelopes(content, Part.TRAILERS)
            return Base64Body(envelopes) if base == "grpc-web-text" else envelopes
        if base == "connect":
            content.encoding = of_name.get("connect-content-encoding", "")
            return Envelopes(content, Part.END)
        if base not in ("proto", "json"):
            return Opaque()
        content.json = base == "json"
        content.encoding = of_name.get("content-encoding", "")
        # A response that is no success is JSON whatever the codec is.
        error = sender is Side.SERVER and of_name.get(":status") != "200"
        return Whole(content, error)
