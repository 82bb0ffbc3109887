"""What becomes of a reader that stalls is seen without reading."""

from __future__ import annotations

import contextlib
import socket

import pytest

from bench.builds import UnavailableError
from bench.everybody.talking import is_open
from bench.peers.mosquitto import Mosquitto
from bench.sockets import Poll, Socket

PIECE = bytes(65_536)


def test_a_connection_that_the_server_has_closed_is_found_behind_what_it_wrote() -> None:
    """Its end cannot come through to a client that does not read: the kernel's table has it."""
    loop = Poll()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stalled = Socket(loop, port)
        server, _ = listener.accept()
        server.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while server.send(PIECE):
                pass  # until no more is taken
        assert is_open(stalled, port)
        server.close()
        assert not is_open(stalled, port)
    loop.close()


def test_a_server_that_is_missing_is_named_with_how_to_get_it() -> None:
    """So that the page can say it."""

    class Absent(Mosquitto):
        program_name = "no-such-mosquitto"

    with pytest.raises(UnavailableError, match=r"no-such-mosquitto is missing \(Debian's mosq"):
        Absent().prepare()
