"""What differs between the protocols of a stream: its head, its end, its times, its messages."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status as StatusMessage

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.refusals import Refusal, RoomNotFound
from chatroom.server.calls.protocols import CONNECT_END, PROTOCOLS, WEB_TRAILERS, Rewritten, as_json
from chatroom.server.calls.statuses import OK, EnvelopeInvalid, Status
from chatroom.wire.envelopes import cut, envelope, payloads
from chatroom.wire.grpc import Code, binary_octets

GRPC = b"application/grpc"
WEB = b"application/grpc-web"
CONNECT = b"application/connect+proto"
JSON = b"application/connect+json"
NOT_FOUND = Status.of(RoomNotFound("lobby"))


class Exchange:
    """Writes down what a protocol asks for, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def begin(self, headers: Any) -> None:
        self.asked.append(("begin", list(headers)))

    def end(self, trailers: Any, last: bytes = b"") -> None:
        self.asked.append(("end", trailers, last))

    def whole(self, headers: Any) -> None:
        self.asked.append(("whole", dict(headers)))


def ended(media: bytes, status: Status, *, begun: bool) -> list[tuple[Any, ...]]:
    exchange = Exchange()
    protocol = PROTOCOLS[media]
    protocol.end(exchange, status, None if begun else protocol.head())
    return exchange.asked


def last_envelope(asked: list[tuple[Any, ...]], flags: int, *, head: bytes | None) -> bytes:
    """The message of the one envelope that ends a response without trailers."""
    if head is not None:
        name, fields = asked.pop(0)
        assert ("begin", head) == (name, dict(fields)[b"content-type"])
    [(name, trailers, last)] = asked
    assert ("end", None) == (name, trailers)
    [(found, begin, end)] = cut(last)
    assert (flags, len(last)) == (found, end)
    return last[begin:end]


# ---- The end -----------------------------------------------------------------------------


def test_grpc_ends_with_trailers() -> None:
    """With the message and the details of what was refused."""
    [(name, trailers, last)] = ended(GRPC, NOT_FOUND, begun=True)
    assert ("end", b"") == (name, last)
    fields = dict(trailers)
    assert b"5" == fields[b"grpc-status"]
    details = StatusMessage.FromString(binary_octets(fields[b"grpc-status-details-bin"]))
    assert (5, str(RoomNotFound("lobby"))) == (details.code, details.message)


@pytest.mark.parametrize("media", [GRPC, b"application/grpc+json"])
def test_grpc_before_its_head_is_trailers_only(media: bytes) -> None:
    """The head with the status in it, and nothing else (PROTOCOL-HTTP2, "Trailers-Only")."""
    [(name, fields)] = ended(media, NOT_FOUND, begun=False)
    assert ("whole", media, b"5") == (name, fields[b"content-type"], fields[b"grpc-status"])


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(("status", "code"), [(OK, b"0"), (NOT_FOUND, b"5")])
def test_grpc_web_ends_with_an_envelope_of_trailers(
    begun: bool, status: Status, code: bytes
) -> None:
    """In lower case, a line each (PROTOCOL-WEB.md)."""
    head = None if begun else b"application/grpc-web+proto"
    message = last_envelope(ended(WEB, status, begun=begun), WEB_TRAILERS, head=head)
    assert message.endswith(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in message.split(b"\r\n")[:-1])
    assert code == fields[b"grpc-status"]
    assert all(name == name.lower() for name in fields)


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("media", [CONNECT, JSON])
def test_connect_ends_with_an_envelope_of_json(media: bytes, begun: bool) -> None:
    """The error with its details, whose bytes are in base64 without padding."""
    head = None if begun else media
    asked = ended(media, NOT_FOUND, begun=begun)
    error = json.loads(last_envelope(asked, CONNECT_END, head=head))["error"]
    assert ("not_found", str(RoomNotFound("lobby"))) == (error["code"], error["message"])
    first = error["details"][0]
    assert "google.rpc.ErrorInfo" == first["type"]
    assert "=" not in first["value"]
    octets = b64decode(first["value"] + "=" * (-len(first["value"]) % 4))
    assert "ROOM_NOT_FOUND" == ErrorInfo.FromString(octets).reason


