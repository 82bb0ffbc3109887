"""The protocols that carry a stream of messages: what of it differs between them.

Between the beginning and the end of a response all carry the same bytes, envelopes with
messages in protobuf; only with JSON each message is written anew, once for everybody.
Sources: gRPC over HTTP/2 (PROTOCOL-HTTP2.md), gRPC-Web (PROTOCOL-WEB.md), and the Connect
protocol reference, "Streaming RPCs".
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.port.exchange import Exchange
from chatroom.wire.envelopes import ENCODINGS, envelope, payloads
from chatroom.wire.grpc import CONTENT_TYPE, Code, TimeoutInvalid, timeout_seconds
from chatroom.wire.http2.headers import Headers

from .json_requests import JsonInvalid, from_json
from .statuses import EnvelopeInvalid, Status, refusal_of

M = TypeVar("M", bound=ProtobufMessage)

WEB_TRAILERS = 0x80
"""The flag of gRPC-Web's last envelope, whose message is the trailers."""
CONNECT_END = 0x02
"""The flag of Connect's last envelope, an EndStreamResponse in JSON."""
ACCEPTED = b",".join(ENCODINGS)
"""The encodings of requests, as every response names them."""
_CONNECT_TIMEOUT_DIGITS = 10
TEXT_TYPES = (b"application/grpc-web-text", b"application/grpc-web-text+proto")
"""The media types of gRPC-Web's text form; its messages are protobuf."""


@dataclass(frozen=True, slots=True)
class RpcProtocol(ABC):
    """One protocol with one encoding of messages."""

    media_type: bytes
    """Of requests; also of responses."""
    json: bool = False
    text: bool = False
    """Whether all of it is in base64, see `web_text`."""

    def encoding(self, headers: Headers) -> bytes:
        """How messages of a request are compressed that say that they are."""
        return first(headers, b"grpc-encoding")

    def timeout(self, headers: Headers) -> float | None:
        """How long the call may take, in seconds; raises a Refusal for what is no time."""
        value = _given(headers, b"grpc-timeout")
        try:
            return None if value is None else timeout_seconds(value)
        except TimeoutInvalid as error:
            raise refusal_of(error) from None

    def head(self) -> Headers:
        """The fields of a response's head."""
        return [(b"content-type", self.media_type), (b"grpc-accept-encoding", ACCEPTED)]

    @abstractmethod
    def end(self, exchange: Exchange, status: Status, head: Headers | None) -> None:
        """Send the status; `head`: the fields of a head that was not sent yet."""

    def parser(self, message_type: type[M]) -> Callable[[bytes], M]:
        """What makes a message of a payload; raises EnvelopeInvalid."""
        parser = _parser(
            message_type,  # type: ignore[arg-type] # messages cannot be hashed, their types can
            is_json=self.json,
        )
        return cast("Callable[[bytes], M]", parser)


@cache
def _parser(
    message_type: type[ProtobufMessage], *, is_json: bool
) -> Callable[[bytes], ProtobufMessage]:
    """One for each type: asking a type for its name costs as much as the rest of a call's head."""
    parse = message_type.FromString
    name = message_type.DESCRIPTOR.full_name

    def parsed(payload: bytes) -> ProtobufMessage:
        try:
            return parse(payload)
        except DecodeError:
            raise EnvelopeInvalid(f"a message is not a valid {name}") from None

    def parsed_json(payload: bytes) -> ProtobufMessage:
        try:
            return from_json(payload, message_type)
        except JsonInvalid as error:
            raise EnvelopeInvalid(f"a message is not a valid {name}: {error}") from None

    return parsed_json if is_json else parsed


class Grpc(RpcProtocol):
    """gRPC: the status is in trailers, or alone where nothing was sent ("Trailers-Only")."""

    __slots__ = ()

    def end(self, exchange: Exchange, status: Status, head: Headers | None) -> None:
        trailers = status.trailers()
        if head is None:
            exchange.end(trailers)
        else:
            exchange.whole([*head, *trailers])


