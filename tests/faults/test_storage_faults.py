"""A journal that cannot write or read just now: everybody is told, and it passes.

The faults are real: a full file system, and errors from the kernel's side of write, sync
and read, while a chatserver runs with members in a room.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from tests.carriers import Ended, GrpcCarrier, Stream, run

from .load import missing, stored
from .scale import report
from .server_on_disk import JOURNAL_FILE, DiskServer
from .storage import LOGS, TRACEABLE, failing, full, inside, small_file_system

BOTH = [pb.FEATURE_EVENTS, pb.FEATURE_ECHO]
REFUSED_IN_A_ROW = 100
LOG_LINES = 5
"""What an outage may cost in the server's log, however many messages it refuses."""
TEXT_BYTES = 4000
CHECKPOINT_BYTES = 8000 * 4096
"""The log's length at which the writer copies what is left of it, and syncs the database."""
DEPARTED = "Leaver: Has left the chat"
UNAVAILABLE = 14
"""google.rpc.Code"""

Fault = Callable[[DiskServer], AbstractContextManager[None]]

WRITE_FAULTS: dict[str, Fault] = {
    "the disk is full": full,
    "a write finds no space": lambda server: failing(server, "pwrite64", "ENOSPC"),
    "a write fails": lambda server: failing(server, "pwrite64", "EIO"),
    "a sync fails": lambda server: failing(server, "fsync,fdatasync", "EIO"),
}


@contextlib.contextmanager
def serving(data: Path, *arguments: str, small: bool = False) -> Iterator[DiskServer]:
    """A server with a room, on a file system of its own if that is to be `small`."""
    data.mkdir()
    within = small_file_system(data) if small else ()
    with DiskServer(
        data, "--room", "lobby", *arguments, program=TRACEABLE, inside=within
    ) as server:
        yield server


class Member:
    """Somebody in the lobby, and what of its log they were shown."""

    def __init__(self, carrier: GrpcCarrier, name: str, *features: pb.Feature) -> None:
        self.name = name
        self.shown: dict[tuple[str, int], str] = {}
        self.session = ""
        self._join = pb.JoinChat(room_id="lobby", name=name, features=features)
        self._carrier = carrier
        self.stream: Stream = carrier.chat()

    async def enter(self) -> Member:
        """Join, and hear all that comes before the conversation."""
        await self.stream.send(pb.ChatMessage(join=self._join))
        await self._hear_the_beginning()
        return self

    async def subscribe(self) -> Member:
        """Join without a way to speak upwards; it needs FEATURE_EVENTS for its session."""
        self.stream = self._carrier.subscribe(self._join)
        await self._hear_the_beginning()
        return self

    async def _hear_the_beginning(self) -> None:
        while True:
            message = await self.hear()
            if message.HasField("joined"):
                self.session = message.joined.session
            if message.HasField("live"):
                return
            if not self._join.features and message.entered.name == self.name:
                return

    async def hear(self) -> pb.Message:
        """The next message, whatever it is."""
        message = await self.stream.receive()
        if message.sequence:
            self.shown["lobby", message.sequence] = f"{message.name}: {message.message}"
        return message

    async def hear_said(self) -> str:
        """The next thing that somebody says; who comes and goes meanwhile is passed over."""
        while True:
            message = await self.hear()
            if message.WhichOneof("event") is None:
                return f"{message.name}: {message.message}"

    async def hear_the_rest(self) -> None:
        """All that comes before the end of the stream, which raises Ended."""
        while True:
            await self.hear()

    async def say(self, text: str, nonce: str = "") -> None:
        await self.stream.send(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce)))

    async def is_heard_saying(self, text: str, *, times: int) -> None:
        """Say it so many times without waiting; it comes back as often."""
        for _ in range(times):
            await self.say(text)
        for _ in range(times):
            assert f"{self.name}: {text}" == await self.hear_said()

    async def is_refused(self, text: str, nonce: str = "") -> None:
        """Say something; nothing comes but the refusal."""
        await self.say(text, nonce)
        message = await self.hear()
        refused = message.refused
        assert (nonce, UNAVAILABLE, "JOURNAL_UNAVAILABLE", 0) == (
            refused.nonce, refused.code, refused.reason, message.sequence,
        )  # fmt: skip
        assert refused.HasField("retry_after")

    async def is_refused_once_it_is_full(self) -> int:
        """Say what still fits into the pages that the journal has: how often it did."""
        for fitted in itertools.count():
            await self.say("it fits", nonce=f"f{fitted}")
            if (await self.hear()).HasField("refused"):
                break
        return fitted


async def is_unavailable(carrier: GrpcCarrier, method: str, request: object) -> None:
    with pytest.raises(Ended) as ended:
        await carrier.call(method, request)
    assert ("UNAVAILABLE", "JOURNAL_UNAVAILABLE") == (ended.value.code, ended.value.reason), method


