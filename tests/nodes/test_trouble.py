"""What nodes do about each other's trouble: each test is a sentence of the design."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NoReturn

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.fenced import NodeFenced
from chatroom.core.grants import ANYBODY
from chatroom.core.leave_reason import LeaveReason
from chatroom.core.refusals import JournalUnavailable
from chatroom.core.standing import Standing
from chatroom.journal import Append, JournalError
from chatroom.journal.sharing import Node
from chatroom.server.rooms.hub import Hub
from tests.nodes.nodes import BOTH, Play, Shared, until
from tests.server.listeners import Listener


def test_members_of_a_node_that_dies_have_their_grace(play: Play, shared: Shared) -> None:
    """Who has a session comes back unseen, at any node; who has none is lost, once."""

    async def scene(here: Hub, there: Hub, third: Hub) -> None:
        watcher = await Listener(here, "Watcher", *BOTH).open()
        await watcher.until_live()
        bob = await Listener(there, "Bob", *BOTH).open()
        await Listener(there, "Plain").open()
        gone = there._journal
        await shared.lease_passes(gone)
        shared.cut(gone)
        for hub in (here, third):
            await hub.nodes.look()
        for _ in range(2):
            assert "entered" == (await watcher.next()).WhichOneof("event")
        lost = await watcher.next()
        assert ("Plain", pb.LEAVE_REASON_LOST) == (lost.name, lost.left.reason)
        again = await Listener(third, "Bob", *BOTH, resume=bob.token()).open(arrive=False)
        await again.until_live()
        again.say("I am back")
        assert "I am back" == (await watcher.next()).message
        for hub in (here, third):
            await until(lambda hub=hub: 2 == hub.rooms.get("lobby").member_count)
        await watcher.close()
        await again.close()
        shared.mend(gone)

    play(scene)


def test_a_node_that_renews_its_lease_at_the_last_moment_keeps_its_members(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease had passed when others read the list, and had not when they were to bury it."""

    async def scene(here: Hub, there: Hub, third: Hub) -> None:
        watcher = await Listener(here, "Watcher", *BOTH).open()
        await watcher.until_live()
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        await until(lambda: here.rooms.get("lobby").member_called("Bob") is not None)

        async def renewed(_number: int) -> bool:
            return False

        for hub in (here, third):
            monkeypatch.setattr(hub._journal, "declare_dead", renewed)
        await shared.lease_passes(there._journal)
        assert here.nodes is not None
        await here.nodes.look()
        member = here.rooms.get("lobby").member_called("Bob")
        assert member is not None
        assert (Standing.ELSEWHERE, there._journal.node) == (member.standing, member.node)
        await watcher.close()
        await bob.close()

    play(scene)


@pytest.mark.parametrize("says", [True, False], ids=["says", "hears"])
def test_a_node_that_was_taken_for_dead_ends_its_streams_and_starts_anew(
    play: Play, shared: Shared, says: bool
) -> None:
    """It finds out when it stores something, or when it reads what others have stored since.

    What somebody says then is not refused: whoever resumes says it again.
    """

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        watcher = await Listener(here, "Watcher", *BOTH).open()
        await watcher.until_live()
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        stopped = there._journal
        before = stopped.node
        await shared.lease_passes(stopped)
        await here.nodes.look()
        if says:
            bob.say("what nobody sees", "n1")
        told: list[pb.Message] = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                told.append(await bob.next())
        assert isinstance(bob.call.refusal, NodeFenced)
        assert [] == [message for message in told if message.HasField("refused")]
        await until(lambda: stopped.node != before)
        again = await Listener(there, "Bob", *BOTH, resume=bob.token()).open(arrive=False)
        assert [] == await again.until_live()
        again.say("seen")
        assert "entered" == (await watcher.next()).WhichOneof("event")
        assert "seen" == (await watcher.next()).message
        await watcher.close()
        await again.close()

    play(scene)


