"""A chat with a real server: written by the tap's capture, and captured on the interface."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import BrokenCapture, CommentedCapture, read_capture
from chatroom.chatwire.cli import run as run_command
from chatroom.chatwire.decode import Decoder, Frame, Kind
from chatroom.chatwire.passage import Ended, Passage, Side
from chatroom.chatwire.recorded import RecordedTap
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from tests.interop.programs import running, tool
from tests.interop.raw_grpc import LEAVE, answer, joining, said
from tests.interop.raw_http2 import Connection

from .programs import chatwire
from .tshark import NAMES, Listed, frames, tshark

BOTH_SIDES = 2


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running("--room", "lobby") as where:
        yield where


def chat(address: str) -> None:
    """A member who talks and leaves, another stream beside that is reset, a refusal."""
    with Connection(address) as connection:
        stream = connection.call(CHAT)
        connection.data(stream, joining("lobby", "Bob"))
        connection.data(stream, said("Hey Älice"))
        connection.payload(stream, 1)
        connection.reset(connection.call(CHAT))
        request = envelope(pb.JoinChat(room_id="nowhere", name="Bob").SerializeToString())
        answer(connection, CHAT, request)
        connection.data(stream, LEAVE)
        connection.response(stream)
        connection.ping()


def decoded(passages: list[Passage]) -> list[Frame]:
    decoder = Decoder()
    return [frame for passage in passages for frame in decoder.take(passage)]


def listed(made: list[Frame], client_port: int, server_port: int) -> list[Listed]:
    """The HTTP/2 frames among the decoder's records, as tshark lists them."""
    return [
        Listed(
            server_port if frame.sender is Side.SERVER else client_port,
            NAMES[frame.type],
            frame.stream or 0,
            frame.length,
        )
        for frame in made
        if frame.type is not None
    ]


@pytest.fixture(scope="module")
def passages(address: str) -> list[Passage]:
    """What passed through a tap in a chat."""

    async def tapped() -> list[Passage]:
        async with RecordedTap(address) as tap:
            await asyncio.to_thread(chat, tap.address)
            first = await tap.until(lambda frame: frame.kind is Kind.ENDED)
            await tap.until(lambda frame: frame.kind is Kind.ENDED, after=first.number)
            return tap.passages

    return asyncio.run(tapped())


@pytest.fixture(scope="module")
def capture(passages: list[Passage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a capture with comments."""
    path = tmp_path_factory.mktemp("capture") / "chat.pcapng"
    said: list[str] = []
    decoder = Decoder()
    with closing(CommentedCapture(path, said.append)) as writer:
        for passage in passages:
            writer.take(passage, decoder.take(passage))
    assert [] == said
    return path


def test_tshark_and_the_decoder_list_the_same_frames(
    capture: Path, passages: list[Passage], tmp_path: Path
) -> None:
    """Type, stream, length and direction of every frame, in the same order."""
    made = decoded(passages)
    client_port = passages[0].client[1]  # type: ignore[union-attr]
    ours = listed(made, client_port, 8080)
    assert ours == frames(capture, home=tmp_path)
    assert {"DATA", "HEADERS", "RST_STREAM", "SETTINGS", "PING"} <= {each.kind for each in ours}


def test_a_capture_read_back_gives_the_same_frames(capture: Path, passages: list[Passage]) -> None:
    """With their times, messages and notes; only the server's port is another."""
    read = decoded(list(read_capture(capture)))
    assert decoded(passages)[1:] == read[1:]


def test_each_packet_that_completes_a_message_says_it(
    capture: Path, passages: list[Passage], tmp_path: Path
) -> None:
    """And the status; the packet is one with a frame of the stream."""
    printed = tshark(
        *("-r", str(capture), "-Y", "frame.comment && http2.streamid", "-T", "fields"),
        *("-e", "http2.streamid", "-e", "frame.comment"),
        home=tmp_path,
    )
    comments = printed.splitlines()
    messages = sum(len(frame.messages) for frame in decoded(passages))
    assert messages
    assert messages == len(re.findall(r"stream \d+: (?:Chat)?Message \{", printed))
    assert any('ChatMessage {join { room_id: "lobby" name: "Bob"' in each for each in comments)
    assert any('message: "Hey Älice"' in each for each in comments)
    assert any("INVALID_ARGUMENT (3)" in each for each in comments)
    for line in comments:
        streams, text = line.split("\t")
        assert set(re.findall(r"stream (\d+):", text)) <= set(streams.split(","))


@contextmanager
def capturing(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """dumpcap on the loopback interface, once it captures; skips where it may not."""
    command = [tool("dumpcap"), "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            # The section header is written once the interface is open; else it ends.
            if not process.stdout.peek(1):  # type: ignore[attr-defined]
                said = process.stderr.read().decode()
                if "permission" in said.lower():
                    pytest.skip("capturing needs root, or the rights of dumpcap's group")
                raise AssertionError(said)
            yield process
        finally:
            process.terminate()
            process.stderr.read()


def captured(process: subprocess.Popen[bytes], path: Path) -> list[Passage]:
    """Copies what dumpcap writes into a file until both sides of a connection have ended."""
    assert process.stdout is not None
    with path.open("wb", buffering=0) as file:
        while True:
            content = process.stdout.read1(65_536)  # type: ignore[attr-defined]
            assert content, "dumpcap ended"
            file.write(content)
            passages: list[Passage] = []
            try:
                passages.extend(read_capture(path))
            except BrokenCapture as broken:
                assert broken.what == "the file ends within a packet"
                continue
            if BOTH_SIDES == sum(isinstance(each, Ended) for each in passages):
                return passages


def test_a_capture_of_dumpcap_gives_the_same_frames_as_tshark(address: str, tmp_path: Path) -> None:
    """Captured on the interface while a chat goes on, without the tap."""
    port = int(address.rpartition(":")[2])
    path = tmp_path / "live.pcapng"
    with capturing(port) as process:
        chat(address)
        passages = captured(process, path)
    client_port = passages[0].client[1]  # type: ignore[union-attr]
    assert not passages[0].midway  # type: ignore[union-attr]
    made = decoded(passages)
    assert listed(made, client_port, port) == frames(path, home=tmp_path, port=port)
    texts = [message.text for frame in made for message in frame.messages]
    assert any('message: "Hey Älice"' in text for text in texts)
    assert [] == [frame.notes for frame in made if frame.kind == "MISSING"]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_capture_into_a_named_pipe(address: str, pipe: Path) -> None:
    """Its reader gets a whole capture, and its end when the tap ends."""
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with (
        os.fdopen(reading, "rb", buffering=0) as reader,
        chatwire(address, "--no-reflection", "--write", str(pipe)) as tap,
    ):
        os.set_blocking(reading, True)
        captured = reader.read(4)  # would be nothing if the tap had closed it meanwhile
        assert captured
        chat(tap.address)
        tap.stop()
        captured += reader.readall()
    (whole := pipe.with_name("captured")).write_bytes(captured)
    messages = [message for frame in decoded(list(read_capture(whole)))
                for message in frame.messages]  # fmt: skip
    assert any("Hey Älice" in message.text for message in messages)


def test_a_named_pipe_that_nobody_reads(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is said before anything listens."""
    assert 1 == run_command(["--write", str(pipe)])
    assert "a named pipe: start the reader first" in capsys.readouterr().err
