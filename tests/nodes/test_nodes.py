"""Several nodes are one service: each test is a sentence of the design."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.denials import InvitationUsed
from chatroom.core.refusals import (
    NameTaken,
    Removed,
    RoomClosed,
    RoomExists,
    RoomFull,
    SessionReplaced,
)
from chatroom.server.calls.methods import Methods
from chatroom.server.rooms.hub import Hub
from tests.carriers import run
from tests.faults.scale import scaled
from tests.nodes.nodes import BOTH, Play, Shared, nodes, until
from tests.server.listeners import Listener, whole

EACH = scaled(334, 334, brief=20)
"""So many at each of three nodes want one name at once."""


def test_what_is_said_at_one_node_is_read_at_all_in_one_order(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        members = [await Listener(hub, f"M{n}", *BOTH).open() for n, hub in enumerate(hubs)]
        for each in members:
            await each.until_live()
        for text in range(20):
            for each in members:
                each.say(f"{text}")
        read: list[list[tuple[int, str, str]]] = []
        for each in members:
            said: list[tuple[int, str, str]] = []
            while len(said) < 60:
                message = await each.next()
                if message.WhichOneof("event") is None:
                    said.append((message.sequence, message.name, message.message))
            read.append(said)
        assert read[0] == read[1] == read[2]
        assert list(range(4, 64)) == [sequence for sequence, _, _ in read[0]]
        for each in members:
            await each.close()

    play(scene)


def test_one_of_many_gets_a_name(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        asked = [
            hub.join("lobby", "Bob", wants_events=True, echo=True)
            for hub in hubs
            for _ in range(EACH)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert 1 == sum(not isinstance(each, BaseException) for each in answers)
        assert 3 * EACH - 1 == sum(isinstance(each, NameTaken) for each in answers)
        await until(lambda: all(1 == hub.rooms.get("lobby").member_count for hub in hubs))

    play(scene)


def test_a_room_has_as_many_as_it_may_wherever_they_come_in(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        room = await hubs[0].rooms.create(room_id="small", capacity=5)
        asked = [
            hubs[n % 3].join("small", f"M{n}", wants_events=True, echo=True) for n in range(30)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert 5 == sum(not isinstance(each, BaseException) for each in answers), answers
        assert 25 == sum(isinstance(each, RoomFull) for each in answers)
        assert 5 == room.member_count

    play(scene)


def test_who_resumes_at_another_node_is_seen_by_nobody(play: Play) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        watcher = await Listener(here, "Watcher", *BOTH).open()
        bob = await Listener(here, "Bob", *BOTH).open()
        await bob.until_live()
        bob.say("one")
        assert "one" == (await bob.said()).message
        again = await Listener(there, "Bob", *BOTH, resume=bob.token()).open(arrive=False)
        assert [] == await again.until_live()
        assert isinstance(await bob.end(), SessionReplaced)
        again.say("two")
        await watcher.until_live()
        seen = [await watcher.next() for _ in range(3)]
        assert ["Has entered the chat", "one", "two"] == [each.message for each in seen]
        await watcher.close()
        await again.close()

    play(scene)


def test_whoever_is_removed_is_so_at_their_node(play: Play) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        plain = await Listener(there, "Plain").open()
        await until(lambda: 2 == here.rooms.get("lobby").member_count)
        for name in ("Bob", "Plain"):
            here.moderation.remove(here.rooms.get("lobby"), name, reason="")
        assert isinstance(await bob.end(), Removed)
        assert isinstance(await plain.end(), Removed)
        for hub in (here, there):
            await until(lambda hub=hub: 0 == hub.rooms.get("lobby").member_count)

    play(scene)


def test_a_room_that_is_deleted_ends_everywhere(play: Play) -> None:
    async def scene(here: Hub, there: Hub, third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        room = here.rooms.get("lobby")
        await here.moderation.delete_room(room, reason="over", successor="")
        refusal = await bob.end()
        assert isinstance(refusal, RoomClosed)
        assert "over" == refusal.why
        await third.nodes.look()
        await until(lambda: not third.rooms.known("lobby"))
        assert not there.rooms.known("lobby")

    play(scene)


def test_what_is_not_told_is_found(play: Play, shared: Shared) -> None:
    """A node that hears nothing looks by itself."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        alice = await Listener(here, "Alice", *BOTH).open()
        alice.say("hello")
        await alice.said()
        await there.nodes.look()
        assert "hello" == (await bob.said()).message
        await here.rooms.create(room_id="new")
        late = await Listener(there, "Late", room="new").open()
        for each in (bob, alice, late):
            await each.close()

    play(scene)


