"""Clients of HTTP/2 whose server speaks something else."""

from __future__ import annotations

import pytest

from chatroom.chatwire.decode import Kind
from chatroom.chatwire.decode.records import Ended
from chatroom.chatwire.passage import Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE

from .wire import Talk, kinds, notes

ANSWER = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno"


@pytest.mark.parametrize("at", [1, 6, 7, len(ANSWER)])
def test_a_server_of_http1(at: int) -> None:
    """Its answer is no frames; every byte of it is counted."""
    talk = Talk()
    talk.client(PREFACE, frames.settings())
    made = talk.server(ANSWER[:at]) + talk.server(ANSWER[at:])
    ended = talk.end(Side.SERVER)
    assert [Kind.BYTES] == kinds(made)
    assert "HTTP/1." in notes(made)
    assert "this server does not speak HTTP/2 here" in notes(made)
    assert isinstance(ended[0].detail, Ended)
    assert len(ANSWER) == ended[0].detail.undecoded


def test_a_server_of_http2() -> None:
    """Also one whose first bytes come one by one."""
    talk = Talk()
    talk.client(PREFACE, frames.settings())
    made = [frame for byte in frames.settings() for frame in talk.server(bytes([byte]))]
    assert [Kind.SETTINGS] == kinds(made)


def test_a_server_that_ends_before_it_is_known() -> None:
    """What it has said is not lost."""
    talk = Talk()
    talk.client(PREFACE, frames.settings())
    talk.server(b"HTT")
    (ended,) = talk.end(Side.SERVER)[-1:]
    assert isinstance(ended.detail, Ended)
    assert 3 == ended.detail.undecoded
