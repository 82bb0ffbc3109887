"""Runs a conversation with the server, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

from chatroom.chatter.failures import Failure, Terminated
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import aside, never_fail_to_encode
from chatroom.client import (
    AddressInvalid,
    Chat,
    ChatError,
    Patience,
    ServerUnavailable,
    Tls,
    TlsUnusable,
    TokenInvalid,
    connect,
)
from chatroom.interrupts import raise_again

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chatroom.chatter.settings import Settings

Result = TypeVar("Result")

ADVICE = {
    "connection refused": (
        "is the server running? start one with chatserver, or name it with --host"
    ),
    "it does not speak TLS": "--insecure connects without",
    "the TLS handshake failed": "--insecure connects without TLS",
    "its TLS certificate is not to be trusted": "--ca names a file with what is to be trusted",
}
"""What to do about the causes that chatter can do something about."""

NEEDS_TOKEN = frozenset({"TOKEN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"})


def with_server(
    settings: Settings,
    converse: Callable[[Chat], Awaitable[Result]],
    *,
    draws: bool = False,
) -> Result:
    """What `converse` returns, given a connection. Raises Failure with a sentence.

    If that is lost, as many seconds as the settings say are spent on getting it back. An
    interrupt cancels `converse`, so that it leaves its room, and raises
    KeyboardInterrupt; SIGTERM does the same and raises Terminated. Standard output that
    nobody reads delays neither, unless `converse` draws on it by itself.
    """
    # gRPC writes about lost connections to standard error; a person gets a sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    never_fail_to_encode()
    default = Patience()
    patience = Patience(
        recovery=default.recovery if settings.reconnect is None else settings.reconnect,
    )
    try:
        chat = connect(
            settings.host,
            insecure=settings.insecure,
            tls=_tls(settings),
            token=settings.token,
            patience=patience,
        )
        raise_again()
        return asyncio.run(_connected(chat, converse, draws=draws))
    except (AddressInvalid, TlsUnusable, TokenInvalid, ChatError) as error:
        raise Failure(sentence_of(error)) from error


def _tls(settings: Settings) -> Tls | None:
    """How TLS is to be spoken, if the settings say anything of it."""
    if not (settings.ca or settings.cert or settings.server_name):
        return None
    return Tls(
        ca=settings.ca,
        certificate=settings.cert,
        key=settings.key,
        server_name=settings.server_name,
    )


async def _connected(
    chat: Chat, converse: Callable[[Chat], Awaitable[Result]], *, draws: bool
) -> Result:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    with suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    try:
        async with nullcontext() if draws else aside(), chat:
            return await converse(chat)
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise


def sentence_of(error: Exception) -> str:
    """What went wrong and, where it is known, what to do; safe to print."""
    sentence = one_line(str(error))
    if isinstance(error, ServerUnavailable):
        for cause, advice in ADVICE.items():
            if sentence.endswith(cause):
                return f"{sentence} ({advice})"
    if isinstance(error, ChatError) and error.reason in NEEDS_TOKEN:
        return f"{sentence} (--token-file names a file with it)"
    return sentence
