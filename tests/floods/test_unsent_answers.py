"""Large answers that cannot go out: zero windows, windows of a byte, sockets unread."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import Code
from chatroom.wire.http2.frames import (
    DEFAULT_WINDOW,
    LARGEST_WINDOW,
    ErrorCode,
    Kind,
    Setting,
    data,
    settings,
    window_update,
)
from tests.faults.people import Person
from tests.faults.scale import scaled
from tests.faults.server_process import ServerProcess
from tests.interop.raw_grpc import answer
from tests.interop.raw_http2 import Connection

from .attacker import Attacker
from .hostile import headers
from .siege import MESSAGES, MIB, Siege, besieged, chatserver

ARCHIVE = "archive"
STREAMS = range(1, 201, 2)
CONNECTIONS = scaled(1, 3)
TEXT = "x" * 4000
SILENT = ErrorCode.NO_ERROR
"""An attacker answers no PING, and holds on for longer than that is borne, in soak."""
TEXTS = 270
"""Slightly more than the mebibyte that one page may have."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the test's own, with a room whose newest page is a mebibyte.

    Of its own, so that what such an attack leaves behind is not the next one's beginning.
    """
    with chatserver(tmp_path, "--room", ARCHIVE) as running:
        fill(running)
        yield running


def fill(running: ServerProcess) -> None:
    """Have the room's newest page be a mebibyte."""
    with Connection(running.address) as connection:
        writer = Person(connection, ARCHIVE, "Writer", [pb.FEATURE_ECHO])
        for _ in range(TEXTS):
            writer.say(TEXT)
        writer.say("done")
        writer.hears("done")


def pages() -> bytes:
    """Requests for the newest page, on each of the streams."""
    request = pb.ListMessagesRequest(room_id=ARCHIVE, page_size=1000).SerializeToString()
    return b"".join(
        headers(stream, MESSAGES) + data(stream, envelope(request), end=True) for stream in STREAMS
    )


def hold(siege: Siege) -> None:
    """Wait, and at last until a page of one's own has come: the others were read before it."""
    siege.hold()
    answered(siege.server)


def answered(server: ServerProcess) -> None:
    """Ask for a page, and get it."""
    request = pb.ListMessagesRequest(room_id=ARCHIVE, page_size=1000).SerializeToString()
    with Connection(server.address) as connection:
        assert Code.OK == answer(connection, MESSAGES, envelope(request)).grpc_status


def test_zero_windows_held(server: ServerProcess) -> None:
    """Answers of a mebibyte wait for windows of nothing: not all of each is kept."""
    with besieged(server, f"windows of zero, {CONNECTIONS} x 100 answers of 1 MiB") as siege:
        for _ in range(CONNECTIONS):
            siege.attacker(settings((Setting.INITIAL_WINDOW_SIZE, 0))).send(pages())
        hold(siege)
        for attacker in siege.attackers:
            siege.ended_or_absorbed(attacker, SILENT)


def test_window_of_one_byte(server: ServerProcess) -> None:
    """CVE-2019-9511: answers are asked for a byte at a time, over all streams."""
    with besieged(server, "windows of one byte, 100 answers of 1 MiB") as siege:
        attacker = siege.attacker(settings((Setting.INITIAL_WINDOW_SIZE, 1)))
        attacker.send(pages())
        hold(siege)
        dribble = b"".join(window_update(stream, 1) for stream in STREAMS)
        attacker.send(dribble * scaled(200, 10_000))
        siege.ended_or_absorbed(attacker, SILENT)


def test_windows_open_and_socket_unread(server: ServerProcess) -> None:
    """CVE-2019-9517: the windows are 2 GiB, and the kernel takes nothing more."""
    wide = (
        settings((Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW)),
        window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW),
    )
    with besieged(server, f"socket unread, {CONNECTIONS} x 100 answers of 1 MiB") as siege:
        for _ in range(CONNECTIONS):
            siege.attacker(*wide, reading=False, receive_bytes=4096).send(pages())
        hold(siege)


def test_unread_answers_of_one_connection_after_another(tmp_path: Path) -> None:
    """What each has held is free when it goes, not when the garbage collector comes by."""
    with chatserver(tmp_path, "--room", ARCHIVE) as running:
        fill(running)
        most = 0
        for number in range(8):
            attacker = Attacker.greeting(running.port, settings((Setting.INITIAL_WINDOW_SIZE, 0)))
            attacker.send(pages())
            # The head of the first answer has come: the answer is made, and held.
            assert attacker.until(partial(attacker.kinds.__contains__, Kind.HEADERS))
            attacker.close()
            answered(running)
            if number == 1:
                most = running.resident() + 16 * MIB
        assert running.resident() < most
