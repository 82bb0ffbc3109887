"""A server under attack: what it spends, who chats on meanwhile, and what is left of it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import Code
from chatroom.wire.http2.frames import ErrorCode
from tests.faults.people import roster
from tests.faults.scale import report, scaled
from tests.faults.server_process import MIB, ServerProcess, serving
from tests.faults.talk import Talk
from tests.interop.raw_grpc import CREATE, answer
from tests.interop.raw_http2 import Connection

from .attacker import Attacker

MESSAGES = "/rpc.ChatService/ListMessages"
CROWD = 2 + 128
"""The pair, and the rooms that one connection may be in."""
PEAK_BYTES = 32 * MIB
"""What an attack may cost while it lasts."""
LEFT_OVER_BYTES = 16 * MIB
"""What it may leave behind; allocators keep some."""
RETURN_SECONDS = 20.0
HOLD_SECONDS = scaled(10, 300, brief=4) / 10
"""How long attacks last that only hold on to something; under soak beyond all time-outs."""
HOLD_ROUNDS = 20
PER_SECOND = 200
TEXT_BYTES = 64
SWITCH_SECONDS = 0.0002
"""The attacker's thread gives way to the pair's so soon: p99 is to tell of the server."""
LEAST_HEARD = 40
"""Messages that the pair exchanges beside each attack, however short it is."""


class Besieged(ServerProcess):
    """A server whose tasks can be counted too."""

    pipe: Path

    def tasks(self) -> int:
        """How many tasks its event loop has now; it keeps no memory that it does not use."""
        self.signal(signal.SIGUSR1)
        return int(self.pipe.read_text())


class Pair:
    """Two members on connections of their own; one speaks, the other checks all it hears.

    It runs in a thread of its own, which also looks at the server's memory now and then.
    """

    def __init__(self, server: ServerProcess, room: str) -> None:
        self.peak = 0
        """The server's memory at its largest, since this was last set to 0."""
        self.crowd = 0
        """The members that were in the room at once, by what the listener heard."""
        self._server = server
        self._talk = Talk(server.port, room, count=2, per_second=PER_SECOND, text_bytes=TEXT_BYTES)
        self._talk.listeners[1].entered.update(self.names)  # whichever came first
        self._heard_enough = threading.Event()
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._p99 = 0.0

    @property
    def names(self) -> set[str]:
        return {listener.name for listener in self._talk.listeners}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> float:
        """Chat on for a moment, then end; p99 in seconds, or whatever went wrong."""
        self._heard_enough.wait(RETURN_SECONDS)
        self._stopped.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._p99

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._talk.close()

    def _run(self) -> None:
        try:
            self._talk.until(self._done, math.inf)  # as long as the attack lasts
            assert [None, None] == [each.end for each in self._talk.listeners]
            self._talk.finish()
            self._p99 = self._talk.p99()
        except BaseException as error:  # noqa: BLE001 # it is raised where the thread is joined
            self._error = error
            self._heard_enough.set()

    def _done(self) -> bool:
        self.peak = max(self.peak, self._server.resident())
        talker, listener = self._talk.listeners
        self.crowd = max(self.crowd, len(listener.entered) - len(listener.left))
        if listener.heard[talker.name] >= LEAST_HEARD:
            self._heard_enough.set()
        gone = any(each.end is not None for each in self._talk.listeners)
        return self._stopped.is_set() or gone


class Siege:
    """One attack: its connections, and what became of those that were asked about."""

    def __init__(self, server: ServerProcess, room: str) -> None:
        self.server = server
        self.room = room
        self.attackers: list[Attacker] = []
        self.outcomes: list[str] = []

    def attacker(self, *settings: bytes, reading: bool = True, receive_bytes: int = 0) -> Attacker:
        """A connection that has said hello; closed when the siege is over."""
        attacker = Attacker.greeting(
            self.server.port, *settings, reading=reading, receive_bytes=receive_bytes
        )
        self.attackers.append(attacker)
        return attacker

    def speechless(self, *hello: bytes) -> Attacker:
        """A connection that has sent only these bytes."""
        attacker = Attacker(self.server.port, *hello)
        self.attackers.append(attacker)
        return attacker

    def crowded(self, strangers: int) -> None:
        """Wait until so many members are in the room beside the pair, at most 98."""
        with Connection(self.server.address) as connection:
            deadline = time.monotonic() + RETURN_SECONDS
            while len(roster(connection, self.room)) < 2 + strangers:
                assert time.monotonic() < deadline, "they do not come in"

    def hold(self, octets: bytes = b"", seconds: float = HOLD_SECONDS) -> None:
        """Hold on to what there is for so long; say a byte of these now and then."""
        for number in range(HOLD_ROUNDS):
            for attacker in self.attackers:
                attacker.send(octets[number : number + 1])
            self.wait(seconds)

    def wait(self, seconds: float = HOLD_SECONDS) -> None:
        """Read what comes until one of the `HOLD_ROUNDS` is over, or all have ended."""
        until = time.monotonic() + seconds / HOLD_ROUNDS
        while (rest := until - time.monotonic()) > 0:
            open_ = [attacker for attacker in self.attackers if not attacker.ended]
            if not open_:
                return
            reading = [attacker for attacker in open_ if attacker.reading]
            for attacker in select.select(reading, [], [], rest)[0]:
                attacker.take_what_is_there()

    def outcome(self, attacker: Attacker) -> str:
        """What became of a connection: `GOAWAY n`, `closed`, `absorbed` or `mute`.

        Absorbed: it still answers. Mute: it neither answers nor ends.
        """
        if attacker.answers():
            outcome = "absorbed"
        elif attacker.goaway is not None:
            outcome = f"GOAWAY {attacker.goaway}"
        elif attacker.ended:
            outcome = "closed"
        else:
            outcome = "mute"
        self.outcomes.append(outcome)
        return outcome

    def ended(self, attacker: Attacker, *codes: int) -> None:
        """Assert that the server ends the connection, with GOAWAY of one of these codes.

        Its end is enough where the kernel may have taken the GOAWAY away with it: what is
        closed with bytes unread is reset.
        """
        outcome = self.outcome(attacker)
        expected = {f"GOAWAY {code}" for code in codes} | {"closed"}
        assert outcome in expected, outcome

    def ended_or_absorbed(self, attacker: Attacker, *codes: int) -> None:
        """Assert that the connection still answers, or ended as a flood's does.

        That is with ENHANCE_YOUR_CALM, or one of these `codes`.
        """
        outcome = self.outcome(attacker)
        ends = {f"GOAWAY {code}" for code in (ErrorCode.ENHANCE_YOUR_CALM, *codes)}
        assert outcome in {"absorbed", "closed", *ends}, outcome


