"""Runs a conversation with the server, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, TypeVar

from chatroom import interrupts
from chatroom.chatter.advice import advised
from chatroom.chatter.failures import Failure, NameInUse, Terminated
from chatroom.chatter.screen import aside, never_fail_to_encode
from chatroom.client import (
    AddressInvalid,
    Chat,
    ChatError,
    NameTaken,
    Patience,
    Tls,
    TlsUnusable,
    TokenInvalid,
    TokenRefused,
    connect,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chatroom.chatter.settings import Settings

Result = TypeVar("Result")

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
        return interrupts.run(_connected(chat, converse, draws=draws))
    except (TokenInvalid, TokenRefused) as error:
        if not settings.token:
            raise Failure(sentence_of(error)) from error
        raise Failure(f"{advised(error)} (it is from {settings.sources['token']})") from error
    except NameTaken as error:
        raise NameInUse(sentence_of(error)) from error
    except (AddressInvalid, TlsUnusable, ChatError) as error:
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
    sentence = advised(error)
    if not isinstance(error, ChatError):
        return sentence
    if error.reason in NEEDS_TOKEN:
        return f"{sentence} (--token-file names a file with it)"
    if error.reason == "MEMBER_NOT_FOUND":
        return f"{sentence} (`chatter members ROOM` says who is)"
    if error.field == "sequence" and "withdrawn already" not in sentence:
        return f"{sentence} (`chatter history ROOM --json` has the sequence of each)"
    if error.reason == "GRANT_MISSING":
        if error.metadata.get("grant") == "list":  # as with an invitation
            return f"{sentence} (--room ID goes into a room that you know)"
        return f"{sentence} (--token-file names a file with a token that allows it)"
    return sentence
