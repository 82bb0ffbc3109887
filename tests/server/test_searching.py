"""SearchMessages: what was said in a room, over every protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.limits import Limits
from chatroom.core.query import Query
from chatroom.core.rate import Pace
from chatroom.journal import Found
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls.encode import spoken
from tests.carriers import CARRIERS, Carrier, Ended, run
from tests.server.access.tokens_for import bearer, token
from tests.server.moderated import ADMIN, moderated
from tests.server.services import running

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


async def search(carrier: Carrier, query: str, **fields: int) -> tuple[list[str], bool]:
    """The texts that are found, and whether there are more."""
    request = pb.SearchMessagesRequest(room_id="lobby", query=query, **fields)  # type: ignore[arg-type] # they are numbers
    response = await carrier.call("SearchMessages", request)
    return [message.message for message in response.messages], response.more


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("protocol", CARRIERS)
def test_what_was_said_is_found(protocol: str, data: bool, tmp_path: Path) -> None:
    """Every word, a phrase, an author; the newest first, a page at a time, as it was told."""

    async def scene() -> None:
        async with running(tmp_path if data else None) as server:
            await server.create("lobby")
            ann = await server.join("lobby", "Ann", *BOTH)
            bob = await server.join("lobby", "Bob Größe", *BOTH)
            assert pb.FEATURE_SEARCH in ann.joined.supported
            told: list[pb.Message] = []
            for number in range(7):
                stream = (ann, bob)[number % 2]
                await server.say(stream, f"Line {number}, über example.com", f"n{number}")
                message = await stream.receive()
                while message.nonce != f"n{number}":
                    message = await stream.receive()
                told.append(message)
            carrier = CARRIERS[protocol](server.port)
            lines = [message.message for message in reversed(told)]
            assert (lines, False) == await search(carrier, "LINE uber")
            assert (lines[:2], True) == await search(carrier, "line", page_size=2)
            assert (lines[2:], False) == await search(carrier, "line", before=told[5].sequence)
            assert (lines[:3], True) == await search(carrier, "line", before=2**64 - 1, page_size=3)
            assert (lines[1::2], False) == await search(carrier, '"example com" from:"bob grosse"')
            assert ([], False) == await search(carrier, '"com example"')
            assert ([], False) == await search(carrier, "entered")
            request = pb.SearchMessagesRequest(room_id="lobby", query="3")
            response = await carrier.call("SearchMessages", request)
            assert [told[3]] == list(response.messages)
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_what_is_refused(protocol: str) -> None:
    """A query that looks for nothing or too much, a page too long, a room that is not there."""

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            carrier = CARRIERS[protocol](server.port)
            for fields, expected in (
                ({}, ("INVALID_ARGUMENT", "QUERY_INVALID")),
                ({"query": "from:"}, ("INVALID_ARGUMENT", "QUERY_INVALID")),
                ({"query": "x" * 257}, ("INVALID_ARGUMENT", "QUERY_INVALID")),
                ({"query": "w", "page_size": 101}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
                ({"query": "w", "room_id": "nowhere"}, ("NOT_FOUND", "ROOM_NOT_FOUND")),
            ):
                request = pb.SearchMessagesRequest(**{"room_id": "lobby", **fields})
                with pytest.raises(Ended) as ended:
                    await carrier.call("SearchMessages", request)
                assert expected == (ended.value.code, ended.value.reason)
            await carrier.close()

    run(scene())


def test_what_was_withdrawn_is_not_found(tmp_path: Path) -> None:
    """As soon as it is told of, and after a restart."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann")
            await on.server.say(ann, "my secret word")
            said = await ann.receive()
            await on.server.say(ann, "another word")
            await ann.receive()
            order = mod.WithdrawMessageRequest(room_id="lobby", sequence=said.sequence)
            assert (["my secret word"], False) == await search(on.server.carrier, "secret")
            await on.moderate("WithdrawMessage", order)
            assert ([], False) == await search(on.server.carrier, "secret")
            assert ([], False) == await search(on.server.carrier, "withdrawn")
            assert (["another word"], False) == await search(on.server.carrier, "word")
        async with moderated(tmp_path) as on:
            assert (["another word"], False) == await search(on.server.carrier, "word")

    run(scene())


def test_who_searches_without_end_is_told_to_wait(tmp_path: Path) -> None:
    """Each identity is counted for itself."""

    async def scene() -> None:
        limits = Limits(identity_searches=Pace(3, 3600.0))
        async with moderated(tmp_path, limits=limits) as on:
            request = pb.SearchMessagesRequest(room_id="lobby", query="word")
            ann, bob = (token(sub, chat={"history": True}) for sub in ("ann", "bob"))
            for _ in range(3):
                assert ("OK", "") == await on.refused("SearchMessages", request, ann)
            with pytest.raises(Ended) as ended:
                await on.server.carrier.call("SearchMessages", request, bearer(ann))
            assert ("RESOURCE_EXHAUSTED", "RATE_LIMITED") == (ended.value.code, ended.value.reason)
            assert 0 < ended.value.retry_after <= 1200
            assert ("OK", "") == await on.refused("SearchMessages", request, bob)

    run(scene())


class Endless(MemoryJournal):
    """A journal in which a search is never over."""

    def __init__(self) -> None:
        super().__init__(spoken)
        self.searching = asyncio.Event()
        self.given_up = asyncio.Event()

    async def search(self, key: int, query: Query, *, before: int, count: int) -> Found:
        try:
            self.searching.set()
            await asyncio.Event().wait()
        finally:
            self.given_up.set()
        raise AssertionError


@pytest.mark.parametrize("protocol", CARRIERS)
def test_who_goes_away_ends_a_search(protocol: str) -> None:
    """Nothing is looked for that nobody waits for."""

    async def scene() -> None:
        journal = Endless()
        async with running(journal=journal) as server:
            await server.create("lobby")
            carrier = CARRIERS[protocol](server.port)
            asked = asyncio.create_task(search(carrier, "word"))
            await journal.searching.wait()
            asked.cancel()
            await journal.given_up.wait()
            await carrier.close()

    run(scene())


def test_a_large_room_with_texts_of_many_words_is_searched_in_turns(tmp_path: Path) -> None:
    """Whoever chats meanwhile is answered as fast as ever: no turn of the loop is held up."""

    async def scene() -> None:
        limits = Limits(message_rate=0)
        async with moderated(tmp_path, limits=limits) as on:
            ann = await on.join("Ann", token("ad", chat=ADMIN))
            for number in range(400):
                await on.server.say(ann, f"w{number} " * 500)
                await ann.receive()
            found = asyncio.gather(*(search(on.server.carrier, f"w{n} w0") for n in range(20)))
            while not found.done():
                await on.server.say(ann, "quick")
                await ann.receive()
            assert [([], False)] * 19 == (await found)[1:]

    run(scene())
