"""Connections that say a byte now and then, and never the last one.

Within a test nothing can be seen but that they cost little. Under soak they hold on beyond
every time-out, and the server must have ended them.
"""

from __future__ import annotations

import pytest

from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2.frames import END_STREAM, PREFACE, Kind, data, frame
from tests.faults.scale import SOAK, scaled
from tests.faults.server_process import ServerProcess
from tests.interop.raw_grpc import MEMBERS

from .attacker import Attacker
from .hostile import block, headers
from .siege import HOLD_ROUNDS, HOLD_SECONDS, Siege, besieged

CONNECTIONS = 200
BODY_SECONDS = scaled(10, 750, brief=4) / 10
"""How long a body goes on: under soak for longer than all of it may take."""
POST = b"POST /rpc.ChatService/ListMembers HTTP/1.1\r\nhost: 127.0.0.1\r\n"
JSON = POST + b"content-type: application/json\r\n"
SLOW = {
    "nothing at all": (b"", b""),
    "the preface": (b"", PREFACE),
    "HTTP/1.1: the request line": (b"", b"GET /" + b"a" * HOLD_ROUNDS),
    "HTTP/1.1: a header": (b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ", b"a" * 100),
    "HTTP/1.1: a body": (JSON + b"content-length: 1000\r\n\r\n{", b" " * 100),
    "HTTP/1.1: a chunked body": (JSON + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 99),
}
"""What is sent at once, and what byte by byte."""


def ended(attacker: Attacker) -> bool:
    """Whether the server has closed the connection, or has ended its stream 1."""
    return attacker.ended or 1 in attacker.resets or bool(attacker.status(1))


def judge(siege: Siege) -> None:
    """Under soak, assert that all have ended."""
    left = sum(not ended(attacker) for attacker in siege.attackers)
    siege.outcomes.append(f"{left} of {len(siege.attackers)} left")
    if SOAK:
        assert 0 == left


@pytest.mark.parametrize("what", SLOW)
def test_slow_bytes(server: ServerProcess, what: str) -> None:
    """Half a request on each of many connections."""
    at_once, slow = SLOW[what]
    with besieged(server, f"slow bytes: {what}, {CONNECTIONS} connections") as siege:
        for _ in range(CONNECTIONS):
            siege.speechless(at_once)
        siege.hold(slow, BODY_SECONDS if "body" in what else HOLD_SECONDS)
        judge(siege)


BODIES = {
    "before the join": headers(1, CHAT),
    "of a method": headers(1, MEMBERS),
}


@pytest.mark.parametrize("what", BODIES)
def test_slow_body(server: ServerProcess, what: str) -> None:
    """The first message of a call, a byte in a frame: it never ends, the call must."""
    octets = envelope(bytes(100))
    with besieged(server, f"slow body {what}, {CONNECTIONS} connections") as siege:
        for _ in range(CONNECTIONS):
            siege.attacker().send(BODIES[what])
        for number in range(HOLD_ROUNDS):
            for attacker in siege.attackers:
                attacker.send(data(1, octets[number : number + 1]))
            siege.wait(BODY_SECONDS)
        judge(siege)


@pytest.mark.parametrize("silent", [False, True], ids=["a byte in a frame", "nothing more"])
def test_slow_header_block(server: ServerProcess, *, silent: bool) -> None:
    """A header block that goes on by a byte at a time, or stops."""
    fields = block(CHAT)
    with besieged(server, f"slow header block, {silent=}, {CONNECTIONS} connections") as siege:
        for _ in range(CONNECTIONS):
            siege.attacker().send(frame(Kind.HEADERS, END_STREAM, 1, fields[:10]))
        for number in range(HOLD_ROUNDS):
            octet = fields[10 + number : 11 + number]
            for attacker in siege.attackers:
                attacker.send(b"" if silent else frame(Kind.CONTINUATION, 0, 1, octet))
            siege.wait()
        judge(siege)
