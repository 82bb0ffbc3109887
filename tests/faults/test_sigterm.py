"""Promise 4: a signal to stop ends every stream with a status and loses nothing."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.http2_sink import Loop
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from tests.interop.raw_grpc import TRAILERS_ONLY, answer, joining, reason, said
from tests.interop.raw_http2 import Connection

from .scale import report, scaled
from .server_process import ServerProcess, serving
from .stalled_reader import StalledReader
from .voices import SECONDS, End, Voice, connect, join_all, members

ROOMS = ("north", "east", "south", "west")
FEATURES = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
UNAVAILABLE = 14
DRAINED = End(UNAVAILABLE, "DRAINING")
TOLD_SECONDS = scaled(25, 5)
CONNECTIONS = 16
ROOM_ARGUMENTS = [argument for room in ROOMS for argument in ("--room", room)]
DEAFENING = 800
"""Messages of 4,000 bytes: far more than the server and the kernel hold for a connection."""
WATCH = "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
"""grpc.health.v1.HealthCheckResponse, serialized."""

Log = dict[tuple[str, int], str]
"""What was said, by room and sequence."""


class Witness(Voice):
    """Notes whatever anybody said that has reached it: by that it is acknowledged."""

    def __init__(self, room: str, name: str, features: tuple[pb.Feature, ...], log: Log) -> None:
        super().__init__(room, name, features)
        self._log = log

    def take(self, message: pb.Message) -> None:
        if message.sequence and not message.WhichOneof("event"):
            before = self._log.setdefault((self.room, message.sequence), message.message)
            assert before == message.message


@contextlib.contextmanager
def crowd(server: ServerProcess, count: int) -> Iterator[tuple[Loop, list[Witness], Log]]:
    """Members in four rooms; every second one has asked for events and echoes."""
    loop, log = Loop(), Log()
    witnesses = [
        Witness(ROOMS[number % 4], f"member {number}", FEATURES if number % 8 < 4 else (), log)
        for number in range(count)
    ]
    try:
        join_all(loop, witnesses, connect(loop, server.port, CONNECTIONS))
        yield loop, witnesses, log
    finally:
        loop.close()


def talk_on(loop: Loop, witnesses: list[Witness], log: Log, *, entries: int) -> None:
    """Messages from eight members of each room, until so many are in the log; then more."""
    speakers = witnesses[:32]
    number = 0
    deadline = time.monotonic() + SECONDS
    while len(log) < entries:
        assert time.monotonic() < deadline, "the talk goes on"
        for _ in range(2):
            speakers[number % len(speakers)].say(f"word {number}")
            number += 1
        loop.turn(0.02)
        loop.turn(0)
    for speaker in speakers:
        speaker.say("a last word")


def stored(server: ServerProcess, room: str) -> dict[int, pb.Message]:
    """Everything in a room's log, by sequence."""
    found: dict[int, pb.Message] = {}
    loop = Loop()
    try:
        (peer,) = connect(loop, server.port, 1)
        while True:
            request = pb.ListMessagesRequest(room_id=room, after=max(found, default=0))
            data = loop.call(peer, "/rpc.ChatService/ListMessages", request.SerializeToString())
            page = pb.ListMessagesResponse.FromString(data)
            found |= {message.sequence: message for message in page.messages}
            if not page.more:
                return found
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("count", "number"), [(scaled(200, 1000), signal.SIGTERM), (40, signal.SIGINT)]
)
def test_all_are_told_and_nothing_acknowledged_is_lost(
    tmp_path: Path, count: int, number: signal.Signals
) -> None:
    """In the middle of a talk: a status for each, exit code 0, and all is there afterwards."""
    arguments = ("--data", str(tmp_path), "--message-rate", "0", *ROOM_ARGUMENTS)
    with serving(*arguments) as server, crowd(server, count) as (loop, witnesses, log):
        talk_on(loop, witnesses, log, entries=scaled(200, 2000))
        server.signal(number)
        begun = time.monotonic()
        loop.until(lambda: all(w.end is not None for w in witnesses), TOLD_SECONDS, "the ends")
        told = time.monotonic() - begun
        assert {DRAINED} == {witness.end for witness in witnesses}
        assert 0 == server.exit_code()
        ended = time.monotonic() - begun
        assert ended <= TOLD_SECONDS, "the HTTP/2 server does not wait for anybody either"
    with serving(*arguments) as server:
        for room in ROOMS:
            entries = stored(server, room)
            acknowledged = {n: text for (where, n), text in log.items() if where == room}
            assert acknowledged == {n: entries[n].message for n in acknowledged if n in entries}
            left = Counter(entry.name for entry in entries.values() if entry.HasField("left"))
            assert {1} == set(left.values()), "nobody leaves twice"
            # Who has a session is still expected back.
            plain = {w.name for w in witnesses if w.room == room and not w.features}
            assert plain <= left.keys()
    report(
        f"promise 4, {count} members, {number.name}",
        f"all told after {told:.2f} s, the process over after {ended:.2f} s; "
        f"{len(log)} acknowledged messages, 0 lost",
    )


