"""Promise 8: everybody whom a killed node has served is soon back at the others, and unseen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import pytest

from bench.http2_sink import Loop
from chatroom.api.rpc import chat_pb2 as pb
from tests.faults.scale import report, scaled
from tests.faults.server_process import serving
from tests.faults.voices import SECONDS, Peer, Voice, connect, join_all, members
from tests.journal import postgres_databases
from tests.journal.postgres_server import WHY_NOT, programs

COUNT = scaled(100, 2_000)
ROOM_OF = 100
BACK_SECONDS = scaled(50, 10)
BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)

pytestmark = pytest.mark.skipif(programs() is None, reason=WHY_NOT)


class Member(Voice):
    """Keeps what a client needs to come back, and who it saw leaving."""

    def __init__(self, room: str, name: str) -> None:
        super().__init__(room, name, BOTH)
        self.joined = pb.Joined()
        self.live = False
        self.last = 0
        self.seen_leaving: list[str] = []

    def take(self, message: pb.Message) -> None:
        if message.HasField("joined"):
            self.joined = message.joined
        elif message.HasField("live"):
            self.live = True
        elif message.HasField("left"):
            self.seen_leaving.append(message.name)
        self.last = max(self.last, message.sequence)

    def come_back(self, peer: Peer) -> Member:
        """The same member on another stream; wait for `live` or `end`."""
        again = Member(self.room, self.name)
        again.last = self.last
        resume = pb.Resume(session=self.joined.session, epoch=self.joined.epoch, after=self.last)
        again.join(peer, resume=resume)
        return again


def test_all_members_of_a_killed_node_are_back_unseen(tmp_path: Path) -> None:
    asyncio.run(postgres_databases.empty())
    journal = tmp_path / "journal"
    journal.write_text(postgres_databases.own())
    rooms = [f"room-{number}" for number in range(COUNT // ROOM_OF)]
    loop = Loop()
    with contextlib.ExitStack() as stack:
        arguments = [
            "--journal-file",
            str(journal),
            "--message-rate",
            "0",
        ]
        for room in rooms:
            arguments += ["--room", room]
        first, second, third = (stack.enter_context(serving(*arguments)) for _ in range(3))
        stack.callback(loop.close)
        there = connect(loop, second.port, 1) + connect(loop, third.port, 1)
        watchers = [Member(room, "watcher") for room in rooms]
        join_all(loop, watchers, there)
        crowd = [Member(rooms[n % len(rooms)], f"member {n}") for n in range(COUNT)]
        join_all(loop, crowd, connect(loop, first.port, 20))
        loop.until(lambda: all(member.live for member in crowd), SECONDS, "that all are live")
        first.signal(signal.SIGKILL)
        began = time.monotonic()
        loop.until(lambda: all(m.end is not None for m in crowd), SECONDS, "the ends")
        peers = connect(loop, second.port, 10) + connect(loop, third.port, 10)
        back = [member.come_back(peers[n % len(peers)]) for n, member in enumerate(crowd)]
        loop.until(
            lambda: all(member.live or member.end is not None for member in back),
            SECONDS + BACK_SECONDS,
            "that all are back",
        )
        seconds = time.monotonic() - began
        assert {None} == {member.end for member in back}
        assert {pb.RECOVERY_COMPLETE} == {member.joined.recovery for member in back}
        for room in rooms:
            assert ROOM_OF + 1 == len(members(loop, there[0], room))
        assert [] == [name for each in (*watchers, *back) for name in each.seen_leaving]
        report("promise 8", f"{COUNT} members of a killed node are back after {seconds:.1f} s")
        assert seconds <= BACK_SECONDS, seconds
