"""What nobody thought of costs a sentence, and nothing else of what passes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from chatroom.chatwire.capture import CommentedCapture
from chatroom.chatwire.decode import Decoder, Frame
from chatroom.chatwire.decode.schema import PoolSchema
from chatroom.chatwire.passage import Chunk, Side
from chatroom.chatwire.show.as_json import json_line
from chatroom.chatwire.show.line import Style
from chatroom.chatwire.show.printer import Patient, Printer, Show
from chatroom.chatwire.watch import look
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames

from .wire import OPENED, REQUEST, Talk, notes


def hostile_schema(well_known: str) -> PoolSchema:
    """A server's own idea of a type that protobuf's formats treat as one of their own."""
    name = well_known.lower()
    pool = DescriptorPool()
    known = FileDescriptorProto(name=f"google/protobuf/{name}.proto", package="google.protobuf")
    known.message_type.add(name=well_known).field.add(name="evil", number=1, type=9, label=1)
    pool.Add(known)
    own = FileDescriptorProto(name="e.proto", package="e", dependency=[known.name])
    own.message_type.add(name="R").field.add(
        name="a", number=1, type=11, label=1, type_name=f".google.protobuf.{well_known}"
    )
    own.service.add(name="S").method.add(name="M", input_type=".e.R", output_type=".e.R")
    pool.Add(own)
    return PoolSchema(pool)


def call(talk: Talk, path: str | bytes, content_type: str = "application/grpc") -> None:
    fields = dict(REQUEST) | {":path": path, "content-type": content_type}
    talk.client(talk.headers(Side.CLIENT, 1, fields.items()))


@pytest.mark.parametrize("well_known", ["Any", "Timestamp", "Duration", "Struct"])
def test_a_schema_that_lies_about_a_well_known_type(well_known: str) -> None:
    """The message is shown somehow, in lines and in JSON, and the next frame too."""
    talk = Talk(schema=hostile_schema(well_known)).begin()
    call(talk, "/e.S/M")
    (frame,) = talk.client(frames.data(1, envelope(b"\x0a\x03\x0a\x01x")))
    assert "e.R" == frame.messages[0].type_name
    assert "R" in Style().lines(frame)
    assert "e.R" == json.loads(json_line(frame))["messages"][0]["type_name"]


def json_body(content: bytes) -> Frame:
    talk = Talk().begin()
    call(talk, "/a.B/C", "application/json")
    (frame,) = talk.client(frames.data(1, content, end=True))
    return frame


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have(number: str) -> None:
    """Every line is JSON that any program reads; the text has what was sent."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    line = json_line(json_body(f'{{"a":{number}}}'.encode()))
    (message,) = json.loads(line, parse_constant=refuse)["messages"]
    assert (False, f'{{"a":{number}}}') == ("value" in message, message["text"])


def test_json_of_any_depth() -> None:
    """What can just be read cannot always be written again."""
    for depth in range(100, 1100):
        content = "[" * depth + "]" * depth
        (message,) = json.loads(json_line(json_body(content.encode())))["messages"]
        assert content == message["text"]


def test_a_path_that_is_not_text() -> None:
    """The call is decoded by field number."""
    talk = Talk().begin()
    call(talk, b"/\xff.S/M")
    (frame,) = talk.client(frames.data(1, envelope(b"\x08\x07")))
    assert ("1: 7", "") == (frame.messages[0].text, notes(talk.made))
    over_http1 = Talk()
    over_http1.client(
        b"POST /\xff.S/M HTTP/1.1\r\ncontent-type: application/grpc-web\r\n"
        b"content-length: 7\r\n\r\n" + envelope(b"\x08\x07")
    )
    assert ["1: 7"] == [one.text for frame in over_http1.made for one in frame.messages]


def test_a_detail_whose_type_is_not_text() -> None:
    """The status of Connect is shown as it is."""
    talk = Talk().begin()
    call(talk, "/a.B/C", "application/connect+json")
    response = [(":status", "200"), ("content-type", "application/connect+json")]
    talk.server(talk.headers(Side.SERVER, 1, response))
    content = {"error": {"code": "internal", "details": [{"type": "\ud800", "value": "CAc"}]}}
    (frame,) = talk.server(frames.data(1, envelope(json.dumps(content).encode(), 2)))
    status = frame.messages[0].status
    assert status is not None
    assert "\ud800" == status.details[0].type_name


class Wrong(Exception):
    """None that anybody thought of."""


class WrongSometimes:
    """Takes what the other would take, and fails at what it is told to."""

    def __init__(self, taken: object, at: object) -> None:
        self._taken = taken
        self._at = at

    def take(self, passage: object, *more: object) -> object:
        if self._at == getattr(passage, "connection", None):
            raise Wrong("\x1b[2J")
        return self._taken.take(passage, *more)  # type: ignore[attr-defined]

    def forget(self, connection: int) -> None:
        self._taken.forget(connection)  # type: ignore[attr-defined]


@pytest.mark.parametrize("which", ["decoder", "printer", "capture"])
def test_a_mistake_costs_a_sentence(which: str, tmp_path: Path) -> None:
    """Connection 2 fails in one place: it is said, connection 3 is decoded, shown, written."""
    out = io.StringIO()
    said: list[str] = []
    capture = CommentedCapture(tmp_path / "c.pcapng", said.append)
    printer = Printer(Show(), Patient(out))
    parts = {"decoder": Decoder(), "printer": printer, "capture": capture}
    parts[which] = WrongSometimes(parts[which], 2)  # type: ignore[assignment]
    for number in (2, 3):
        chunk = Chunk(connection=number, time=1, sender=Side.CLIENT, content=b"GET / HTTP/1.1\r\n")
        for passage in (replace(OPENED, connection=number), chunk):
            look(passage, parts["decoder"], parts["printer"], parts["capture"], said.append)  # type: ignore[arg-type]
    capture.close()
    assert said
    assert all("a mistake in chatwire (Wrong: " in sentence for sentence in said)
    assert " #3 " in out.getvalue()
    if which == "capture":
        assert " #2 " in out.getvalue()
    else:
        assert 2 == (tmp_path / "c.pcapng").read_bytes().count(b"GET / HTTP/1.1\r\n")


def test_a_reader_that_is_gone_is_no_mistake() -> None:
    """It is told to the caller."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    printer = Printer(Show(), Patient(Gone()))
    with pytest.raises(BrokenPipeError):
        look(OPENED, Decoder(), printer, None, pytest.fail)
