"""How frames look, and that nothing from the wire is obeyed by a terminal."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Frame, Kind
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.as_json import json_line
from chatroom.chatwire.show.filters import Filter, kind_named
from chatroom.chatwire.show.harmless import harmless
from chatroom.chatwire.show.line import Style
from chatroom.chatwire.show.printer import Patient, Printer, Show, arrows_for
from chatroom.chatwire.show.summary import STREAMS, Summary
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from tests.texts import CHARACTERS

from .wire import REQUEST, RESPONSE, Talk

HOSTILE = "\x1b[2J\x9b31m\u202eevil\u2066\r\n\x00\x7f\u2028"


def conversation() -> Talk:
    talk = Talk().begin()
    talk.call()
    talk.client(
        frames.data(
            1, envelope(pb.ChatMessage(message=pb.Message(message="hi")).SerializeToString())
        )
    )
    talk.server(frames.data(1, envelope(pb.Message(name="Bob", message="hi").SerializeToString())))
    talk.client(frames.ping(b"12345678"))
    talk.server(
        frames.ping(b"12345678", ack=True),
        talk.headers(Side.SERVER, 1, [("grpc-status", "0")], end=True),
    )
    talk.client(frames.data(1, b"", end=True))
    talk.end(Side.CLIENT)
    talk.end(Side.SERVER)
    return talk


def hostile() -> list[Frame]:
    """Hostile text wherever text can be."""
    talk = Talk().begin()
    content = pb.ChatMessage(message=pb.Message(message=HOSTILE, name=HOSTILE))
    raw = envelope(content.SerializeToString())
    talk.client(talk.headers(Side.CLIENT, 1, [*REQUEST, ("x-evil", HOSTILE)]))
    talk.server(talk.headers(Side.SERVER, 1, [*RESPONSE, ("x-evil", HOSTILE)]))
    talk.client(frames.data(1, raw))
    evil = [(name, HOSTILE if name == ":path" else value) for name, value in REQUEST]
    talk.client(talk.headers(Side.CLIENT, 3, evil), frames.data(3, raw))
    encoded = "".join(f"%{byte:02X}" for byte in HOSTILE.encode())
    trailers = [("grpc-status", HOSTILE), ("grpc-message", encoded)]
    talk.server(talk.headers(Side.SERVER, 1, trailers, end=True))
    talk.server(frames.goaway(1, 0, HOSTILE.encode() + b"\xff\x1b"))
    other = Talk()
    other.client(b"GET /\x1b[2J\x9b HTTP/1.1\r\n" + f"x: {HOSTILE}".encode() + b"\r\n\r\n")
    return talk.made + other.made


@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_text_is_shown_and_never_obeyed(verbose: bool) -> None:
    """Every character that is printed is printable, in lines, in JSON and in the summary."""
    frames = hostile()
    style = Style(verbose=verbose)
    summary = Summary()
    for frame in frames:
        summary.take(frame)
        for line in (style.lines(frame), json_line(frame)):
            assert line.endswith("\n")
            assert all(part.isprintable() for part in line[:-1].split("\n"))
    for text in (summary.as_text(), summary.as_json()):
        assert all(part.isprintable() for part in text.split("\n"))
    whole = "".join(map(style.lines, frames))
    assert "\\x1b[2J" in whole
    assert "\\u202eevil" in whole


@given(st.text(CHARACTERS))
def test_harmless_text_is_one_printable_line(text: str) -> None:
    """Whatever it was; what was printable stays as it is."""
    shown = harmless(text)
    assert shown.isprintable()
    assert shown == harmless(shown)
    if text.isprintable():
        assert text == shown


def test_undecodable_bytes_are_escaped_as_bytes() -> None:
    assert "a\\xff\\x1b" == harmless(b"a\xff\x1b".decode("utf-8", "surrogateescape"))


def test_a_line_has_the_facts() -> None:
    """Times, connection, direction, stream, frame, message, window."""
    (line,) = [
        Style().lines(frame)
        for frame in conversation().made
        if frame.kind is Kind.DATA and frame.sender is Side.SERVER
    ]
    assert (
        "    0.007   +0.001   #1 ←    1 DATA          14 bytes  window 65521 / 65521  "
        'Message {name: "Bob" message: "hi"}\n'
    ) == line


def test_verbose_lines_have_every_field() -> None:
    """Each on its own line, indented."""
    (request,) = [
        Style(verbose=True).lines(frame)
        for frame in conversation().made
        if frame.kind is Kind.HEADERS and frame.sender is Side.CLIENT
    ]
    lines = [line.strip() for line in request.splitlines()]
    *fields, size = lines[1:]
    assert [f"{name}: {value}" for name, value in REQUEST] == fields
    assert size.endswith(f"for names and values of {sum(len(n) + len(v) for n, v in REQUEST)}")


def test_a_stream_keeps_its_colour() -> None:
    """Two neighbours differ; without colour there is no escape at all."""
    talk = Talk().begin()
    colours = []
    for stream in (1, 3):
        frames = talk.call(stream)
        lines = [Style(colour=True).lines(frame) for frame in frames]
        (colour,) = {line.split("\x1b[")[3].partition("m")[0] for line in lines}
        colours.append(colour)
        assert not any("\x1b" in Style().lines(frame) for frame in frames)
    assert colours[0] != colours[1]


def test_a_long_message_is_shortened_but_not_in_verbose() -> None:
    talk = Talk().begin()
    talk.call()
    said = pb.Message(message="x" * 1000).SerializeToString()
    (frame,) = talk.server(frames.data(1, envelope(said) * 5))
    line = Style().lines(frame)
    assert "characters)" in line
    assert "+2 messages" in line
    assert 5 == Style(verbose=True).lines(frame).count("x" * 1000)


def test_json_has_everything() -> None:
    """One object a line, with the names of the records."""
    frames = conversation().made
    written = [json.loads(json_line(frame)) for frame in frames]
    message = next(one for one in written if one["messages"])
    assert {"message": {"message": "hi"}} == message["messages"][0]["value"]
    assert ("DATA", "client", 1, 1) == tuple(
        message[name] for name in ("kind", "sender", "stream", "connection")
    )
    trailers = next(one for one in written if "status" in one["detail"])
    assert ("OK", ["END_STREAM"]) == (
        trailers["detail"]["status"]["name"],
        [flag for flag in trailers["flags"] if flag == "END_STREAM"],
    )
    assert {"number", "time", "since_start", "since_last"} <= set(message)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Filter(streams=frozenset({1})), {"HEADERS", "DATA"}),
        (Filter(kinds=frozenset({Kind.PING})), {"PING"}),
        (Filter(streams=frozenset({1}), hidden=frozenset({Kind.DATA})), {"HEADERS"}),
        (Filter(streams=frozenset({0}), kinds=frozenset({Kind.PING, Kind.DATA})), {"PING"}),
    ],
)
def test_filters(shown: Filter, expected: set[str]) -> None:
    assert expected == {frame.kind for frame in conversation().made if shown.shows(frame)}


def test_kinds_are_named_as_people_do() -> None:
    assert [Kind.PING, Kind.WINDOW_UPDATE] == [kind_named("ping"), kind_named(" Window-Update")]
    with pytest.raises(ValueError, match="'pong' is no kind of frame; there are opened, preface"):
        kind_named("pong")


def test_the_summary_adds_up() -> None:
    """Messages and bytes each way, how it ended; in words and as JSON."""
    talk = conversation()
    summary = Summary()
    for frame in talk.made:
        summary.take(frame)
    (stream,) = json.loads(summary.as_json())["summary"]["streams"]
    assert "/rpc.ChatService/Chat" == stream["call"]
    assert "OK" == stream["ending"]
    assert (1, 11, 3) == tuple(stream["client"][name] for name in ("messages", "bytes", "frames"))
    assert (1, 14, 3) == tuple(stream["server"][name] for name in ("messages", "bytes", "frames"))
    text = summary.as_text()
    assert "connection 1, stream 1  /rpc.ChatService/Chat  0.004 to 0.010 s  OK" in text
    assert "from the client: 1 message, 11 bytes, 3 frames" in text


def test_the_summary_says_how_streams_were_cut() -> None:
    """By RST_STREAM, and by the end of the connection."""
    talk = Talk().begin()
    talk.call(1)
    talk.end(Side.SERVER, reset=True)
    summary = Summary()
    for frame in talk.made:
        summary.take(frame)
    assert "cut: the connection was reset by the server" in summary.as_text()


def test_the_summary_has_the_newest_streams_and_counts_the_others() -> None:
    """A tap that runs for days does not keep every call."""
    talk = Talk().begin()
    summary = Summary()
    for frame in talk.made:
        summary.take(frame)
    for number in range(STREAMS + 2):
        for frame in talk.client(frames.rst_stream(2 * number + 1, 8)):
            summary.take(frame)
    told = json.loads(summary.as_json())["summary"]
    assert (2, STREAMS, 5) == (
        told["not_listed"], len(told["streams"]), told["streams"][0]["stream"],
    )  # fmt: skip
    assert "2 older streams and connections are not listed\n" in summary.as_text()


def summed(talk: Talk) -> dict[str, Any]:
    """The summary of what was said, as an object."""
    summary = Summary()
    for frame in talk.made:
        summary.take(frame)
    return json.loads(summary.as_json())["summary"]  # type: ignore[no-any-return]


def test_only_frames_are_counted_as_frames() -> None:
    """SETTINGS and an acknowledgement from each side; no OPENED, PREFACE or ENDED."""
    talk = Talk().begin()
    talk.end(Side.CLIENT)
    talk.end(Side.SERVER)
    (connection,) = summed(talk)["connections"]
    assert (2, 2) == (connection["client"]["frames"], connection["server"]["frames"])
    assert 0 == connection["client"]["bytes"]


@pytest.mark.parametrize(
    ("request_", "response", "sizes"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", (0, 0)),
        (
            b"GET /healthz HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            (0, 2),
        ),
        (
            (
                b"POST /rpc.ChatService/ListChatRooms HTTP/1.1\r\n"
                b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n"
                b'{"chatRooms":[]}'
            ),
            (2, 16),
        ),
        (
            (
                b"POST /rpc.ChatService/ListChatRooms HTTP/1.1\r\n"
                b"content-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0"
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web+proto\r\n"
                b"content-length: 26\r\n\r\n\0\0\0\0\0\x80\0\0\0\x10grpc-status: 0\r\n"
            ),
            (5, 26),
        ),
    ],
)
def test_a_request_of_http_1_that_is_over_was_not_cut(
    request_: bytes, response: bytes, sizes: tuple[int, int]
) -> None:
    """With the bytes of both bodies, also when the connection ends afterwards."""
    talk = Talk()
    talk.client(request_)
    talk.server(response)
    talk.end(Side.CLIENT)
    talk.end(Side.SERVER)
    summary = summed(talk)
    (exchange,), (connection,) = summary["streams"], summary["connections"]
    assert not exchange["ending"].startswith("cut")
    assert sizes == (exchange["client"]["bytes"], exchange["server"]["bytes"])
    bodiless = len(request_) - sizes[0], len(response) - sizes[1]
    heads = tuple(
        connection[side]["bytes"] - exchange[side]["bytes"] for side in ("client", "server")
    )
    assert bodiless == heads


def test_a_request_of_http_1_without_its_response_was_cut() -> None:
    """Half a body is none."""
    talk = Talk()
    talk.client(b"GET / HTTP/1.1\r\n\r\n")
    talk.server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
    talk.end(Side.CLIENT, reset=True)
    (exchange,) = summed(talk)["streams"]
    assert "cut: the connection was reset by the client" == exchange["ending"]


def test_undecoded_bytes_are_counted() -> None:
    """Once the connection has ended."""
    talk = Talk()
    talk.client(b"\x00 what is this?")
    talk.end(Side.CLIENT)
    (connection,) = summed(talk)["connections"]
    assert (15, 0) == (connection["client"]["bytes"], connection["client"]["frames"])


def test_a_patient_printer_prints_all() -> None:
    """As a capture is read: nothing is dropped, the summary is last."""
    out = io.StringIO()
    printer = Printer(Show(summary=True), Patient(out))
    frames = conversation().made
    for frame in frames:
        printer.take(frame)
    printer.finish()
    lines = out.getvalue().splitlines()
    assert "summary" in lines
    assert len(frames) == lines.index("summary") - 1


def test_the_time_since_the_last_is_since_the_last_line() -> None:
    """Of those shown: what a filter hides is no line."""
    out = io.StringIO()
    printer = Printer(Show(shown=Filter(kinds=frozenset({Kind.PING}))), Patient(out))
    talk = Talk().begin()
    for _ in range(2):
        talk.client(frames.ping(b"12345678"))
        talk.server(frames.window_update(0, 1))
    for frame in talk.made:
        printer.take(frame)
    printer.finish()
    times = [line.split()[:2] for line in out.getvalue().splitlines()]
    assert [["0.004", "+0.004"], ["0.006", "+0.002"]] == times


@pytest.mark.parametrize(("flags", "shown"), [(0, "0x00"), (1, "0x01")])
def test_verbose_lines_have_the_head_of_each_envelope(flags: int, shown: str) -> None:
    """Its flags and its length, which is that of what was sent."""
    talk = Talk().begin()
    request = [*REQUEST, ("grpc-encoding", "gzip")]
    talk.client(talk.headers(Side.CLIENT, 1, request))
    plain = pb.ChatMessage(message=pb.Message(message="ha" * 50)).SerializeToString()
    raw = gzip.compress(plain) if flags else plain
    (frame,) = talk.client(frames.data(1, envelope(raw, flags)))
    assert f"  envelope: flags {shown}, length {len(raw)}\n" in Style(verbose=True).lines(frame)
    assert flags == json.loads(json_line(frame))["messages"][0]["flags"]


def test_a_message_without_an_envelope_has_no_flags() -> None:
    """A body of Connect that is the message."""
    talk = Talk()
    made = talk.client(
        b"POST /rpc.ChatService/ListChatRooms HTTP/1.1\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    (body,) = (frame for frame in made if frame.messages)
    assert "envelope" not in Style(verbose=True).lines(body)
    assert "flags" not in json.loads(json_line(body))["messages"][0]


def test_json_gives_the_time_without_loss() -> None:
    """As a string: as a number JavaScript and jq would round it."""
    frame = replace(conversation().made[0], time=1_795_414_912_087_833_369)
    assert "2026-11-23T06:21:52.087833369Z" == json.loads(json_line(frame))["time"]


def test_arrows_fit_the_encoding() -> None:
    assert [("→", "←"), (">", "<"), (">", "<")] == list(map(arrows_for, ("utf-8", "ascii", None)))
