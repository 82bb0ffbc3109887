"""Bodies whose messages get other values: put together again from whole messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatroom.wire.envelopes import HEAD_BYTES, envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.replay.carrying import Carrying
    from chatroom.chatwire.replay.script import Place

ENVELOPED = re.compile(r"application/(grpc(-web)?|connect)(\+|;|$)")
"""The media types whose bodies are envelopes as they are; `grpc-web-text` is base64 around them."""


class Altering:
    """Gives what is sent for each recorded DATA. Without values to carry, that is its payload."""

    def __init__(self, carrying: Carrying) -> None:
        self._carrying = carrying
        self._unfinished: dict[Place, bytes] = {}
        """By stream, of those that can be altered: the bytes of a message that goes on."""

    def begin(self, place: Place, content_type: str) -> None:
        """A call begins."""
        if self._carrying and ENVELOPED.match(content_type):
            self._unfinished[place] = b""

    def data(
        self, place: Place, payload: bytes, messages: Sequence[Message], *, end: bool
    ) -> bytes:
        """What is sent for a payload that completes these messages; they have the values of now.

        The beginning of a message waits until the rest comes, since its length may change.
        """
        held = self._unfinished.get(place)
        if held is None:
            return payload
        recorded = held + payload
        out: list[bytes] = []
        plain = end
        for message in messages:
            if message.content is None:
                # Too long to be kept, or not to be decompressed: as it is from here on.
                plain = True
                break
            after = HEAD_BYTES + int.from_bytes(recorded[1:HEAD_BYTES], "big")
            again = self._carrying.put_into(message)
            out.append(recorded[:after] if again is None else envelope(again))
            recorded = recorded[after:]
        if plain:
            del self._unfinished[place]
            return b"".join([*out, recorded])
        self._unfinished[place] = recorded
        return b"".join(out)
