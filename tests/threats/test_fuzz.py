"""Any bytes at all, to a running server: it answers as its documents say, and logs no error.

Joins, bodies and whole connections. What is pure is fuzzed beside its own tests: tokens in
tests/server/access, HTTP/2 in tests/wire/http2, names and texts in tests/core, envelopes, forwarded
addresses and PROXY headers in tests/wire, HTTP/1.1 in tests/server/port.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, Code
from chatroom.wire.varint import varint
from tests.chatter.hostile_text import ANYTHING, CONTROLS
from tests.faults.scale import scaled
from tests.floods.attacker import Attacker
from tests.floods.siege import Besieged, besieged, chatserver, created_room
from tests.interop.raw_grpc import LEAVE
from tests.interop.raw_http2 import Connection
from tests.server.port.test_http1_requests import REFUSED, TAKEN
from tests.wire.http2.test_fuzz import mutated, noise, wild_frames

EXAMPLES = settings(max_examples=scaled(250, 10_000, brief=60), deadline=None)
SECONDS = scaled(2, 60, brief=1)
AT_ONCE = 50

HELD = {
    Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.RESOURCE_EXHAUSTED,
    Code.UNIMPLEMENTED, Code.UNAUTHENTICATED,
}  # fmt: skip
"""What a call may end with, whatever it says."""


@pytest.fixture
def server(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Besieged]:
    """One whose log has no error in the end."""
    with chatserver(tmp_path / "data") as running:
        yield running
    told = capfd.readouterr().err
    assert "Traceback" not in told
    assert " ERROR " not in told


def field(number: int, kind: int, rest: bytes) -> bytes:
    return varint(number << 3 | kind) + rest


def counted(number: int, octets: bytes) -> bytes:
    return field(number, 2, varint(len(octets)) + octets)


NUMBERS = st.integers(1, 9)
SIZES = st.sampled_from([0, 1, 10, 2**31 - 1, 2**31, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
FIELDS = (
    st.builds(counted, NUMBERS, ANYTHING.map(lambda text: text.encode("utf-8", "surrogatepass")))
    | st.builds(lambda number, value: field(number, 0, varint(value)), NUMBERS, SIZES)
    | st.builds(counted, NUMBERS, st.binary(max_size=40))
    | st.binary(max_size=12)
)


def test_any_join(server: Besieged) -> None:
    """It lets somebody in under a name that is safe to show, or says why not."""
    room = created_room(server).encode()
    names = (
        st.just(b"Mallory")
        | st.binary(max_size=40)
        | ANYTHING.map(lambda t: t.encode("utf-8", "surrogatepass"))
    )
    good = st.builds(
        lambda name, more: counted(1, room) + counted(2, name) + b"".join(more),
        names,
        st.lists(FIELDS, max_size=3),
    )
    joins = st.lists(FIELDS, max_size=6).map(b"".join) | good | good
    shown: set[str] = set()
    codes: set[int] = set()
    with besieged(server, "any join") as siege, Connection(server.address) as connection:

        @EXAMPLES
        @given(joins, st.booleans())
        @example(counted(1, room) + counted(2, b"Ann"), True)
        @example(counted(1, room) + counted(2, b"\x07"), True)
        def ask(join: bytes, alone: bool) -> None:
            body = envelope(counted(1, join) if alone else join)
            stream = connection.call(CHAT)
            connection.data(stream, body + LEAVE, end=True)
            response = connection.response(stream)
            assert response.grpc_status in HELD, (response.grpc_status, response.grpc_message)
            codes.add(response.grpc_status)
            shown.update(pb.Message.FromString(each).name for each in response.payloads)

        ask()
        siege.outcomes += [Code(each).name for each in sorted(codes)]
    assert {Code.OK, Code.INVALID_ARGUMENT} <= codes
    assert not [name for name in shown if CONTROLS & set(name) or not name.isprintable()]


TYPES = [
    b"application/grpc", b"application/grpc-web+proto", b"application/grpc-web-text",
    b"application/connect+proto", b"application/connect+json", b"application/json",
    b"application/proto",
]  # fmt: skip
PATHS = [
    "Chat", "Subscribe", "SendMessage", "ListMessages", "SearchMessages", "CreateChatRoom",
    "DeleteChatRoom",
]  # fmt: skip
ENVELOPES = st.builds(
    lambda flags, size, octets: bytes([flags]) + (size % 2**32).to_bytes(4, "big") + octets,
    st.sampled_from([0, 1, 2, 3, 0x80, 0xFF]),
    SIZES,
    st.binary(max_size=30),
)
BODIES = st.lists(
    ENVELOPES | st.binary(max_size=60).map(envelope) | st.binary(max_size=60), max_size=4
).map(b"".join)


def test_any_body(server: Besieged) -> None:
    """Of any method, under any type of content, compressed or not: one answer, no fault of ours."""
    encodings = st.sampled_from([b"", b"identity", b"gzip", b"deflate", b"br"])
    with besieged(server, "any body") as siege, Connection(server.address) as connection:

        @EXAMPLES
        @given(st.sampled_from(PATHS), st.sampled_from(TYPES), encodings, BODIES)
        def ask(method: str, kind: bytes, encoding: bytes, body: bytes) -> None:
            headers = connection.request_headers(f"/rpc.ChatService/{method}", kind)
            if encoding:
                name = b"grpc-encoding" if b"grpc" in kind else b"connect-content-encoding"
                headers.append((name, encoding))
            stream = connection.open(headers)
            connection.data(stream, body, end=True)
            response = connection.response(stream)
            assert response.reset is None
            assert response.http_status < 500, (response.http_status, response.data)
            if response.grpc_status is not None:
                assert response.grpc_status in {*HELD, Code.INTERNAL}, response.grpc_message
            siege.outcomes.append(str(response.http_status))

        ask()


REQUESTS = [request for request, *_ in (*REFUSED.values(), *TAKEN.values()) if len(request) < 9_000]


def http1(chance: random.Random) -> bytes:
    """Requests, good and doubtful ones, with bytes changed, left out, doubled."""
    said = bytearray(b"".join(chance.choices(REQUESTS, k=chance.randrange(1, 5))))
    for _ in range(chance.choice((0, 1, 1, 3, 20))):
        at = chance.randrange(len(said) or 1)
        size = chance.choice((1, 2, 9, 40))
        match chance.randrange(4):
            case 0:
                said[at : at + 1] = chance.randbytes(1)
            case 1:
                del said[at : at + size]
            case 2:
                said[at:at] = said[at : at + size]
            case _:
                said[at:at] = chance.choice((b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"0", b";"))
    return bytes(said)


@pytest.mark.parametrize("make", [http1, mutated, wild_frames, noise])
def test_any_connection(server: Besieged, make: Callable[[random.Random], bytes]) -> None:
    """Bytes of HTTP/1.1 and HTTP/2, whole and in pieces, from one connection after another."""
    seed = 0
    open_before = server.descriptors() + 8  # the pair's, and one that is looked at
    with besieged(server, f"any connection, {make.__name__}") as siege:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            chance = random.Random(seed)
            seed += 1
            octets = make(chance)
            attacker = Attacker(server.port)
            size = chance.choice((1_000_000, 1_000_000, 300, 60))
            for at in range(0, min(len(octets), 60 * size), size):
                attacker.send(octets[at : at + size])
            attacker.take_what_is_there()
            attacker.close()
            # Else what is measured is how many the server has not come to yet.
            while seed % AT_ONCE == 0 and server.descriptors() > open_before:
                pass
        siege.outcomes.append(f"{seed} connections")
    assert seed > 5
