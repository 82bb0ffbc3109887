"""Where the names of messages and fields come from."""

from chatroom.chatwire.schema.opening import FirstThatKnows, open_schema
from chatroom.chatwire.schema.proto_files import SchemaUnusable
from chatroom.chatwire.schema.reflection import Reflected

__all__ = ["FirstThatKnows", "Reflected", "SchemaUnusable", "open_schema"]
