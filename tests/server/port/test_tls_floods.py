"""Records that carry nothing, from a peer with the right keys."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.port.tls_transport import RECORD_BYTES
from tests.client.certificates import Pair

from .tls_peers import Connection, Forger, client_context, server_context

KEY_UPDATE_BYTES = 27


@pytest.fixture
def forged(localhost: Pair, ca: Pair, tmp_path: Path) -> tuple[Connection, Forger]:
    """A connection, and what makes records that the client would not."""
    client = client_context(ca.certificate)
    keylog = tmp_path / "keys"
    client.keylog_filename = str(keylog)
    connection = Connection(server_context(localhost), client)
    connection.shake_hands()
    connection.hear()
    return connection, Forger(keylog)


def test_a_forged_record_is_taken(forged: tuple[Connection, Forger]) -> None:
    """So what the tests below send is refused for what it is, and not for its keys."""
    connection, forger = forged
    connection.protocol.data_received(forger.content(b"one"))
    connection.protocol.data_received(forger.key_update())
    connection.protocol.data_received(forger.content(b"two"))
    assert [b"one", b"two"] == connection.above.pieces
    connection.above.transport.write(b"still here")  # after its own KeyUpdate
    assert b"still here" == connection.heard()


@pytest.mark.parametrize(
    ("make", "taken", "why"),
    [
        (lambda forger: forger.content(b""), 40, "record too small"),
        (lambda forger: forger.warning(), 40, "too many warn alerts"),
        (
            Forger.key_update,
            TlsLimits().barren_bytes // KEY_UPDATE_BYTES + 1,
            "too many records without content",
        ),
        (
            lambda forger: forger.content(b"", padding=RECORD_BYTES),
            5,
            "too many records without content",
        ),
    ],
    ids=["empty records", "warnings", "KeyUpdates", "padding"],
)
def test_a_flood_of_nothing_ends_the_connection(
    forged: tuple[Connection, Forger], caplog: pytest.LogCaptureFixture,
    make: Callable[[Forger], bytes], taken: int, why: str,
) -> None:  # fmt: skip
    """After so many, with a line in the log, and in a bounded time."""
    caplog.set_level(logging.DEBUG, "chatroom")
    connection, forger = forged
    flood = [make(forger) for _ in range(2 * taken)]
    begun = time.process_time()
    sent = 0
    for record in flood:
        if connection.below.closing:
            break
        connection.protocol.data_received(record)
        sent += 1
    took = time.process_time() - begun
    assert sent <= taken
    assert connection.below.closing
    assert [] == connection.above.pieces
    assert [f"192.0.2.1:4711: TLS ended the connection: {why}"] == caplog.messages
    assert took < 1, f"{took * 1e6 / sent:.0f} µs a record"


def test_a_flood_in_one_segment_is_not_worked_through(
    forged: tuple[Connection, Forger],
) -> None:
    """The rest of it is not even decrypted: the answers show how far we came."""
    connection, forger = forged
    connection.below.taken.clear()
    connection.protocol.data_received(b"".join(forger.key_update() for _ in range(9700)))
    assert connection.below.closing
    answers = len(connection.below.taken) // KEY_UPDATE_BYTES
    assert answers * KEY_UPDATE_BYTES <= TlsLimits().barren_bytes + RECORD_BYTES


def test_key_updates_between_messages_are_no_flood(forged: tuple[Connection, Forger]) -> None:
    """A peer that changes its keys with each message may do so for ever."""
    connection, forger = forged
    for _ in range(3000):
        connection.protocol.data_received(forger.key_update() + forger.content(b"hi"))
    assert 3000 == len(connection.above.pieces)
    assert not connection.below.closing


def test_a_peer_that_takes_no_answers_is_not_read(forged: tuple[Connection, Forger]) -> None:
    """What TLS answers by itself counts in what may wait; at the limit we stop reading."""
    connection, forger = forged
    below = connection.below
    below.taking = False
    sent = 0
    while below.reading and sent < 10_000:
        connection.protocol.data_received(forger.key_update() + forger.content(b"hi"))
        sent += 1
    assert not below.reading
    assert 65536 < below.most_held < 65536 + RECORD_BYTES
    assert connection.above.told == ["made", "pause"]
    below.take()
    assert below.reading
    connection.protocol.data_received(forger.content(b"and on"))
    assert b"and on" == connection.above.pieces[-1]