def test_who_has_come_to_a_node_that_has_just_begun_anew_stays_there(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the nodes may have asked before that one was there."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        await until(lambda: 1 == here.rooms.get("lobby").member_count)
        again = Listener(there, "Bob", *BOTH, resume=bob.token())
        look_at = here._journal.nodes
        before = there._journal.node

        async def nodes_of_before() -> Sequence[Node]:
            monkeypatch.undo()
            found = await look_at()
            await here._journal.declare_dead(before)
            assert there.nodes is not None
            there.nodes.fenced()
            await until(lambda: there._journal.node != before)
            await again.open(arrive=False)
            await again.until_live()
            await here.nodes.refresh("lobby")
            return found

        await shared.lease_passes(there._journal)
        monkeypatch.setattr(here._journal, "nodes", nodes_of_before)
        await here.nodes.look()
        (member,) = here.rooms.get("lobby").members()
        assert (Standing.ELSEWHERE, there._journal.node) == (member.standing, member.node)
        again.say("here I am")
        assert "here I am" == (await again.said()).message
        await again.close()

    play(scene)


def test_who_gives_up_a_move_that_is_slow_stays_where_they_are(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other node stores it when they have come back to this one already."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(here, "Bob", *BOTH).open()
        await bob.until_live()
        token = bob.token()
        append, begun, goes_on = there._journal.append, asyncio.Event(), asyncio.Event()

        async def slow(appends: Sequence[Append]) -> None:
            begun.set()
            await goes_on.wait()
            await append(appends)

        monkeypatch.setattr(there._journal, "append", slow)
        given_up = Listener(there, "Bob", *BOTH, resume=token)
        coming = asyncio.create_task(given_up.open(arrive=False))
        await begun.wait()
        coming.cancel()
        given_up.go()
        again = await Listener(here, "Bob", *BOTH, resume=token).open(arrive=False)
        await again.until_live()
        goes_on.set()
        await there.commits.flush()
        for hub in (here, there):
            await hub.nodes.look()
            await hub.commits.stored()
        again.say("still here")
        assert "still here" == (await again.said()).message
        await again.close()

    play(scene)


def test_a_session_speaks_at_a_node_to_which_its_room_is_new(play: Play, shared: Shared) -> None:
    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        await here.rooms.create(room_id="new")
        bob = await Listener(here, "Bob", *BOTH, room="new").open()
        await bob.until_live()
        assert there.nodes is not None
        await there.nodes.know(room_id="", session=bob.token().session)
        await there.talk.send(there.sessions.speaker(bob.token().session), "from afar", "n1")
        assert "from afar" == (await bob.said()).message
        await bob.close()

    play(scene)


def test_who_resumes_where_news_cannot_be_read_is_no_newcomer(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told to come again, and lose nothing by it."""

    async def fails(_asked: object) -> NoReturn:
        monkeypatch.undo()
        raise JournalError("the connection was lost")

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        bob = await Listener(here, "Bob", *BOTH).open()
        await bob.until_live()
        monkeypatch.setattr(there._journal, "news", fails)
        again = Listener(there, "Bob", *BOTH, resume=bob.token())
        with pytest.raises(JournalUnavailable):
            await again.open(arrive=False)
        again = await Listener(there, "Bob", *BOTH, resume=bob.token()).open(arrive=False)
        assert [] == await again.until_live()
        assert pb.RECOVERY_COMPLETE == again.joined.recovery
        await again.close()

    play(scene)


def test_who_was_departed_by_two_nodes_at_once_has_no_place_at_either(
    play: Play, shared: Shared
) -> None:
    """Both had adopted them, and their grace was over: one departure is stored."""

    async def scene(here: Hub, there: Hub, third: Hub) -> None:
        bob = await Listener(there, "Bob", *BOTH).open()
        await bob.until_live()
        token = bob.token()
        gone = there._journal
        await shared.lease_passes(gone)
        shared.cut(gone)
        await asyncio.gather(*(hub.nodes.look() for hub in (here, third)))
        for hub in (here, third):  # before either knows what the other one has stored
            place = hub.sessions.place(token.session)
            if place is not None:
                hub._lost(place, LeaveReason.LOST)  # which is what the end of a grace calls
        for hub in (here, third):
            await hub.commits.flush()
            await hub.nodes.look()
            await hub.commits.stored()
            place = hub.sessions.place(token.session)
            assert place is None or place.member.present  # one may have adopted them later
        for hub in (third, here):
            again = await Listener(hub, "Bob", *BOTH, resume=token).open(arrive=False)
            await again.until_live()
            assert again.joined is not None
            token = again.token()
            again.go()
        shared.mend(gone)

    play(scene)


def test_a_rename_that_is_sent_again_is_answered_by_what_is_true_now(play: Play) -> None:
    """Whatever the node has answered that knew the member before."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        bob = await Listener(here, "Bob", *BOTH).open()
        await bob.until_live()
        for number, hub in enumerate((here, there, here), 1):
            if number > 1:
                bob = await Listener(hub, "Bob", *BOTH, resume=bob.token()).open(arrive=False)
                await bob.until_live()
            if number < 3:
                bob.wire.request(
                    pb.ChatMessage(rename=pb.Rename(name=f"Bob {number}", nonce=f"n{number}"))
                )
                assert f"Bob {number}" == (await bob.next_but("heartbeat")).renamed.name
        bob.wire.request(pb.ChatMessage(rename=pb.Rename(name="Bob 2", nonce="n1")))
        assert "Bob 2" == (await bob.next_but("heartbeat")).renamed.name
        await bob.close()

    play(scene)


def test_who_is_renamed_while_they_are_moved_is_moved_all_the_same(
    play: Play, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a node that has not known their room before."""

    async def scene(here: Hub, there: Hub, _third: Hub) -> None:
        shared.deafen(there._journal)
        await here.rooms.create(room_id="new")
        bob = await Listener(here, "Bob", *BOTH, room="new").open()
        await bob.until_live()
        token = bob.token()
        append = there._journal.append

        async def late(appends: Sequence[Append]) -> None:
            monkeypatch.setattr(there._journal, "append", append)
            place = here.sessions.speaker(token.session)
            tag = here.doors.new_name(place.room, place.member, ANYBODY, "Robert")
            await here.talk.send_rename(place, tag, "n1")
            await append(appends)

        monkeypatch.setattr(there._journal, "append", late)
        again = await Listener(there, "Bob", *BOTH, room="new", resume=token).open(arrive=False)
        assert "Robert" in [message.renamed.name for message in await again.until_live()]
        await again.close()

    play(scene)
