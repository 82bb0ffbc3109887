"""A capture as frames, for commands that look at it as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.capture import read_capture
from chatroom.chatwire.decode import Decoder
from chatroom.chatwire.live import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.decode.schema import Schema


def frames_of(path: Path, schema: Schema, ports: tuple[int, ...] = ()) -> Iterator[Frame]:
    """The frames of a capture, in order. Raises OSError, and BrokenCapture where it is damaged.

    What is left out of it is said. `ports`: as for `read_capture`.
    """
    decoder = Decoder(schema)
    for passage in read_capture(path, server_ports=ports, say=say):
        yield from decoder.take(passage)
    yield from decoder.finish()