async def cannot_join(carrier: GrpcCarrier, name: str) -> None:
    with pytest.raises(Ended) as ended:
        await Member(carrier, name, *BOTH).enter()
    assert ("UNAVAILABLE", "JOURNAL_UNAVAILABLE") == (ended.value.code, ended.value.reason)


class Outage:
    """A room that goes through an outage of its journal's writing."""

    def __init__(self, server: DiskServer) -> None:
        self.server = server
        self.carrier = GrpcCarrier(server.port)

    async def before(self) -> None:
        """All kinds of members are in the room and have heard each other."""
        carrier = self.carrier
        self.ann = await Member(carrier, "Ann", *BOTH).enter()
        self.old = await Member(carrier, "Old").enter()
        self.sue = await Member(carrier, "Sue", *BOTH).subscribe()
        self.leaver = await Member(carrier, "Leaver").enter()
        await self.ann.say("before")
        for member in (self.ann, self.old, self.sue):
            assert "Ann: before" == await member.hear_said()

    async def during(self) -> None:
        """Whoever wants something stored is refused, and nobody sees anything else."""
        carrier = self.carrier
        for _ in range(await self.ann.is_refused_once_it_is_full()):
            for member in (self.old, self.sue):
                assert "Ann: it fits" == await member.hear_said()
        for number in range(REFUSED_IN_A_ROW):
            await self.ann.is_refused(f"refused {number}", nonce=f"n{number}")
        await self.old.say("refused as well")
        line = await self.old.hear()
        assert ("chat server", 0, None) == (line.name, line.sequence, line.WhichOneof("event"))
        request = pb.SendMessageRequest(session=self.sue.session)
        request.message.message = "refused by method"
        await is_unavailable(carrier, "SendMessage", request)
        await cannot_join(carrier, "Late")
        await is_unavailable(carrier, "CreateChatRoom", pb.CreateChatRoomRequest(room_id="new"))
        await is_unavailable(carrier, "DeleteChatRoom", pb.DeleteChatRoomRequest(room_id="lobby"))
        await self.leaver.stream.cancel()
        while await self._is_member("Leaver"):
            pass
        await self.ann.is_refused("refused together with a departure")

    async def after(self) -> None:
        """On the same streams all goes on where it was, and who left is seen to leave."""
        await self.ann.say("after")
        for member in (self.ann, self.old, self.sue):
            assert "Ann: after" == await member.hear_said()
        while DEPARTED not in self.sue.shown.values():
            await self.sue.hear()
        await Member(self.carrier, "Late", *BOTH).enter()
        created = pb.CreateChatRoomRequest(room_id="new")
        assert "new" == (await self.carrier.call("CreateChatRoom", created)).room_id
        request = pb.SendMessageRequest(session=self.sue.session)
        request.message.message = "by method"
        await self.carrier.call("SendMessage", request)
        for member in (self.ann, self.old):
            assert "Sue: by method" == await member.hear_said()

    async def _is_member(self, name: str) -> bool:
        request = pb.ListMembersRequest(room_id="lobby")
        members = (await self.carrier.call("ListMembers", request)).members
        return name in [member.name for member in members]

    async def is_stored(self, port: int) -> None:
        """All that anybody was shown is in the log, and nothing that was refused."""
        for member in (self.ann, self.old, self.sue):
            assert [] == await missing(port, ["lobby"], member.shown)
        said = [m.message for m in await stored(port, "lobby") if m.WhichOneof("event") is None]
        assert [] == [text for text in said if text.startswith("refused")]


@pytest.mark.parametrize("fault", WRITE_FAULTS.values(), ids=WRITE_FAULTS)
def test_an_outage_of_writing_is_told_and_passes(tmp_path: Path, fault: Fault) -> None:
    """No stream ends, nothing unstored is shown, no restart is needed, the log stays short."""

    async def scene() -> None:
        with serving(tmp_path / "data", small=fault is full) as server:
            outage = Outage(server)
            await outage.before()
            with fault(server):
                await outage.during()
            await outage.after()
            await outage.is_stored(server.port)
            lines = [line for line in server.said if "store" in line]
            report("outage", f"{len(lines)} lines in the log for {REFUSED_IN_A_ROW} refusals")
            assert 1 <= len(lines) <= LOG_LINES, lines
            assert not [line for line in server.said if "Traceback" in line]
            # The small file system goes with the server.
            shutil.copytree(inside(server), tmp_path / "killed")
            await asyncio.to_thread(server.kill)
        with DiskServer(tmp_path / "killed") as server:
            await outage.is_stored(server.port)

    run(scene())


