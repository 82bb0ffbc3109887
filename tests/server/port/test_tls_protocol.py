"""A TLS connection without a network: what goes up, what goes down, how it ends."""

from __future__ import annotations

import asyncio
import logging
import ssl

import pytest

from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.port.tls_transport import RECORD_BYTES
from tests.client.certificates import Pair

from .tls_peers import Connection, client_context, server_context

MIB = 1024 * 1024
OVERHEAD = 22
"""Of a record of TLS 1.3 with AES-GCM."""


@pytest.fixture
def client(ca: Pair) -> ssl.SSLContext:
    return client_context(ca.certificate)


@pytest.fixture
def connection(localhost: Pair, client: ssl.SSLContext) -> Connection:
    made = Connection(server_context(localhost), client)
    made.shake_hands()
    return made


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was told to the operator."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def debugged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged for debugging alone."""
    assert [] == log_of(caplog)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bytes_go_both_ways(
    localhost: Pair, client: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    """With either version of TLS."""
    client.maximum_version = client.minimum_version = version
    connection = Connection(server_context(localhost), client)
    connection.shake_hands()
    connection.say(b"question")
    connection.above.transport.write(b"answer")
    assert [b"question"] == connection.above.pieces
    assert b"answer" == connection.heard()


def test_a_handshake_may_come_byte_by_byte_with_the_first_request(
    localhost: Pair, client: ssl.SSLContext
) -> None:
    """Where segments begin and end means nothing, and content behind the handshake is kept."""
    connection = Connection(server_context(localhost), client)
    with pytest.raises(ssl.SSLWantReadError):
        connection.client.do_handshake()
    for byte in connection.outgoing.read():
        connection.protocol.data_received(bytes([byte]))
    connection.hear()
    connection.client.do_handshake()
    connection.client.write(b"early")
    for byte in connection.outgoing.read():
        connection.protocol.data_received(bytes([byte]))
    assert [b"early"] == connection.above.pieces


def test_much_at_once_is_handed_up_in_pieces(connection: Connection) -> None:
    """At most 64 KiB a call, and not a call for each record."""
    sent = bytes(range(256)) * 1024
    connection.say(sent)
    assert sent == b"".join(connection.above.pieces)
    assert [65536] * 4 == [len(piece) for piece in connection.above.pieces]


def test_reading_can_be_paused_within_a_segment(connection: Connection) -> None:
    """Nothing more is handed up until it is resumed; then all of it, the end last."""
    asyncio.run(_pause_within_a_segment(connection))


async def _pause_within_a_segment(connection: Connection) -> None:
    above = connection.above
    above.pause_at_data = True
    sent = bytes(range(256)) * 1024
    connection.say(sent)
    assert 1 == len(above.pieces)
    assert not connection.below.reading
    assert not above.transport.is_reading()
    connection.protocol.eof_received()  # uvloop tells it to those who pause as well
    assert ["made"] == above.told
    above.pause_at_data = False
    above.transport.resume_reading()
    assert 1 == len(above.pieces), "data came while the protocol was calling"
    await asyncio.sleep(0)
    assert sent == b"".join(above.pieces)
    assert ["made", "eof"] == above.told


def test_reading_below_is_resumed_when_nothing_is_left(connection: Connection) -> None:
    """And not before."""
    asyncio.run(_resume_until_nothing_is_left(connection))


async def _resume_until_nothing_is_left(connection: Connection) -> None:
    above = connection.above
    above.pause_at_data = True
    connection.say(bytes(200_000))  # three pieces of 64 KiB and the rest
    for pieces in (1, 2, 3, 4):
        assert not connection.below.reading
        assert pieces == len(above.pieces)
        above.transport.resume_reading()
        await asyncio.sleep(0)
    assert 200_000 == sum(map(len, above.pieces))
    assert connection.below.reading


def test_a_stalled_reader_holds_the_limit_and_a_record(connection: Connection) -> None:
    """What is written beyond it waits as it is, is counted, and comes when there is room."""
    above, below = connection.above, connection.below
    above.transport.set_write_buffer_limits(high=65536, low=1024)
    below.taking = False
    sent = bytes(range(256)) * 4 * 1024 * 10
    above.transport.write(sent)
    above.transport.write(b"and this")
    assert ["made", "pause"] == above.told
    assert 65536 < below.most_held <= 65536 + RECORD_BYTES + OVERHEAD
    records = -(-below.most_held // (RECORD_BYTES + OVERHEAD))
    assert len(sent) + 8 + records * OVERHEAD == above.transport.get_write_buffer_size()
    while below.paused:
        below.take(len(below.buffer) - 100)
    below.take()
    assert ["made", "pause", "resume"] == above.told
    assert below.most_held <= 65536 + RECORD_BYTES + OVERHEAD
    assert sent + b"and this" == connection.heard()
    assert 0 == above.transport.get_write_buffer_size()


def test_a_bytearray_that_waits_may_be_changed(connection: Connection) -> None:
    """Its owner uses it again, as with asyncio's transports."""
    connection.above.transport.set_write_buffer_limits(high=0)
    connection.below.taking = False
    connection.above.transport.write(b"first")
    mine = bytearray(b"second")
    connection.above.transport.write(mine)
    mine[:] = b"broken"
    connection.below.take()
    assert b"firstsecond" == connection.heard()


def test_small_writes_at_once_share_a_record(connection: Connection) -> None:
    """`writelines` costs one record and one write below, whatever the number of its parts."""
    connection.hear()
    connection.below.writes = 0
    connection.above.transport.writelines([b"frame", b"", memoryview(b" "), bytearray(b"by frame")])
    assert 1 == connection.below.writes
    assert len(b"frame by frame") + OVERHEAD == len(connection.below.taken)
    assert b"frame by frame" == connection.heard()


def test_closing_sends_what_was_written_and_says_so(connection: Connection) -> None:
    """Then close_notify; what is written or comes afterwards is dropped."""
    above, below = connection.above, connection.below
    below.taking = False
    above.transport.write(bytes(MIB))
    above.transport.close()
    above.transport.write(b"too late")
    connection.say(b"late as well")
    assert above.transport.is_closing()
    assert not below.closing
    while below.buffer:
        below.take(len(below.buffer))
    assert below.closing
    assert bytes(MIB) == connection.heard()
    assert [] == above.pieces
    assert b"" == connection.client.read(1), "without close_notify it would want more"
    connection.end()
    assert (["made", "pause", "resume", "lost"], 1) == (above.told, connection.closed)


@pytest.mark.parametrize("said", [True, False], ids=["close_notify", "FIN"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_peer_may_end_its_side(
    localhost: Pair, client: ssl.SSLContext, said: bool, version: ssl.TLSVersion
) -> None:
    """With close_notify or without: the protocol above is told once, and may still answer."""
    client.maximum_version = version
    connection = Connection(server_context(localhost), client)
    connection.shake_hands()
    connection.client.write(b"the last")
    if said:
        with pytest.raises(ssl.SSLWantReadError):
            connection.client.unwrap()
    connection.say()
    assert connection.protocol.eof_received()
    assert ["made", "eof"] == connection.above.told
    connection.above.transport.write(b"an answer")
    connection.above.transport.close()
    assert connection.below.closing
    if said:  # Python's client reads no more; that something was sent, its kind shows
        assert b"\x17\x03\x03" == connection.below.taken[:3]
    else:
        assert b"an answer" == connection.heard()


def test_who_does_not_keep_writing_is_closed(connection: Connection) -> None:
    """eof_received above returns False, or nothing."""
    connection.above.keeps_writing = False
    connection.protocol.eof_received()
    assert connection.below.closing
    assert b"" == connection.heard()


def test_a_record_that_was_tampered_with_ends_the_connection(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """With an alert, a line in the log, and the reason for the protocol above."""
    caplog.set_level(logging.DEBUG, "chatroom")
    connection.client.write(b"transfer 100")
    record = bytearray(connection.outgoing.read())
    record[-1] ^= 1
    connection.protocol.data_received(bytes(record))
    assert connection.below.closing
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        connection.heard()
    connection.end()
    assert isinstance(connection.above.lost_with, ssl.SSLError)
    expected = "192.0.2.1:4711: TLS ended the connection: decryption failed or bad record mac"
    assert [expected] == log_of(caplog)


def test_slow_bytes_do_not_hold_a_handshake(
    localhost: Pair, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A byte a second: after ten of them it is over."""
    caplog.set_level(logging.DEBUG, "chatroom")
    connection = Connection(server_context(localhost), client)
    with pytest.raises(ssl.SSLWantReadError):
        connection.client.do_handshake()
    hello = connection.outgoing.read()
    for second in range(10):
        connection.protocol.check(100.0 + second)
        connection.protocol.data_received(hello[second : second + 1])
        assert not connection.below.closing
    connection.protocol.check(110.0)
    assert connection.below.aborted
    assert 100.0 == connection.protocol.begun_at
    connection.end()
    assert 1 == connection.closed
    assert ["192.0.2.1:4711: the TLS handshake took too long"] == debugged(caplog)


def test_an_open_connection_is_not_timed(connection: Connection) -> None:
    """Time is for the beginning and the end."""
    for now in (0.0, 1000.0):
        connection.protocol.check(now)
    assert not connection.below.closing


def test_a_peer_that_never_takes_the_rest_is_cut(connection: Connection) -> None:
    """Ten seconds after the first check that finds it closing."""
    connection.below.taking = False
    connection.above.transport.write(bytes(MIB))
    connection.above.transport.close()
    for now, aborted in ((5.0, False), (14.9, False), (15.0, True)):
        connection.protocol.check(now)
        assert aborted is connection.below.aborted


@pytest.mark.parametrize(
    ("first", "spoke", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 without TLS", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", "HTTP/1.1 without TLS", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2 without TLS", b""),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "something that is not TLS", b"\x15\x03\x03\0\x02\x02\x46"),
    ],
)  # fmt: skip
def test_who_comes_without_tls_is_told(
    localhost: Pair, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture,
    first: bytes, spoke: str, answer: bytes,
) -> None:  # fmt: skip
    """In the words it understands; the log says what it spoke. What else it sends is not kept."""
    caplog.set_level(logging.DEBUG, "chatroom")
    connection = Connection(server_context(localhost), client)
    connection.protocol.data_received(first[:1])
    connection.protocol.data_received(first[1:])
    assert connection.below.taken.startswith(answer)
    assert bool(answer) is bool(connection.below.taken)
    assert connection.below.ended
    connection.protocol.data_received(bytes(MIB))
    assert not connection.protocol.eof_received()
    connection.end()
    assert ([], 1) == (connection.above.told, connection.closed)
    assert [f"192.0.2.1:4711: spoke {spoke} to a port with TLS"] == log_of(caplog)


def test_a_handshake_that_fails_ends_with_an_alert(
    localhost: Pair, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says why."""
    caplog.set_level(logging.DEBUG, "chatroom")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("AES128-SHA256")  # no forward secrecy: not for HTTP/2
    connection = Connection(server_context(localhost), client)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        connection.shake_hands()
    assert connection.below.ended
    for now in (0.0, 10.0):
        connection.protocol.check(now)
    assert connection.below.aborted
    expected = "192.0.2.1:4711: the TLS handshake failed: no shared cipher"
    assert [expected] == log_of(caplog)


def test_who_goes_away_before_the_end_of_the_handshake_is_logged(
    localhost: Pair, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A check of health that only connects, for one."""
    caplog.set_level(logging.DEBUG, "chatroom")
    connection = Connection(server_context(localhost), client)
    assert not connection.protocol.eof_received()
    connection.end()
    assert 1 == connection.closed
    assert ["192.0.2.1:4711: went away before the TLS handshake was over"] == debugged(caplog)


def test_a_handshake_has_a_size(
    localhost: Pair, client: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A ClientHello of 128 KiB is not waited for."""
    caplog.set_level(logging.DEBUG, "chatroom")
    limits = TlsLimits(handshake_bytes=32 * 1024)
    connection = Connection(server_context(localhost), client, limits)
    hello = b"\x01\x01\xff\x00" + bytes(16380)
    record = b"\x16\x03\x01" + len(hello).to_bytes(2, "big")
    connection.protocol.data_received(record + hello)
    assert not connection.below.ended
    connection.protocol.data_received(record + bytes(len(hello)))
    assert connection.below.ended
    assert ["192.0.2.1:4711: sent more than a TLS handshake takes"] == log_of(caplog)
