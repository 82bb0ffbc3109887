"""The decoder: passages in, records out, over any number of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.connection import Connection
from chatroom.chatwire.decode.recording import Recording, Sequence
from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.passage import SIDES, Opened

if TYPE_CHECKING:
    from chatroom.chatwire.decode.records import Frame
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Passage


class Decoder:
    """Follows every connection whose passages it is given, in the order of their times.

    The records do not depend on how bytes were cut into chunks, but for their times.
    Nothing that passes makes it raise; what is wrong is in the `notes` of a record.
    """

    def __init__(self, schema: Schema | None = None) -> None:
        """With no schema, messages of our own contract and of the standard services."""
        self._schema = schema or own_schema()
        self._sequence = Sequence()
        self._connections: dict[int, Connection] = {}

    def take(self, passage: Passage) -> list[Frame]:
        """The records that it completes. A passage of an unknown connection is ignored."""
        if isinstance(passage, Opened):
            recording = Recording(self._sequence, passage.connection, passage.time)
            self._connections[passage.connection] = Connection(passage, recording, self._schema)
        elif connection := self._connections.get(passage.connection):
            connection.take(passage)
            if len(connection.ended) == SIDES:
                del self._connections[passage.connection]
        return self._sequence.take()

    def finish(self) -> list[Frame]:
        """The records of what was still waited for, now that nothing more will be seen."""
        for connection in self._connections.values():
            connection.finish()
        self._connections.clear()
        return self._sequence.take()

    def forget(self, connection: int) -> None:
        """Ignore what else passes on a connection."""
        self._connections.pop(connection, None)
        self._sequence.take()