def test_connect_ends_well_with_an_empty_object() -> None:
    """No error at all."""
    assert {} == json.loads(last_envelope(ended(CONNECT, OK, begun=True), CONNECT_END, head=None))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (Code.CANCELLED, "canceled"),
        (Code.DEADLINE_EXCEEDED, "deadline_exceeded"),
        (Code.INVALID_ARGUMENT, "invalid_argument"),
        (Code.UNAUTHENTICATED, "unauthenticated"),
    ],
)
def test_connect_has_its_own_names_for_codes(code: Code, name: str) -> None:
    """One is spelt otherwise than gRPC's (Connect protocol reference, "Error Codes")."""
    message = last_envelope(ended(CONNECT, Status(code), begun=True), CONNECT_END, head=None)
    assert {"error": {"code": name}} == json.loads(message)


# ---- Time --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "value", "seconds"),
    [
        (GRPC, b"1500m", 1.5),
        (WEB, b"2S", 2.0),
        (CONNECT, b"1500", 1.5),
        (JSON, b"0", 0.0),
        (CONNECT, b"9999999999", 9_999_999.999),
    ],
)
def test_a_call_may_have_a_time(media: bytes, value: bytes, seconds: float) -> None:
    """Each protocol has a field of its own, and does not heed the other's."""
    own, other = b"grpc-timeout", b"connect-timeout-ms"
    if media in (CONNECT, JSON):
        own, other = other, own
    headers = [(other, b"nonsense"), (own, value)]
    assert seconds == PROTOCOLS[media].timeout(headers)
    assert PROTOCOLS[media].timeout(headers[:1]) is None


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b"1.5", b"1S", b" 1", b"12345678901", b"\xb2"]
)
def test_what_is_no_time_of_connect_is_refused(value: bytes) -> None:
    """Ten digits at most."""
    with pytest.raises(EnvelopeInvalid):
        PROTOCOLS[CONNECT].timeout([(b"connect-timeout-ms", value)])


@pytest.mark.parametrize("value", [b"-1S", b"1", b"S", b"1s", b"123456789S", b"\xb2S"])
@pytest.mark.parametrize("media", [GRPC, WEB])
def test_what_is_no_time_of_grpc_is_refused(media: bytes, value: bytes) -> None:
    """Eight digits at most, and a unit."""
    with pytest.raises(Refusal):
        PROTOCOLS[media].timeout([(b"grpc-timeout", value)])


def test_the_encoding_of_messages_is_said_in_a_field_of_the_protocol() -> None:
    """`content-encoding` is something else."""
    headers = [(b"grpc-encoding", b"gzip"), (b"connect-content-encoding", b"identity")]
    assert [b"gzip", b"gzip", b"identity"] == [
        PROTOCOLS[media].encoding(headers) for media in (GRPC, WEB, CONNECT)
    ]


# ---- Messages ----------------------------------------------------------------------------


@pytest.mark.parametrize("media", [GRPC, WEB, CONNECT])
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\xff\xff\xff", id="no tag"),
        pytest.param(b"\x0b", id="group without end"),
        pytest.param(b"\x12\x04\x12\x02\xc3\x28", id="not UTF-8"),
    ],
)
def test_what_is_no_protobuf_is_refused(media: bytes, payload: bytes) -> None:
    """The sentence names the message that was expected."""
    with pytest.raises(EnvelopeInvalid, match=r"rpc\.ChatMessage"):
        PROTOCOLS[media].parser(pb.ChatMessage)(payload)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b'{"room_id":', id="half"),
        pytest.param(b'{"colour": 1}', id="no such field"),
        pytest.param(b'{"history": 1e400}', id="infinite"),
        pytest.param(b'{"history": -1}', id="negative"),
        pytest.param(b'{"history": ' + b"9" * 5_000 + b"}", id="too many digits"),
        pytest.param(b'{"name": "\\ud800"}', id="half a character"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"resume":' * 6_000, id="deep objects"),
    ],
)
def test_what_is_no_json_of_a_message_is_refused(payload: bytes) -> None:
    """It never is a failure of the server."""
    with pytest.raises(EnvelopeInvalid, match=r"rpc\.JoinChat"):
        PROTOCOLS[JSON].parser(pb.JoinChat)(payload)


def test_a_run_in_json_has_the_same_messages() -> None:
    """In the same order, each in an envelope; one that is shared is the same object."""
    messages = [pb.Message(name=f"{n}", message="ü" * n, sequence=n + 1) for n in range(5)]
    run = b"".join([envelope(message.SerializeToString()) for message in messages])
    runs = Rewritten(as_json)
    written = runs.of(run)
    parse = PROTOCOLS[JSON].parser(pb.Message)
    assert messages == [parse(payload) for payload in payloads(written)]
    assert written is runs.of(run)
    runs.of(run[: len(payloads(run)[0]) + 5])
    assert written == runs.of(run)
