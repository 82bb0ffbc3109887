"""Requests in JSON: with the names of the proto file, and a sentence for who uses others."""

from __future__ import annotations

import re
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_UNKNOWN = re.compile(r'Message type "([\w.]+)" has no field named "([^"]*)"')
"""What protobuf's parser says of a name that is not known; a test holds it to that."""


class JsonInvalid(Exception):
    """A request in JSON is no message of its type; the sentence says why."""


def from_json(octets: bytes | bytearray, message_type: type[M]) -> M:
    """The message. A name that is not known is an error: `roomId` is no absent room id.

    Raises JsonInvalid.
    """
    if not octets.lstrip().startswith(b"{"):  # protobuf's parser takes [] for an empty message
        raise JsonInvalid("a message in JSON is an object")
    message = message_type()
    try:
        return json_format.Parse(bytes(octets), message)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise JsonInvalid(_sentence(str(error))) from None


def _sentence(problem: str) -> str:
    unknown = _UNKNOWN.search(problem)
    if unknown is None:
        return problem
    type_name, name = unknown.groups()
    fields: list[str] = list(Default().FindMessageTypeByName(type_name).fields_by_name)
    said = f"{type_name} has no field {name}"
    near = [field for field in fields if _plain(field) == _plain(name)]
    if near:
        return f"{said}; it is written {near[0]}"
    return f"{said}; it has {', '.join(fields)}" if fields else said


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
