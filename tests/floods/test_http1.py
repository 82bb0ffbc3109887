"""HTTP/1.1 on the same port: heads and chunks without end, and answers nobody reads."""

from __future__ import annotations

import pytest

from tests.faults.scale import scaled
from tests.faults.server_process import MIB, ServerProcess

from .attacker import Attacker
from .siege import besieged

HOST = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n"
POST = (
    b"POST /rpc.ChatService/ListMembers HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    b"content-type: application/json\r\n"
)
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
ENDLESS = {
    "a request line": (b"GET /", b"a" * 1024),
    "a header's name": (HOST, b"x" * 1024),
    "a header's value": (HOST + b"x-long: ", b"v" * 1024),
    "headers": (HOST, b"x-many: v\r\n" * 100),
    "a size of a chunk": (CHUNKED, b"0" * 1024),
    "an extension of a chunk": (CHUNKED + b"1;", b"e" * 1024),
    "chunks of a byte": (CHUNKED, b"1\r\n \r\n" * 200),
    "trailers": (CHUNKED + b"0\r\n", b"x-many: v\r\n" * 100),
    "a body": (POST + b"content-length: 1000000000\r\n\r\n", b" " * 1024),
}
"""What a request begins with, and what then goes on and on."""


@pytest.mark.parametrize("what", ENDLESS)
def test_endless(server: ServerProcess, what: str) -> None:
    """A request without end is refused, and its connection closed."""
    begin, more = ENDLESS[what]
    with besieged(server, f"HTTP/1.1: {what} without end") as siege:
        attacker = siege.speechless(begin)
        attacker.send(more * (scaled(32, 256) * MIB // len(more)))
        # A server that is done with a request may take the rest of it before it closes.
        attacker.until(lambda: attacker.ended)
        siege.outcomes.append("closed" if attacker.ended else "open")
        assert attacker.ended


def test_answers_nobody_reads(server: ServerProcess) -> None:
    """Requests in a row, whose answers stay where they are: the server stops reading them."""
    with besieged(server, "HTTP/1.1: requests in a row, answers unread") as siege:
        attacker = Attacker(server.port, HOST, reading=False, receive_bytes=4096)
        siege.attackers.append(attacker)
        attacker.send(b"\r\n" + (HOST + b"\r\n") * scaled(50_000, 500_000))
        siege.outcomes.append("held back" if attacker.held_back else "taken")
