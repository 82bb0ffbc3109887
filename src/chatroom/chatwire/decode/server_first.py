"""HTTP/2 whose server speaks before the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.beginnings import TLS, too_little, what_it_is
from chatroom.chatwire.decode.records import Kind, Undecoded
from chatroom.chatwire.passage import Side
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from chatroom.chatwire.decode.http2 import Http2
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.passage import Faulted


class ServerFirst:
    """Follows both directions; the client's from its preface on.

    What the server says is decoded as it comes. A client that begins with anything but
    the preface does not speak HTTP/2, and its bytes are counted.
    """

    def __init__(self, record: Recording, http2: Http2) -> None:
        self._record = record
        self._http2 = http2
        self._begun = False
        self._held = bytearray()
        """What the client has said, until it is known to be the preface or not."""
        self._lost = 0
        """Bytes of the client before a hole, too few to be the preface."""
        self._strange: int | None = None
        """Bytes of a client that does not speak HTTP/2."""

    def feed(self, sender: Side, content: bytes) -> None:
        if sender is Side.SERVER or self._begun:
            self._http2.feed(sender, content)
        elif self._strange is not None:
            self._strange += len(content)
        else:
            self._held += content
            self._recognise()

    def lose(self, sender: Side, count: int | None) -> bool:
        if sender is Side.SERVER or self._begun:
            return self._http2.lose(sender, count)
        if self._strange is not None:
            return True
        # The preface may be among what is missing.
        if held := len(self._held):
            self._lost = held
            too_little(self._record, sender, held)
        self._held.clear()
        self._begun = True
        return self._http2.lose(sender, count)

    def end(self, sender: Side) -> int:
        if sender is Side.SERVER or self._begun:
            return self._http2.end(sender) + (0 if sender is Side.SERVER else self._lost)
        if self._strange is None and self._held:
            self._give_up("too little to know what it is")
        return self._strange or 0

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        return self._http2.fault(passed)

    def _recognise(self) -> None:
        beginning = bytes(self._held)
        if beginning.startswith(PREFACE):
            self._begun = True
            self._held.clear()
            self._record(Side.CLIENT, Kind.PREFACE, stream=0, length=len(PREFACE))
            if rest := beginning[len(PREFACE) :]:
                self._http2.feed(Side.CLIENT, rest)
        elif not PREFACE.startswith(beginning) and not TLS.startswith(beginning):
            is_tls = beginning.startswith(TLS)
            why = "no connection preface, though the server speaks HTTP/2"
            self._give_up(what_it_is(beginning) if is_tls else why)

    def _give_up(self, why: str) -> None:
        self._strange = len(self._held)
        self._held.clear()
        self._record(
            Side.CLIENT,
            Kind.BYTES,
            detail=Undecoded(count=0),
            notes=(f"{why}: passed on without being decoded",),
        )
