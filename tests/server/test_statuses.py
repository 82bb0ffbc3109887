"""What a refusal becomes on the wire."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote_to_bytes

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as StatusMessage
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core import refusals
from chatroom.core.refusals import Refusal
from chatroom.server.calls.statuses import CODES, Code, EnvelopeInvalid, Status, percent_encoded


def all_refusals(base: type[Refusal] = Refusal) -> set[type[Refusal]]:
    return {each for sub in base.__subclasses__() for each in {sub, *all_refusals(sub)}}


def test_every_refusal_has_a_code() -> None:
    """A new refusal must be given its place in the table."""
    assert all_refusals() == {*CODES, EnvelopeInvalid}


def test_every_reason_is_used_once() -> None:
    """A program can tell every refusal from every other by its reason."""
    reasons = [refusal.reason for refusal in all_refusals()]
    assert sorted(set(reasons)) == sorted(reasons)


def details(refusal: Refusal) -> StatusMessage:
    trailers = dict(Status.of(refusal).trailers())
    binary = trailers[b"grpc-status-details-bin"]
    return StatusMessage.FromString(b64decode(binary + b"=" * (-len(binary) % 4)))


def test_the_details_say_what_the_sentence_says() -> None:
    """ErrorInfo always, RetryInfo and BadRequest where they apply."""
    taken = details(refusals.NameTaken("Bob", "Bob 2"))
    info = ErrorInfo.FromString(taken.details[0].value)
    assert (Code.ALREADY_EXISTS, "NAME_TAKEN", "rpc.ChatService", {"free": "Bob 2"}) == (
        taken.code, info.reason, info.domain, dict(info.metadata),
    )  # fmt: skip
    limited = details(refusals.RateLimited(1.25))
    retry = RetryInfo.FromString(limited.details[1].value)
    assert (1, 250_000_000) == (retry.retry_delay.seconds, retry.retry_delay.nanos)
    invalid = details(refusals.NameInvalid("a name tag is needed"))
    violation = BadRequest.FromString(invalid.details[1].value).field_violations[0]
    assert ("name", "a name tag is needed") == (violation.field, violation.description)


@given(st.text(st.characters(codec="utf-8")))
def test_messages_survive_their_encoding(text: str) -> None:
    """Percent-encoded they are printable ASCII, and decode to what they were."""
    encoded = percent_encoded(text)
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert text.encode() == unquote_to_bytes(encoded)
