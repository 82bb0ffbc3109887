"""What nodes do about rooms that others delete, and make anew: each test is a sentence."""

from __future__ import annotations

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.grants import ANYBODY
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.refusals import Removed, RoomClosed, RoomNotFound
from chatroom.journal import StoredRoom
from chatroom.server.rooms.hub import Hub
from tests.nodes.nodes import BOTH, Play, Shared
from tests.server.listeners import Listener


async def delete(hub: Hub, room_id: str) -> None:
    await hub.moderation.delete_room(hub.rooms.get(room_id), reason="", successor="")


def look_away(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a node find no room by itself, until the patch is undone."""

    async def none() -> dict[int, int]:
        return {}

    monkeypatch.setattr(hub._journal, "versions", none)


@pytest.mark.parametrize("waits", ["arrival", "departure", "rename", "removal"])
def test_a_room_that_another_node_deletes_takes_nothing_more_with_it(
    play: Play, shared: Shared, caplog: pytest.LogCaptureFixture, waits: str
) -> None:
    """What a member was about to change goes with the room, and other rooms go on."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        room = there.rooms.get("lobby")
        place = there.sessions.speaker(bob.token().session)
        await here.nodes.refresh("lobby")
        await delete(here, "lobby")
        if waits == "arrival":
            with pytest.raises(RoomNotFound):
                await Listener(there, "Carol", *BOTH).open()
        elif waits == "departure":
            there.quit(place)
        elif waits == "rename":
            tag = there.doors.new_name(room, place.member, ANYBODY, "Robert")
            with pytest.raises(RoomClosed):
                await there.talk.send_rename(place, tag, "n1")
        else:
            there._remove(room, place.member, Removed())
        await there.commits.flush()
        assert not room.waiting
        assert [] == [each for each in caplog.records if each.levelname == "ERROR"]

    play(scene)


def test_a_room_that_is_made_anew_is_known_before_the_end_of_the_old_one(
    play: Play, shared: Shared
) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        bob = await Listener(there, "Bob", *BOTH).open()
        await here.nodes.refresh("lobby")
        await delete(here, "lobby")
        new = await here.rooms.create(room_id="lobby")
        await there.nodes.look()
        await there.commits.stored()
        assert isinstance(await bob.end(), RoomClosed)
        assert new.facts.key == there.rooms.get("lobby").facts.key
        assert ["lobby"] == [room.room_id for room in there.rooms.listed()]
        again = await Listener(there, "Bob", *BOTH, resume=bob.token()).open()
        await again.until_live()
        await again.close()

    play(scene)


def test_a_room_that_was_read_before_it_ended_does_not_come_back(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks at all rooms may overlap."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        look_away(there, monkeypatch)
        await here.rooms.create(room_id="new")
        read = there._journal.room

        async def late(key: int) -> StoredRoom | None:
            monkeypatch.undo()
            found: StoredRoom | None = await read(key)
            await there.nodes.look()
            await delete(here, "new")
            await there.nodes.look()
            await there.commits.stored()
            assert not there.rooms.known("new")
            return found

        monkeypatch.undo()
        monkeypatch.setattr(there._journal, "room", late)
        await there.nodes.look()
        assert not there.rooms.known("new")

    play(scene)


def test_who_comes_back_where_their_room_is_new_may_have_left_since_it_was_read(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        look_away(there, monkeypatch)
        room = await here.rooms.create(room_id="new")
        before = await there._journal.room(room.facts.key)
        bob = await Listener(here, "Bob", *BOTH, room="new").open()
        await bob.until_live()
        token = bob.token()
        place = here.sessions.place(token.session)
        assert place is not None
        here._lost(place, LeaveReason.LOST)  # which is what the end of a grace calls
        await here.commits.flush()

        async def as_before(_key: int) -> StoredRoom | None:
            monkeypatch.undo()
            return before

        monkeypatch.undo()
        monkeypatch.setattr(there._journal, "room", as_before)
        assert not there.rooms.known("new")
        again = await Listener(there, "Bob", *BOTH, room="new", resume=token).open()
        await again.until_live()
        assert again.joined is not None
        assert (token.session, pb.RECOVERY_COMPLETE) == (
            again.token().session,
            again.joined.recovery,
        )
        await again.close()

    play(scene)
