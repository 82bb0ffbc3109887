"""What the journal keeps of sessions, and what a killed server leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import SyncMode
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.server.calls import encode
from chatroom.server.rooms.hub import Hub
from tests.carriers import run
from tests.server.listeners import Listener, lobby
from tests.server.test_sessions import AT_ONCE, BOTH, FOREVER, gone, kinds, play


def killed(data: Path) -> Path:
    """What a killed process leaves: its files as they are now, under another name."""
    new = data.with_name(data.name + "+")
    new.mkdir()
    for file in data.iterdir():
        if not file.name.endswith((".lock", "-shm")):
            shutil.copy(file, new / file.name)
    return new


@contextlib.asynccontextmanager
async def started_again(data: Path, limits: Limits, sync: SyncMode = "full") -> AsyncIterator[Hub]:
    """The next server on what is there."""
    hub = Hub(SQLiteJournal(data / "chatroom.db", sync=sync), encode.entries, limits)
    await hub.open()
    committing = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        await hub.stop()
        await committing
        await hub.close()


def test_a_session_is_kept_as_its_hash_alone(tmp_path: Path) -> None:
    """Whoever gets hold of the files cannot come in by them."""

    async def scene() -> None:
        async with lobby(SQLiteJournal(tmp_path / "chatroom.db"), FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            session = alice.token().session
            await hub.commits.flush()
            kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
            assert b"Has entered the chat" in kept
            assert session.encode() not in kept
            assert bytes.fromhex(session) not in kept
            await alice.close()

    run(scene())


def test_whom_a_kill_leaves_inside_may_resume_within_the_grace(tmp_path: Path) -> None:
    """Nobody sees them leave, and they get what they had not read."""

    async def scene() -> None:
        data = tmp_path / "data"
        async with lobby(SQLiteJournal(data / "chatroom.db"), FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            bob = await Listener(hub, "Bob", *BOTH).open()
            bob.say("just before")
            assert "just before" == (await bob.said()).message
            left = killed(data)
            async with started_again(left, FOREVER) as again:
                room = again.rooms.get("lobby")
                assert ["Alice", "Bob"] == [member.name for member in room.members()]
                alice.hub = again
                back = await alice.again()
                assert ["entered", "just before"] == kinds(await back.until_live())
                assert back.joined is not None
                assert pb.RECOVERY_COMPLETE == back.joined.recovery
                await back.close()
            await alice.close()
            await bob.close()

    run(scene())


def test_whom_a_kill_leaves_inside_without_a_session_is_lost_at_once(tmp_path: Path) -> None:
    """Nobody could come back to that place, and it would only hold the name."""

    async def scene() -> None:
        data = tmp_path / "data"
        async with lobby(SQLiteJournal(data / "chatroom.db"), FOREVER) as hub:
            plain = await Listener(hub, "Plain").open()
            async with started_again(killed(data), FOREVER) as again:
                back = await Listener(again, "Plain", *BOTH).open()
                log = await again.replay.after(again.rooms.get("lobby"), 0, 10)
                assert ["ENTERED", "LEFT", "ENTERED"] == [entry.kind.name for entry in log]
                await back.close()
            await plain.close()

    run(scene())


def test_whom_a_kill_leaves_inside_is_lost_after_the_grace(tmp_path: Path) -> None:
    async def scene() -> None:
        data = tmp_path / "data"
        async with lobby(SQLiteJournal(data / "chatroom.db"), FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            left = killed(data)
            async with started_again(left, AT_ONCE) as again:
                await gone(again, "Alice")
                alice.hub = again
                back = await alice.again()
                assert ["left", "entered"] == kinds(await back.until_live())
                await back.close()
            await alice.close()

    run(scene())


def test_after_an_unclean_stop_without_full_sync_all_epochs_are_new(tmp_path: Path) -> None:
    """What clients have seen may be gone; so a resume is a fresh join, by the same name."""

    async def scene() -> None:
        data = tmp_path / "data"
        async with lobby(SQLiteJournal(data / "chatroom.db", sync="normal"), FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            alice.say("before")
            await alice.said()
            left = killed(data)
            async with started_again(left, FOREVER, "normal") as again:
                alice.hub = again
                back = await alice.again()
                replayed = await back.until_live()
                assert back.joined is not None
                assert pb.RECOVERY_PARTIAL == back.joined.recovery
                assert alice.token().epoch != back.joined.epoch
                assert alice.token().session != back.joined.session
                # The old place, which the grace still kept, has made way.
                assert ["before", "entered"] == kinds(replayed)
                assert 1 == again.rooms.get("lobby").member_count
                await back.close()
            await alice.close()

    run(scene())


def test_in_a_big_room_coming_back_is_as_quiet_as_coming_was() -> None:
    """Neither the arrival nor the departure of such a member is logged."""

    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await alice.until_live()
        bob = await Listener(hub, "Bob", *BOTH).open()
        assert 0 == bob.last  # its own arrival, which nobody else is shown
        assert [] == await bob.until_live()
        alice.say("one")
        assert "one" == (await alice.next()).message  # and no arrival before it
        await bob.close()
        back = await bob.again()
        assert ["one"] == kinds(await back.until_live())
        await back.close()
        hub.sessions._grace = 0.0
        back = await bob.again()
        await back.until_live()
        await back.close()
        await gone(hub, "Bob")
        late = await back.again()
        replayed = await late.until_live()
        assert [("entered", 0)] == [(m.WhichOneof("event"), m.sequence) for m in replayed]
        alice.say("two")
        assert "two" == (await alice.next()).message  # nothing of all that
        assert "two" == (await late.next()).message
        await late.close()
        await alice.close()

    play(scene, Limits(message_rate=0, grace=3600.0, logged_arrivals=1))
