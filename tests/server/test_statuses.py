"""What a refusal becomes on the wire."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as StatusMessage

from chatroom.core import refusals
from chatroom.core.refusals import Refusal
from chatroom.server.calls.statuses import (
    CODES,
    EnvelopeInvalid,
    MessageTooLarge,
    Status,
    code_of,
    refusal_of,
)
from chatroom.wire import envelopes
from chatroom.wire.envelopes import EnvelopeError
from chatroom.wire.grpc import Code, TimeoutInvalid, binary_octets


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
    return StatusMessage.FromString(binary_octets(binary))


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


BAD_BYTES: list[tuple[EnvelopeError | TimeoutInvalid, type[Refusal], Code]] = [
    (envelopes.FlagsUnknown(2), EnvelopeInvalid, Code.INVALID_ARGUMENT),
    (envelopes.CutShort(), EnvelopeInvalid, Code.INVALID_ARGUMENT),
    (envelopes.CompressionInvalid("gzip", "x"), EnvelopeInvalid, Code.INVALID_ARGUMENT),
    (envelopes.EncodingUnknown(b"br"), EnvelopeInvalid, Code.UNIMPLEMENTED),
    (envelopes.EncodingMissing(), EnvelopeInvalid, Code.INTERNAL),
    (envelopes.MessageTooLong(70_000, 65_536), MessageTooLarge, Code.RESOURCE_EXHAUSTED),
    (TimeoutInvalid(b"1"), EnvelopeInvalid, Code.INVALID_ARGUMENT),
]


@pytest.mark.parametrize(("error", "kind", "code"), BAD_BYTES)
def test_bytes_that_mean_nothing_are_refused(
    error: EnvelopeError | TimeoutInvalid, kind: type[Refusal], code: Code
) -> None:
    """With the sentence of the error, and the code of the table in the design."""
    refusal = refusal_of(error)
    assert (kind, code, str(error)) == (type(refusal), code_of(refusal), str(refusal))


def test_every_error_of_an_envelope_is_in_the_table_above() -> None:
    """A new one must be given its status."""
    assert set(EnvelopeError.__subclasses__()) == {type(error) for error, _, _ in BAD_BYTES} - {
        TimeoutInvalid
    }