@contextlib.contextmanager
def besieged(server: Besieged, title: str) -> Iterator[Siege]:
    """Attack within the block, while a pair chats; then assert that the server is as before.

    That is: the pair heard everything, and never of more than `CROWD` members in its room; the
    server's memory never grew by more than `PEAK_BYTES`, and comes back, as its descriptors
    and tasks do; nobody but the pair is in the room.
    """
    room = created_room(server)
    pair = Pair(server, room)
    switching = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        tasks, descriptors = server.tasks(), server.descriptors()
        before = pair.peak = server.resident()
        cpu = server.cpu_seconds()
        pair.start()
        siege = Siege(server, room)
        begun = time.monotonic()
        try:
            yield siege
            seconds = time.monotonic() - begun
        finally:
            for attacker in siege.attackers:
                attacker.close()
        p99 = pair.stop()
        cpu = server.cpu_seconds() - cpu
        peak = pair.peak - before
        bounded = peak <= PEAK_BYTES
        # At once: the pair reads no more, so it is gone before long.
        with Connection(server.address) as connection:
            alone = pair.names
            until = time.monotonic() + RETURN_SECONDS
            while roster(connection, room) != alone and time.monotonic() < until:
                connection.ping()
            found = roster(connection, room)
            assert alone == found, f"beside {alone} there is {found}"
        returned = bounded and came_back(server, before + LEFT_OVER_BYTES, descriptors, tasks)
        left = server.resident() - before
        over = f"{server.descriptors() - descriptors} descriptors, {server.tasks() - tasks} tasks"
    finally:
        pair.close()
        sys.setswitchinterval(switching)
    ends = ", ".join(dict.fromkeys(siege.outcomes))
    report(
        title,
        f"{ends or 'no one asked'} in {seconds:.2f} s; server: {cpu:.2f} s of CPU, at most "
        f"{peak / MIB:.1f} MiB more and {pair.crowd} members, {left / MIB:.1f} MiB left; "
        f"the pair's p99 {p99 * 1000:.1f} ms",
    )
    assert pair.crowd <= CROWD, f"{pair.crowd} members at once"
    assert bounded, f"{peak / MIB:.0f} MiB more during the attack"
    assert returned, f"{left / MIB:.0f} MiB, {over} are left"


@contextlib.contextmanager
def chatserver(directory: Path, *arguments: str, inside: Sequence[str] = ()) -> Iterator[Besieged]:
    """A server that has everything open that it opens once: what an attack adds is seen.

    `inside`: see `serving`.
    """
    pipe = directory.with_name(directory.name + ".tasks")
    os.mkfifo(pipe)
    own = ("--data", str(directory), "--message-rate", "0", "--sync", "normal", *arguments)
    program = ("tests.floods.counted_server", str(pipe))
    with serving(*own, program=program, inside=inside, measured=True) as process:
        server = Besieged(process.process, process.addresses)
        server.pipe = pipe
        room = created_room(server)
        with Connection(server.address) as connection:
            request = pb.ListMessagesRequest(room_id=room).SerializeToString()
            assert Code.OK == answer(connection, MESSAGES, envelope(request)).grpc_status
        yield server


def came_back(server: Besieged, resident: int, descriptors: int, tasks: int) -> bool:
    """Whether its memory, descriptors and tasks come down to these within `RETURN_SECONDS`."""
    deadline = time.monotonic() + RETURN_SECONDS
    while (
        server.tasks() > tasks or server.resident() > resident or server.descriptors() > descriptors
    ):
        if time.monotonic() > deadline:
            return False
        # A round trip is what there is to wait for: nothing tells when memory is given back.
        with Connection(server.address) as connection:
            connection.ping()
    return True


def created_room(server: ServerProcess) -> str:
    """A room of the test's own."""
    with Connection(server.address) as connection:
        return pb.ChatRoom.FromString(answer(connection, CREATE, envelope(b"")).payloads[0]).room_id
