"""Answers of many items, made ready a few at a time, with a turn of the loop between.

`rpc.ListChatRoomsResponse` and its like are one message, but nobody else is to wait while it
is encoded. Encodings joined are the encoding of all merged (protobuf encoding guide, "Last
One Wins"), so a list can be encoded in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chatroom.server.port.rota import next_turn
from chatroom.wire.envelopes import gzip_in_parts
from chatroom.wire.varint import varint

_LEN = 2
"""The wire type of messages."""


@dataclass(slots=True)
class Listing:
    """A response with a repeated message; `parts` is one piece of work for each part."""

    response: Message
    """Everything else in it; it may change until the last part was taken."""
    field: str
    """The repeated one."""
    parts: Iterator[Sequence[bytes]]
    """The items, encoded."""


class Prepared(bytes):
    """An encoded message that needs no more work."""

    gzipped: bytes | None = None
    """The same, compressed, if that was asked for."""


async def prepared(listing: Listing, *, json: bool, gzip: bool) -> Prepared:
    """The response in one of the two codecs, and compressed as well if `gzip`."""
    parts = _json(listing) if json else _binary(listing)
    compressor = gzip_in_parts() if gzip else None
    made: list[bytes] = []
    compressed: list[bytes] = []
    for part in parts:
        made.append(part)
        if compressor is not None:
            compressed.append(compressor.compress(part))
        await next_turn()
    done = Prepared(b"".join(made))
    if compressor is not None:
        compressed.append(compressor.flush())
        done.gzipped = b"".join(compressed)
    return done


def _binary(listing: Listing) -> Iterator[bytes]:
    field = listing.response.DESCRIPTOR.fields_by_name[listing.field]
    key = varint(field.number << 3 | _LEN)
    for items in listing.parts:
        yield b"".join([piece for item in items for piece in (key, varint(len(item)), item)])
    yield listing.response.SerializeToString()


def _json(listing: Listing) -> Iterator[bytes]:
    """ProtoJSON: an object whose first field is the list, which is left out if it is empty."""
    field = listing.response.DESCRIPTOR.fields_by_name[listing.field]
    parse = GetMessageClass(cast("Descriptor", field.message_type)).FromString
    opening = b'{"%b":[' % field.json_name.encode()
    separator = opening
    for items in listing.parts:
        texts = [MessageToJson(parse(item), indent=None).encode() for item in items]
        if texts:
            yield separator + b",".join(texts)
            separator = b","
    rest = MessageToJson(listing.response, indent=None).encode()
    if separator is opening:
        yield rest
    else:
        yield b"]}" if rest == b"{}" else b"]," + rest[1:]
