"""Runs a conversation with the server, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, TypeVar

from chatroom.chatter.failures import Failure
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import never_fail_to_encode
from chatroom.client import (
    AddressInvalid,
    Chat,
    ChatError,
    Patience,
    ServerUnavailable,
    connect,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")

ADVICE = {
    "connection refused": (
        "is the server running? start one with chatserver, or name it with --host"
    ),
    "it does not speak TLS": "--insecure connects without",
    "the TLS handshake failed": "--insecure connects without TLS",
}
"""What to do about the causes that chatter can do something about."""


def with_server(
    host: str,
    insecure: bool,
    converse: Callable[[Chat], Awaitable[Result]],
    *,
    reconnect: float | None = None,
) -> Result:
    """What `converse` returns, given a connection. Raises Failure with a sentence.

    If that is lost in a room, so many seconds are spent on getting it back (None: the
    library's default). An interrupt cancels `converse`, so that it leaves its room, and
    raises KeyboardInterrupt.
    """
    # gRPC writes about lost connections to standard error; a person gets a sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    never_fail_to_encode()
    try:
        patience = Patience() if reconnect is None else Patience(recovery=reconnect)
        chat = connect(host, insecure=insecure, patience=patience)
        return asyncio.run(_connected(chat, converse))
    except (AddressInvalid, ChatError) as error:
        raise Failure(sentence_of(error)) from error


async def _connected(chat: Chat, converse: Callable[[Chat], Awaitable[Result]]) -> Result:
    async with chat:
        return await converse(chat)


def sentence_of(error: Exception) -> str:
    """What went wrong and, where it is known, what to do; safe to print."""
    sentence = one_line(str(error))
    if isinstance(error, ServerUnavailable):
        for cause, advice in ADVICE.items():
            if sentence.endswith(cause):
                return f"{sentence} ({advice})"
    return sentence