@pytest.mark.parametrize("fault", list(WRITE_FAULTS)[1:])
def test_what_was_refused_is_not_there_after_a_kill(tmp_path: Path, fault: str) -> None:
    """Not even if nothing was stored any more between the refusal and the end.

    When only the sync fails, the whole of a commit is in the file.
    """
    befalls = WRITE_FAULTS[fault]
    data = tmp_path / "data"

    async def scene() -> None:
        with serving(data) as server:
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            await ann.say("before")
            assert "Ann: before" == await ann.hear_said()
            with befalls(server):
                await ann.is_refused("refused")
                await asyncio.to_thread(server.kill)
        with DiskServer(data, program=TRACEABLE) as server:
            assert [] == await missing(server.port, ["lobby"], ann.shown)
            log = await stored(server.port, "lobby")
            assert [] == [m.sequence for m in log if m.message == "refused"]
            new = pb.CreateChatRoomRequest(room_id="new")
            with befalls(server):
                await is_unavailable(GrpcCarrier(server.port), "CreateChatRoom", new)
                await asyncio.to_thread(server.kill)
        with DiskServer(data) as server:
            everything = pb.ListChatRoomsRequest()
            rooms = await GrpcCarrier(server.port).call("ListChatRooms", everything)
            assert ["lobby"] == [room.room_id for room in rooms.chat_rooms]

    run(scene())


@pytest.mark.slow  # it fills 32 MiB of log
def test_a_checkpoint_that_fails_costs_nothing(tmp_path: Path) -> None:
    """The database cannot be written, only its log: messages go on, and all are kept."""

    async def scene() -> None:
        keeping = ("--keep-bytes", "64M")  # all of it, also when the next server looks
        with serving(tmp_path / "data", *keeping) as server:
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            for calls in ("pwrite64", "fsync,fdatasync"):  # beside the writer, then its own
                with failing(server, calls, "EIO", (JOURNAL_FILE,)) as injection:
                    while not injection.count():
                        assert len(ann.shown) * TEXT_BYTES < 2 * CHECKPOINT_BYTES
                        await ann.is_heard_saying("x" * TEXT_BYTES, times=20)
                    await ann.is_heard_saying("during", times=20)
            await ann.is_heard_saying("after", times=20)
            await asyncio.to_thread(server.kill)
        with DiskServer(tmp_path / "data", *keeping) as server:
            assert [] == await missing(server.port, ["lobby"], ann.shown)

    run(scene())


def test_one_failed_sync_costs_one_message(tmp_path: Path) -> None:
    """What is said next has its sequence, and is what a start after a kill finds."""

    async def scene() -> None:
        with serving(tmp_path / "data") as server:
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            with failing(server, "fsync,fdatasync", "EIO:when=1"):
                await ann.is_refused("refused")
                await ann.say("said")
                assert "Ann: said" == await ann.hear_said()
                await asyncio.to_thread(server.kill)
        assert {("lobby", 1): "Ann: Has entered the chat", ("lobby", 2): "Ann: said"} == ann.shown
        with DiskServer(tmp_path / "data") as server:
            assert [] == await missing(server.port, ["lobby"], ann.shown)

    run(scene())


def test_a_full_disk_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    """Streams end with a status, though no departure can be stored; exit code 0."""

    async def scene() -> None:
        with serving(tmp_path / "data", small=True) as server:
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            with full(server):
                await ann.is_refused_once_it_is_full()
                stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                with pytest.raises(Ended) as ended:
                    await ann.hear_the_rest()
                assert "UNAVAILABLE" == ended.value.code
                assert 0 == await stopping
            assert not [line for line in server.said if "Traceback" in line]

    run(scene())


def test_an_outage_of_reading_is_told_and_passes(tmp_path: Path) -> None:
    """History cannot be read: methods and joins say so; the server lives."""
    data = tmp_path / "data"
    everything = pb.ListMessagesRequest(room_id="lobby")

    async def fill() -> None:
        with DiskServer(data, "--room", "lobby") as server:
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            await ann.say("before")
            assert "Ann: before" == await ann.hear_said()

    async def scene() -> None:
        # A new server has no log in memory.
        with DiskServer(data, program=TRACEABLE) as server:
            carrier = GrpcCarrier(server.port)
            # The second time the connection that reads is there already.
            for name in "Bea", "Cy":
                with failing(server, "pread64", "EIO", (*LOGS, JOURNAL_FILE)):
                    await is_unavailable(carrier, "ListMessages", everything)
                    # A name each: who was let in before the history failed keeps it for a while.
                    await cannot_join(carrier, f"Late {name}")
                page = await carrier.call("ListMessages", everything)
                assert "before" in [message.message for message in page.messages]
                member = await Member(carrier, name, *BOTH).enter()
                await member.say("after")
                assert f"{name}: after" == await member.hear_said()
                await member.stream.cancel()
                # With it the file changes, so its pages have to be read again.
                await carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id=name.lower()))
            assert not [line for line in server.said if "Traceback" in line]

    async def both() -> None:
        await fill()
        await scene()

    run(both())
