"""HTTP/2 whose client has begun it: perhaps the server speaks something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Undecoded
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from chatroom.chatwire.decode.http2 import Http2
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.passage import Faulted

HTTP1 = b"HTTP/1."
"""How a server answers that takes the client's preface for a request line (RFC 9113, 3.4)."""


class ClientFirst:
    """Follows both directions; the server's from its first bytes on, unless they are HTTP/1.1."""

    def __init__(self, record: Recording, http2: Http2) -> None:
        self._record = record
        self._http2 = http2
        self._begun = False
        self._held = b""
        """What the server has said, as long as it may be either."""
        self._strange: int | None = None
        """Bytes of a server that does not speak HTTP/2."""

    def feed(self, sender: Side, content: bytes) -> None:
        if sender is Side.CLIENT or self._begun:
            self._http2.feed(sender, content)
            return
        if self._strange is not None:
            self._strange += len(content)
            return
        self._held += content
        if self._held.startswith(HTTP1):
            self._give_up()
        elif not HTTP1.startswith(self._held):
            self._begin()

    def lose(self, sender: Side, count: int | None) -> bool:
        if sender is Side.SERVER and self._strange is not None:
            return True
        if sender is Side.SERVER and not self._begun:
            self._begin()
        return self._http2.lose(sender, count)

    def end(self, sender: Side) -> int:
        if sender is Side.SERVER and self._strange is not None:
            return self._strange
        if sender is Side.SERVER and not self._begun:
            self._begin()
        return self._http2.end(sender)

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        return self._http2.fault(passed)

    def _begin(self) -> None:
        self._begun = True
        if self._held:
            self._http2.feed(Side.SERVER, self._held)

    def _give_up(self) -> None:
        self._strange = len(self._held)
        first = self._held.split(b"\r\n", 1)[0][:80].decode("latin-1")
        self._record(
            Side.SERVER,
            Kind.BYTES,
            detail=Undecoded(count=0),
            notes=(
                f"{first}: this server does not speak HTTP/2 here; passed on without being decoded",
            ),
        )
