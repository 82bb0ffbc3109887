"""chatter search: what was said with some words, as lines or as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from chatroom.chatter.searching import query_of
from tests.client.servers import OURS, running


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Without a limit of rate: much is said before anybody searches."""
    with running([*OURS, "--message-rate", "0"]) as address:
        yield address


@pytest.fixture(scope="module")
def talk(server) -> str:
    """A room in which Johnny Boi and Ann have said something."""
    from chatroom.client import connect

    async def speak() -> str:
        async with connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with chat.join(room_id, "Johnny Boi") as johnny, chat.join(room_id, "Ann") as ann:
                await johnny.send("green tea")
                await ann.send("Tea, green\nor black \u202e")
                await johnny.send("no more")
                for number in range(110):
                    await ann.send(f"number {number}")
        return room_id

    return asyncio.run(speak())


def found(ended) -> list[str]:
    assert "" == ended.stderr
    return [json.loads(line)["text"] for line in ended.stdout.splitlines()]


def test_what_is_found_is_printed_in_order(server, chatter, talk) -> None:
    """With its time, as by history; the exit code is 0."""
    ended = chatter("search", talk, "GREEN", "tea", "--host", server)
    assert (0, "") == (ended.returncode, ended.stderr)
    shown = [line.partition("  ")[2] for line in ended.stdout.splitlines()]
    assert ["Johnny Boi: green tea", "Ann: Tea, green", "  or black "] == shown


def test_as_json(server, chatter, talk) -> None:
    """One object a line; quotes of the shell are phrases, and names with spaces."""

    def search(*words: str) -> list[str]:
        return found(chatter("search", talk, *words, "--json", "--host", server))

    assert ["green tea"] == search("green tea")
    assert ["green tea", "no more"] == search("from:Johnny Boi")
    assert ["green tea"] == search('tea from:"johnny boi"')
    assert ["number 109"] == search("number", "--last", "1")
    assert [f"number {number}" for number in range(90, 110)] == search("number")
    assert [f"number {number}" for number in range(5, 110)] == search("number", "--last", "105")


def test_nothing_found(server, chatter, talk) -> None:
    """It prints nothing, and the exit code says so; a query of nothing is refused in words."""
    ended = chatter("search", talk, "nowhere", "--host", server)
    assert (1, "", "") == (ended.returncode, ended.stdout, ended.stderr)
    ended = chatter("search", talk, "...", "--host", server)
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "a query needs a word to look for" in ended.stderr


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["two", "words"], "two words"),
        (["two words", "more"], '"two words" more'),
        (["from:Johnny Boi"], 'from:"Johnny Boi"'),
        (['"two words" more'], '"two words" more'),
        (["from:Bob"], "from:Bob"),
    ],
)
def test_words_of_a_shell(words: list[str], query: str) -> None:
    """What was in quotes there is in quotes here."""
    assert query == query_of(words)
