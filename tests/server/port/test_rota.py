"""Whose turn it is, and how many bytes of answers one connection may have waiting."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.server.port.answers import Answers
from chatroom.server.port.rota import AT_ONCE, CALL, Rota
from tests.carriers import run


async def worked(calls: dict[str, int], pieces: int, size: int = 1) -> list[list[str]]:
    """Whose work was done in each turn of the loop, if each call has so many pieces of a size."""
    rota = Rota()
    turns: list[list[str]] = [[]]

    async def call(connection: str) -> None:
        for _ in range(pieces):
            await rota.turn(connection, size)
            turns[-1].append(connection)

    def count() -> None:
        turns.append([])
        asyncio.get_running_loop().call_soon(count)

    async with asyncio.TaskGroup() as group:
        for connection, number in calls.items():
            for _ in range(number):
                group.create_task(call(connection))
        count()
    return [turn for turn in turns if turn]


def test_one_call_does_not_wait_behind_a_hundred_of_another_connection() -> None:
    """It has its turn in the first rounds, not after the others' 1,000 pieces of work."""

    async def scene() -> None:
        turns = await worked({"flood": 100, "other": 1}, pieces=10)
        last = max(number for number, turn in enumerate(turns) if "other" in turn)
        assert last <= 2 * 10
        assert 1_010 == sum(map(len, turns))

    run(scene())


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30)),
    st.integers(1, 5),
    st.sampled_from([1, 3, CALL]),
)
def test_every_piece_is_done_and_few_in_one_turn(
    calls: dict[str, int], pieces: int, size: int
) -> None:
    """What was let in by the last turn of the loop, and in this one; of large ones fewer."""

    async def scene() -> None:
        turns = await worked(calls, pieces, size)
        assert pieces * sum(calls.values()) == sum(map(len, turns))
        assert all(len(turn) <= 2 * -(-AT_ONCE // size) for turn in turns)

    asyncio.run(scene())


def test_who_waits_no_more_takes_nobodys_turn() -> None:
    async def scene() -> None:
        rota = Rota()
        waiting = [asyncio.create_task(rota.turn("a")) for _ in range(3 * AT_ONCE)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.gather(*waiting[1::2])

    run(scene())


@given(st.lists(st.integers(1, 30), max_size=40), st.randoms())
def test_answers_above_the_bound_wait_and_all_are_begun(sizes: list[int], rng: object) -> None:
    """In order; one that is larger than the bound is begun alone."""
    del rng
    answers = Answers(20)
    begun: list[int] = []
    for number, size in enumerate(sizes):
        answers.line_up(size, lambda number=number: begun.append(number))  # type: ignore[misc] # a default binds it
    done = 0
    while done < len(sizes):
        held = sum(sizes[number] for number in begun[done:])
        assert held <= 20 or 1 == len(begun) - done
        answers.give_back(sizes[begun[done]])
        done += 1
    assert list(range(len(sizes))) == begun


@pytest.mark.parametrize("which", [1, 2])
def test_who_leaves_the_line_lets_the_next_one_in(which: int) -> None:
    begun: list[int] = []
    begins = [lambda number=number: begun.append(number) for number in range(4)]  # type: ignore[misc] # a default binds it
    answers = Answers(10)
    for begin in begins:
        answers.line_up(10, begin)
    answers.leave(begins[which])
    for _ in range(3):
        answers.give_back(10)
    assert [number for number in range(4) if number != which] == begun