class GrpcWeb(RpcProtocol):
    """gRPC-Web: the trailers are the last envelope."""

    __slots__ = ()

    def end(self, exchange: Exchange, status: Status, head: Headers | None) -> None:
        if head is not None:
            exchange.begin(head)
        trailers = b"".join([b"%b: %b\r\n" % field for field in status.trailers()])
        exchange.end(None, envelope(trailers, WEB_TRAILERS))


class Connect(RpcProtocol):
    """Connect: the status is the last envelope, in JSON."""

    __slots__ = ()

    def encoding(self, headers: Headers) -> bytes:
        return first(headers, b"connect-content-encoding")

    def timeout(self, headers: Headers) -> float | None:
        value = _given(headers, b"connect-timeout-ms")
        if value is None:
            return None
        if not value.isdigit() or len(value) > _CONNECT_TIMEOUT_DIGITS:
            raise EnvelopeInvalid(f"connect-timeout-ms {value.decode('latin-1')!r} is not valid")
        return int(value) / 1000

    def head(self) -> Headers:
        return [
            (b"content-type", self.media_type),
            (b"connect-accept-encoding", ACCEPTED),
        ]

    def end(self, exchange: Exchange, status: Status, head: Headers | None) -> None:
        if head is not None:
            exchange.begin(head)
        answer: dict[str, object] = {}
        if status.code:
            error: dict[str, object] = {"code": _connect_code(status.code)}
            if status.message:
                error["message"] = status.message
            if status.details:
                error["details"] = [
                    {
                        "type": detail.type_url.rpartition("/")[2],
                        "value": b64encode(detail.value).rstrip(b"=").decode(),
                    }
                    for detail in status.details
                ]
            answer["error"] = error
        exchange.end(None, envelope(json.dumps(answer).encode(), CONNECT_END))


def _connect_code(code: int) -> str:
    return "canceled" if code == Code.CANCELLED else Code(code).name.lower()


PROTOCOLS: dict[bytes, RpcProtocol] = {
    **dict.fromkeys((CONTENT_TYPE, b"application/grpc+proto"), Grpc(CONTENT_TYPE)),
    b"application/grpc+json": Grpc(b"application/grpc+json", json=True),
    **dict.fromkeys(
        (b"application/grpc-web", b"application/grpc-web+proto"),
        GrpcWeb(b"application/grpc-web+proto"),
    ),
    **dict.fromkeys(TEXT_TYPES, GrpcWeb(TEXT_TYPES[-1], text=True)),
    b"application/grpc-web+json": GrpcWeb(b"application/grpc-web+json", json=True),
    b"application/connect+proto": Connect(b"application/connect+proto"),
    b"application/connect+json": Connect(b"application/connect+json", json=True),
}
"""By the media type of a request."""


def first(headers: Headers, name: bytes) -> bytes:
    """The first value of a field; empty if there is none."""
    return _given(headers, name) or b""


def _given(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a field, which may be empty; None if there is none."""
    return next((value for key, value in headers if key == name), None)


# ---- Other forms ----------------------------------------------------------------------------


class Rewritten:
    """Runs of envelopes in another form.

    It exists to keep one fact: what many members get is written once, however many they are.
    """

    __slots__ = ("_form", "_run", "_written")

    def __init__(self, form: Callable[[bytes], bytes]) -> None:
        """`form` writes a run anew."""
        self._form = form
        self._run = b""
        self._written = b""

    def of(self, run: bytes) -> bytes:
        """The same run in the other form."""
        if run is not self._run:
            self._written = self._form(run)
            self._run = run
        return self._written


def as_json(run: bytes) -> bytes:
    """A run of envelopes with JSON in place of protobuf."""
    return b"".join([_json_envelope(payload) for payload in payloads(run)])


@lru_cache(maxsize=1024)
def _json_envelope(payload: bytes) -> bytes:
    message = pb.Message.FromString(payload)
    return envelope(json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode())
