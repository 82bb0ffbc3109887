"""Which protocol is spoken on a connection, by its first bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatroom.wire.http2.frames import PREFACE

from .first_bytes import FirstBytes

TELLING_BYTES = 4
"""No HTTP/1.1 request begins with "PRI ": the method is kept for this (RFC 9113, 11.6)."""


class Sniff(FirstBytes):
    """Hands a connection to HTTP/2 or HTTP/1.1."""

    def __init__(
        self,
        http2: Callable[[], asyncio.Protocol],
        http1: Callable[[], asyncio.Protocol],
        on_closed: Callable[[FirstBytes], object],
        *,
        seconds: float,
        since: float,
    ) -> None:
        """See `FirstBytes`."""
        super().__init__(on_closed, seconds=seconds, since=since)
        self._http2 = http2
        self._http1 = http1

    def data_received(self, data: bytes) -> None:
        first = self._first = self._first + data
        telling = first[:TELLING_BYTES]
        if telling == PREFACE[:TELLING_BYTES]:
            self._hand_over(self._http2(), self._transport, first)
        elif not PREFACE.startswith(telling):
            self._hand_over(self._http1(), self._transport, first)
