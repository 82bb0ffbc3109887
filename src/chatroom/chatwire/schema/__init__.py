"""Where the names of messages and fields come from."""

from chatroom.chatwire.schema.opening import open_schema
from chatroom.chatwire.schema.proto_files import SchemaUnusable
from chatroom.chatwire.schema.reflection import Reflected

__all__ = ["Reflected", "SchemaUnusable", "open_schema"]
