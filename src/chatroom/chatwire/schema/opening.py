"""The schema of a run: a file, what the server says of itself, and what is always known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.schema.proto_files import schema_of_file
from chatroom.chatwire.schema.reflection import Reflected, Reflection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatroom.chatwire.decode.schema import Schema, Types


class FirstThatKnows:
    """Several schemas, asked in turn."""

    def __init__(self, *schemas: Schema) -> None:
        self._schemas = schemas

    def types(self, path: str) -> Types | None:
        for schema in self._schemas:
            if (types := schema.types(path)) is not None:
                return types
        return None


def open_schema(
    proto: Path | None = None,
    reflect: Reflected | None = None,
    say: Callable[[str], object] = lambda _sentence: None,
) -> Schema:
    """A file wins over our own contract, and that over what the server's reflection says.

    `say` is told when that is no schema. Raises SchemaUnusable when the file is none.
    """
    schemas: list[Schema] = [own_schema()]
    if proto is not None:
        schemas.insert(0, schema_of_file(proto))
    if reflect is not None:
        schemas.append(Reflection(reflect, say))
    return FirstThatKnows(*schemas)