def test_a_server_that_tells_nobody_is_found_out(tmp_path: Path) -> None:
    """A control: without the drain the ends are not what they should be."""
    arguments = ("--data", str(tmp_path), "--message-rate", "0", *ROOM_ARGUMENTS)
    program = ("tests.faults.crippled_server", "drain")
    with (
        serving(*arguments, program=program) as server,
        crowd(server, 40) as (loop, witnesses, log),
    ):
        talk_on(loop, witnesses, log, entries=50)
        server.signal(signal.SIGTERM)
        loop.until(lambda: all(w.end is not None for w in witnesses), SECONDS, "the ends")
        assert DRAINED not in {witness.end for witness in witnesses}


def test_a_killed_server_tells_nobody() -> None:
    """The control: the ends that the test above looks at can be others."""
    arguments = ("--in-memory", *ROOM_ARGUMENTS)
    with serving(*arguments) as server, crowd(server, 40) as (loop, witnesses, _):
        server.signal(signal.SIGKILL)
        loop.until(lambda: all(w.end is not None for w in witnesses), SECONDS, "the ends")
        assert {End(cut="closed")} == {witness.end for witness in witnesses}
        assert -signal.SIGKILL == server.exit_code()


def test_who_joins_during_the_drain_is_told_where_the_port_still_accepts() -> None:
    """While a member that has stalled holds the drain up, newcomers get DRAINING at once."""
    with serving("--in-memory", "--room", "lobby", "--message-rate", "0") as server:
        loop = Loop()
        reader = StalledReader(server.port, "lobby", ["stalled"], "window")
        try:
            (peer,) = connect(loop, server.port, 1)
            log = Log()
            alice = Witness("lobby", "Alice", FEATURES, log)
            join_all(loop, [alice], [peer])
            loop.until(lambda: "stalled" in members(loop, peer, "lobby"), SECONDS, "the reader")
            for _ in range(DEAFENING):
                alice.say("x" * 4000)
            loop.until(lambda: len(log) == DEAFENING, SECONDS, "the echoes")
            server.signal()
            loop.until(lambda: alice.end is not None, TOLD_SECONDS, "the end of a stream")
            with Connection(server.address) as late:
                refused = answer(late, CHAT, joining("lobby", "Carol"), end=False)
                assert TRAILERS_ONLY == refused.shape
                assert (UNAVAILABLE, "DRAINING") == (refused.grpc_status, reason(refused))
            reader.close()  # or it would take the whole time that streams are given
            assert 0 == server.exit_code()
        finally:
            reader.close()
            loop.close()


@pytest.mark.parametrize(
    ("first", "second"), [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)]
)
def test_health_says_so_first_and_a_second_signal_ends_at_once(
    tmp_path: Path, first: signal.Signals, second: signal.Signals
) -> None:
    """During --drain-delay all goes on; a second signal loses nothing acknowledged."""
    data = ("--data", str(tmp_path))
    with (
        serving(*data, "--room", "lobby", "--drain-delay", "600") as server,
        Connection(server.address) as connection,
    ):
        watch = connection.call(WATCH)
        connection.data(watch, envelope(b""), end=True)
        assert SERVING == connection.payload(watch, 0)
        server.signal(first)
        assert NOT_SERVING == connection.payload(watch, 1)
        alice = connection.call(CHAT)
        connection.data(alice, joining("lobby", "Alice"))
        connection.data(alice, said("still here"))
        echo = pb.Message.FromString(connection.payload(alice, 1))
        assert "still here" == echo.message
        server.signal(second)
        assert 130 == server.exit_code()
    with serving(*data) as server:
        assert "still here" == stored(server, "lobby")[echo.sequence].message
