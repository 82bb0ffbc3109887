"""The table of what is tried again, the delays, and the page that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from chatroom.client import ChatError, Patience
from chatroom.client.backoff import Backoff
from chatroom.client.retry import READS, RULES, Stream, call_is_retried, stream_retry
from chatroom.server.calls.statuses import CODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "retrying.md"


def error(code: str, reason: str = "") -> ChatError:
    return ChatError(grpc.StatusCode[code], reason, "a sentence")


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        ("UNAVAILABLE", "", Stream.RETRY),
        ("UNAVAILABLE", "DRAINING", Stream.RETRY),
        ("UNAVAILABLE", "SOMETHING_NEW", Stream.RETRY),
        ("RESOURCE_EXHAUSTED", "SLOW_CONSUMER", Stream.RETRY),
        ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", Stream.GIVE_UP),
        ("RESOURCE_EXHAUSTED", "", Stream.GIVE_UP),
        ("ALREADY_EXISTS", "NAME_TAKEN", Stream.BRIEFLY),
        ("INTERNAL", "", Stream.RETRY),
        ("INTERNAL", "ENVELOPE_INVALID", Stream.GIVE_UP),
        ("ABORTED", "SESSION_REPLACED", Stream.GIVE_UP),
        ("ABORTED", "", Stream.GIVE_UP),
        ("PERMISSION_DENIED", "REMOVED", Stream.GIVE_UP),
        ("DATA_LOSS", "DATA_LOSS", Stream.GIVE_UP),
        ("UNAUTHENTICATED", "", Stream.GIVE_UP),
        ("UNAUTHENTICATED", "TOKEN_EXPIRED", Stream.GIVE_UP),
        ("INVALID_ARGUMENT", "SESSION_MISMATCH", Stream.GIVE_UP),
    ],
)
def test_stream_is_retried_by_code_and_reason(code: str, reason: str, expected: Stream) -> None:
    """The rule of the reason counts, else that of the code, else it is given up."""
    assert expected is stream_retry(error(code, reason))


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        ("UNAUTHENTICATED", "TOKEN_EXPIRED", Stream.BRIEFLY),
        ("UNAUTHENTICATED", "TOKEN_REVOKED", Stream.GIVE_UP),
        ("UNAVAILABLE", "DRAINING", Stream.RETRY),
    ],
)
def test_a_source_of_tokens_helps_where_one_has_expired(
    code: str, reason: str, expected: Stream
) -> None:
    assert expected is stream_retry(error(code, reason), renews=True)


@pytest.mark.parametrize(
    ("code", "reason", "method", "expected"),
    [
        ("UNAVAILABLE", "", "ListMessages", True),
        ("UNAVAILABLE", "", "CreateChatRoom", False),
        ("UNAVAILABLE", "", "RemoveMember", False),
        ("UNAVAILABLE", "", "DeleteChatRoom", False),
        ("UNAVAILABLE", "DRAINING", "CreateChatRoom", True),
        ("UNAVAILABLE", "JOURNAL_UNAVAILABLE", "CreateChatRoom", False),
        ("DEADLINE_EXCEEDED", "", "ListMessages", False),
        ("NOT_FOUND", "ROOM_NOT_FOUND", "ListMessages", False),
        ("DATA_LOSS", "DATA_LOSS", "ListMessages", False),
    ],
)
def test_call_is_retried_by_what_it_changes(
    code: str, reason: str, method: str, expected: bool
) -> None:
    """What may have been carried out is repeated only if it changes nothing."""
    assert expected is call_is_retried(error(code, reason), method)


def test_every_status_has_one_rule() -> None:
    """No code and reason stands in the table twice."""
    assert len(RULES) == len({(rule.code, rule.reason) for rule in RULES})


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DATA_LOSS"])
def test_what_may_pass_by_itself_has_a_rule_for_each_reason(code: str) -> None:
    """Somebody has decided for each, where the code alone does not say what to do."""
    told = {refusal.reason for refusal, its in CODES.items() if its.name == code}
    assert told
    assert told <= {rule.reason for rule in RULES if rule.code == code}


def test_the_page_for_other_languages_shows_the_table() -> None:
    """docs/retrying.md says of each status what the code does."""
    shown = [
        tuple(cell.strip().strip("`") for cell in row.strip("|").split("|"))
        for row in re.findall(r"^\| `[A-Z_]+` \|.*\|$", PAGE.read_text(), re.MULTILINE)
    ]
    words = {"": "none", "*": "any other, or none"}
    expected = [
        (rule.code, words.get(rule.reason, rule.reason), rule.stream, rule.call, rule.why)
        for rule in RULES
    ]
    assert expected == shown


def test_the_page_for_other_languages_names_the_delays() -> None:
    """The figures on the page are the defaults of Patience."""
    page, patience = PAGE.read_text(), Patience()
    assert f"`first` = {patience.backoff:g} s, `limit` = {patience.backoff_limit:g} s" in page
    assert f"after {patience.recovery:g} s" in page
    assert f"for {patience.name:g} s" in page
    assert READS == set(re.findall(r"`((?:List|Search)\w+)`", page))


def test_delays_double_up_to_the_limit() -> None:
    """With the greatest chance the delays are the bounds themselves."""
    backoff = Backoff(1.0, 5.0, chance=lambda: 1.0)
    assert [1.0, 2.0, 4.0, 5.0, 5.0] == [backoff.delay() for _ in range(5)]


def test_jitter_is_full() -> None:
    """The delay is that part of the bound which chance says, down to nothing."""
    chances = iter([0.0, 0.5, 0.25])
    backoff = Backoff(1.0, 60.0, chance=lambda: next(chances))
    assert [0.0, 1.0, 1.0] == [backoff.delay() for _ in range(3)]


def test_what_the_server_asks_for_is_the_least() -> None:
    """RetryInfo is a lower bound, to which the jitter is added."""
    backoff = Backoff(1.0, 60.0, chance=lambda: 0.5)
    assert 3.5 == backoff.delay(3.0)


def test_connection_that_held_begins_the_delays_anew() -> None:
    """Only one that held for longer than the bound does; a flapping one does not."""
    backoff = Backoff(1.0, 60.0, chance=lambda: 1.0)
    assert [1.0, 2.0] == [backoff.delay(), backoff.delay()]
    backoff.lasted(3.9)
    assert 4.0 == backoff.delay()
    backoff.lasted(8.0)
    assert 1.0 == backoff.delay()
