"""Asks a server's listener for operators, by HTTP, and tells why there is no answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from chatroom.wire.addresses import Address

PATIENCE_SECONDS = 5.0
"""For an answer. A listener that takes longer is no more use than one that is gone."""
MOST_BYTES = 16 << 20
"""Of an answer: a thousand rooms are half a megabyte."""


LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})(?:\r\n|$)", re.IGNORECASE)


class NoFigures(Exception):
    """The server tells nothing; `str()` says why, for people."""


class Unreachable(NoFigures):
    """Nobody is there, or does not answer."""


class Stranger(NoFigures):
    """Somebody answers, and is no listener for operators."""

    def __init__(self, address: Address, why: str) -> None:
        super().__init__(
            f"what listens on {address} is not for operators ({why}): "
            "give the address of the server's --ops-bind"
        )


async def get(address: Address, target: str) -> str:
    """The body of an answer. Raises NoFigures."""
    request = f"GET {target} HTTP/1.0\r\nhost: {address}\r\naccept: */*\r\n\r\n"
    answer = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), _connected(address) as (reader, writer):
            writer.write(request.encode("ascii"))
            with contextlib.suppress(ConnectionResetError):  # what came before counts
                while data := await reader.read(1 << 16):
                    answer += data
                    if len(answer) > MOST_BYTES:
                        raise Stranger(address, f"its answer is above {MOST_BYTES >> 20} MiB")
    except TimeoutError:
        raise Unreachable(f"{address} has not answered for {PATIENCE_SECONDS:g} s") from None
    except ConnectionRefusedError:
        raise Unreachable(
            f"nothing listens on {address}: a server does that is started with --ops-bind {address}"
        ) from None
    except (OSError, UnicodeError) as error:  # a name may be none that can be looked up
        why = getattr(error, "strerror", None) or str(error)
        raise Unreachable(f"{address} cannot be reached: {why}") from error
    if not answer:
        raise Unreachable(f"{address} hangs up without an answer")
    return _body(address, bytes(answer))


@contextlib.asynccontextmanager
async def _connected(
    address: Address,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()


def _body(address: Address, answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    version, _, rest = head.partition(b" ")
    status = rest[:3].decode("latin-1")
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise Stranger(address, "it does not speak HTTP")
    length = LENGTH.search(head)
    if length is not None and len(body) < int(length[1]):
        raise Unreachable(f"{address} breaks off its answer")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Stranger(address, "its answer is no text") from None
    if status == "403":  # by a name that the server does not know
        sentence = "".join(each for each in text[:300] if each.isprintable())
        raise NoFigures(f"{address} refuses: {sentence}")
    if status != "200":
        raise Stranger(address, f"it answers {status}")
    return text
