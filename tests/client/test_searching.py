"""Searching in a room, with the real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatroom.client import Chat, ChatError, Page
from tests.client.servers import OURS, running
from tests.client.test_chat import play


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Without a limit of rate: much is said before anybody searches."""
    with running([*OURS, "--message-rate", "0"]) as address:
        yield address


def texts(page: Page) -> list[str]:
    return [message.text for message in page.messages]


def test_pages_of_what_is_found(server: str) -> None:
    """The newest first, each once, until there are no more; one need not be in the room."""

    async def scene(chat: Chat) -> None:
        await chat.create_room("pages")
        async with chat.join("pages", "Bob") as room:
            for number in range(45):
                await room.send(f"Line {number}" + " rare" * (number % 20 == 3))
            pages = [page async for page in room.search("line")]
            found = [text for page in pages for text in texts(page)]
            assert [20, 20, 5] == [len(page.messages) for page in pages]
            assert [f"Line {number}" for number in range(44, -1, -1)] == [
                text.removesuffix(" rare") for text in found
            ]
            assert ["Line 43 rare", "Line 23 rare", "Line 3 rare"] == [
                text async for page in room.search("rare from:bob") for text in texts(page)
            ]
            assert [[]] == [texts(page) async for page in room.search("nowhere")]
        page = await chat.search("pages", '"line 43"', page_size=1)
        assert (["Line 43 rare"], False) == (texts(page), page.more)
        page = await chat.search("pages", "rare", before=page.messages[0].sequence)
        assert ["Line 23 rare", "Line 3 rare"] == texts(page)

    play(server, scene)


def test_a_query_that_looks_for_nothing(server: str) -> None:
    """The server says what to change."""

    async def scene(chat: Chat) -> None:
        await chat.create_room("empty")
        with pytest.raises(ChatError, match="a word to look for") as refused:
            await chat.search("empty", "...")
        assert "QUERY_INVALID" == refused.value.reason

    play(server, scene)