def test_who_only_listens_holds_nothing_up(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also just after others were quicker, a node that stores nothing takes no lock to read."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        ann = await Listener(here, "Ann", *BOTH).open()
        bob = await Listener(there, "Bob", *BOTH).open()
        await ann.until_live()
        await bob.until_live()
        journal = here._journal
        held, holds = journal.held, []

        def counted(asked: Any) -> Any:
            holds.append(asked)
            return held(asked)

        monkeypatch.setattr(journal, "held", counted)
        number = 0
        while not holds:  # until both had something to store at the same time
            number += 1
            ann.say(f"Ann {number}")
            bob.say(f"Bob {number}")
            said = {(await bob.said()).message, (await bob.said()).message}
            assert {f"Ann {number}", f"Bob {number}"} == said
        await here.commits.flush()
        before = len(holds)
        for each in range(10):
            bob.say(f"only Bob {each}")
            while (await ann.said()).message != f"only Bob {each}":
                pass
        assert before == len(holds)
        await ann.close()
        await bob.close()

    play(scene)


def test_a_message_is_sent_by_a_session_wherever_its_stream_is(play: Play) -> None:
    """A browser's calls may go to any node."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(here, "Bob", *BOTH).open()
        await bob.until_live()
        await until(lambda: 1 == there.rooms.get("lobby").member_count)
        place = there.sessions.speaker(bob.token().session)
        entry = await there.talk.send(place, "by another way", "n1")
        said = await bob.said()
        assert ("by another way", entry.sequence) == (said.message, said.sequence)
        again = await there.talk.send(place, "by another way", "n1")
        assert entry.sequence == again.sequence
        await bob.close()

    play(scene)


def test_who_is_muted_elsewhere_says_nothing_more(play: Play, shared: Shared) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        await until(lambda: 1 == here.rooms.get("lobby").member_count)
        room = here.rooms.get("lobby")
        shared.deafen(there._journal)
        await here.moderation.set_member(room, "Bob", muted=True, moderator=None, reason="")
        bob.say("what is not to be said")
        event = await bob.next_but("changed")
        assert "MUTED" == event.refused.reason
        await bob.close()

    play(scene)


def test_an_invitation_for_one_lets_one_in(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        room = hubs[0].rooms.get("lobby")
        invitation, secret = await hubs[0].invitations.invite(room, uses=3, until=0, name="", by="")
        await asyncio.gather(*[hub.nodes.look() for hub in hubs])
        await asyncio.gather(*[hub.nodes.refresh("lobby") for hub in hubs])
        asked = [
            hubs[n % 3].join(
                "lobby", f"M{n}", wants_events=True, echo=True,
                who=hubs[n % 3].invitations.identity(secret),
            )
            for n in range(30)
        ]  # fmt: skip
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert 3 == sum(not isinstance(each, BaseException) for each in answers), answers
        assert 27 == sum(isinstance(each, InvitationUsed) for each in answers), answers
        await asyncio.gather(*[hub.nodes.refresh("lobby") for hub in hubs])
        for hub in hubs:
            _, left = hub.invitations.find(invitation.invitation_id)
            assert 0 == left.uses_left

    play(scene)


def test_a_name_that_is_taken_by_a_rename_elsewhere(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        members = [await Listener(hub, f"M{n}", *BOTH).open() for n, hub in enumerate(hubs)]
        for each in members:
            await each.until_live()
        for each in members:
            each.wire.request(pb.ChatMessage(rename=pb.Rename(name="Bob", nonce="n")))
        outcomes = []
        for each in members:
            message = await each.next_but("entered")
            while message.WhichOneof("event") not in ("refused", "renamed") or (
                message.HasField("renamed") and message.name != each.join.name
            ):
                message = await each.next()
            outcomes.append(message.refused.reason or "renamed")
        assert ["NAME_TAKEN", "NAME_TAKEN", "renamed"] == sorted(outcomes)
        for each in members:
            await each.close()

    play(scene)


def test_typing_is_told_at_every_node(play: Play) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        alice = await Listener(here, "Alice", *BOTH).open()
        assert "entered" == (await bob.next()).WhichOneof("event")
        alice.wire.request(pb.ChatMessage(typing=pb.Typing(active=True)))
        message = await bob.next()
        assert ("typing", "Alice") == (message.WhichOneof("event"), message.name)
        await alice.close()
        await bob.close()

    play(scene)


def test_a_room_of_an_id_is_made_once(play: Play) -> None:
    async def scene(*hubs: Hub) -> None:
        made = await asyncio.gather(
            *[hub.rooms.create(room_id="one") for hub in hubs for _ in range(2)],
            return_exceptions=True,
        )
        assert 5 == sum(isinstance(each, RoomExists) for each in made), made
        late = await Listener(hubs[2], "Late", room="one").open()
        await late.close()

    play(scene)


def test_who_was_answered_at_one_node_finds_that_at_another(play: Play, shared: Shared) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        await here.rooms.create(room_id="new", title="of here")
        bob = await Listener(here, "Bob", *BOTH, room="new").open()
        await bob.until_live()
        nodes, methods = there.nodes, Methods(there)
        assert nodes is not None
        await nodes.know(room_id="", session="")
        listed = await whole(await methods.list_chat_rooms(pb.ListChatRoomsRequest()))
        assert ("new", "of here", 1) in [
            (room.room_id, room.title, room.member_count) for room in listed.chat_rooms
        ]
        bob.say("one")
        await bob.said()
        session = bob.token().session
        await nodes.know(room_id="", session=session)
        request = pb.SendMessageRequest(session=session, message=pb.Message(message="two"))
        assert 3 == (await methods.send_message(request)).sequence
        assert "two" == (await bob.said()).message
        await nodes.know(room_id="new", session="")
        found = await whole(await methods.list_messages(pb.ListMessagesRequest(room_id="new")))
        assert ["Has entered the chat", "one", "two"] == [each.message for each in found.messages]
        await bob.close()

    play(scene)


def test_time_in_a_room_never_goes_back_whatever_the_clocks_say(shared: Shared) -> None:
    async def scene() -> None:
        hour = 3600 * 10**9
        async with nodes(shared, 2, ahead=(0, hour)) as (here, there):
            alice = await Listener(here, "Alice", *BOTH).open()
            bob = await Listener(there, "Bob", *BOTH).open()
            for each in (alice, bob):
                await each.until_live()
            bob.say("an hour ahead")
            assert "an hour ahead" == (await alice.said()).message
            alice.say("after it")
            seen = [await bob.said() for _ in range(2)]
            assert ["an hour ahead", "after it"] == [each.message for each in seen]
            assert seen[0].sent.ToNanoseconds() <= seen[1].sent.ToNanoseconds()
            await alice.close()
            await bob.close()

    run(scene())
