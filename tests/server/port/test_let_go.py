"""What a request has held is free when its peer has gone, without the garbage collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from chatroom.server.port.asgi import let_go


class Answer:
    """Something large."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def library(held: list[weakref.ref[Answer]], *, twice: bool) -> None:
    """Keeps what was raised in a local variable, beside an answer, as libraries do."""
    answer = Answer()
    held.append(weakref.ref(answer))
    try:
        fail()
    except ConnectionError as error:
        kept = error
        if twice:
            library(held, twice=False)
        raise kept from kept.__cause__


def fail() -> None:
    raise ConnectionError("the peer is gone")


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.usefixtures("uncollected")
def test_frames_that_hold_their_own_exception_are_freed(twice: bool) -> None:
    """Also those of an exception in whose handling this one was raised."""
    held: list[weakref.ref[Answer]] = []
    try:
        library(held, twice=twice)
    except ConnectionError as error:
        let_go(error)
    assert [None] * (1 + twice) == [answer() for answer in held]
