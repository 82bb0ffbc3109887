"""Our captures in tshark, without settings and with our profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.chatwire.capture import CaptureWriter, Comment
from chatroom.chatwire.passage import Chunk, Missing, Opened, Side
from chatroom.wire.envelopes import envelope

from .chat_by_hand import CLIENT, SERVER, START, chat_by_hand, passages
from .tshark import Listed, frames, kit, run_tshark, tshark, tshark_with_kit

SENT = chat_by_hand()


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chat, written by us; its first message has a comment."""
    path = tmp_path_factory.mktemp("capture") / "chat.pcapng"
    with CaptureWriter(path, print) as writer:
        for each in passages(SENT):
            says = isinstance(each, Chunk) and b"lobby" in each.content and b"Bob" in each.content
            writer.write(each, [Comment("join { name: Bob }")] if says else [])
    return path


def test_the_frame_list_is_the_one_that_was_sent(capture: Path, tmp_path: Path) -> None:
    """Type, stream, length and direction of every frame, without a setting."""
    expected = [
        Listed(
            8080 if each.sender is Side.SERVER else CLIENT[1], each.kind, each.stream, each.length
        )
        for each in SENT
    ]
    assert expected == frames(capture, home=tmp_path)


def test_without_settings_calls_messages_and_status_are_named(
    capture: Path, tmp_path: Path
) -> None:
    """The method, the bytes of each message, the trailers and our comment."""
    printed = tshark("-r", str(capture), "-V", home=tmp_path)
    assert "/rpc.ChatService/Chat" in printed
    assert "Header: grpc-status: 5" in printed
    assert "Header: grpc-message: Room lobby was closed" in printed
    assert "join { name: Bob }" in printed
    assert f"127.0.0.1:{CLIENT[1]} to 127.0.0.1:{SERVER[1]}" in printed
    fields = tshark(
        "-r", str(capture), "-Y", "grpc", "-T", "fields", "-e", "grpc.message_data", home=tmp_path
    )
    sent = [each.bytes[9:] for each in SENT if each.kind == "DATA"]
    envelopes = [bytes.fromhex(each) for each in fields.replace(",", "\n").split()]
    assert b"".join(sent) == b"".join(map(envelope, envelopes))


WARNING = 0x600000
"""Wireshark's severity: comments, chats and notes are below it."""


def test_nothing_about_the_packets_is_remarkable(capture: Path, tmp_path: Path) -> None:
    """Right checksums, no warning, no retransmission, no full window."""
    check = ["-r", str(capture), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    remarkable = f"_ws.expert.severity >= {WARNING} || tcp.analysis.flags"
    assert "" == tshark(*check, "-Y", remarkable, home=tmp_path)
    good = "ip.checksum.status == 1 && tcp.checksum.status == 1"
    everything = tshark(*check, home=tmp_path)
    assert everything == tshark(*check, "-Y", good, home=tmp_path)
    assert everything


def test_times_are_true_to_the_nanosecond(capture: Path, tmp_path: Path) -> None:
    """The first packet's time is the connection's."""
    printed = tshark("-r", str(capture), "-T", "fields", "-e", "frame.time_epoch", home=tmp_path)
    seconds, fraction = divmod(START, 10**9)
    assert f"{seconds}.{fraction:09}" == printed.splitlines()[0]


def test_a_hole_is_one_in_wireshark_too(tmp_path: Path) -> None:
    """What is missing was acknowledged and not captured."""
    path = tmp_path / "hole.pcapng"
    with CaptureWriter(path, print) as writer:
        writer.write(Opened(connection=1, time=1, client=CLIENT, server=SERVER))
        writer.write(Missing(connection=1, time=2, sender=Side.CLIENT, count=100))
        writer.write(Chunk(connection=1, time=3, sender=Side.CLIENT, content=b"after"))
    for remark in ("tcp.analysis.ack_lost_segment", "tcp.analysis.lost_segment"):
        assert 1 == len(tshark("-r", str(path), "-Y", remark, home=tmp_path).splitlines())


def test_with_our_profile_fields_have_names_and_values(capture: Path) -> None:
    """In the details, in a filter by field name, and in the columns."""
    printed = tshark_with_kit("-r", str(capture), "-V")
    for line in ("room_id: lobby", "name: Alice", "message: Hey Bob", "nonce: n1"):
        assert f"    {line}\n" in printed
    found = tshark_with_kit(
        *("-r", str(capture), "-Y", 'pbf.rpc.Message.message contains "Älice"'),
        *("-T", "fields", "-e", "pbf.rpc.Message.nonce"),
    )
    assert ["n1"] == found.split()
    columns = tshark_with_kit("-r", str(capture), "-Y", "grpc && tcp.srcport == 8080")
    assert (
        "8080 1 DATA 57 rpc.Message,rpc.Message Bob,Has entered the chat,Alice,Hey Bob" in columns
    )


def test_with_our_profile_streams_have_colours(capture: Path) -> None:
    """Every frame has one by its stream and sender, failures their own."""
    printed = tshark_with_kit(
        *("-r", str(capture), "--color", "-Y", "http2.type", "-T", "fields"),
        *("-e", "frame.coloring_rule.name"),
    )
    rules = dict.fromkeys(printed.splitlines())
    assert [
        "The connection itself",
        "Stream 1, 13 … (blue), from the client",
        "Stream 1, 13 … (blue), from the server",
        "Stream 3, 15 … (green), from the client",
        "Stream or connection given up",
        "The call failed",
    ] == list(rules)


def test_with_our_profile_a_connection_joined_midway_is_http2(tmp_path: Path) -> None:
    """No preface tells Wireshark; the profile does."""
    path = tmp_path / "midway.pcapng"
    ping = next(each for each in SENT if each.kind == "PING")
    with CaptureWriter(path, print) as writer:
        writer.write(Opened(connection=1, time=1, client=CLIENT, server=SERVER, midway=True))
        writer.write(Chunk(connection=1, time=2, sender=ping.sender, content=ping.bytes))
    assert "PING[0]" in tshark_with_kit("-r", str(path))
    assert "PING[0]" not in tshark("-r", str(path), home=tmp_path)


def test_our_profile_can_expect_http_1(tmp_path: Path) -> None:
    """On the ports of a server that browsers use; HTTP/2 is known there by its preface."""
    path = tmp_path / "both.pcapng"
    with CaptureWriter(path, print) as writer:
        for each in passages(SENT):
            writer.write(each)
        writer.write(Opened(connection=2, time=START, client=CLIENT, server=SERVER))
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        writer.write(Chunk(connection=2, time=START, sender=Side.CLIENT, content=request))
    printed = tshark_with_kit("-r", str(path), options=["--http1"])
    assert "GET /healthz HTTP/1.1" in printed
    assert "PING[0]" in printed
    assert "GET /healthz HTTP/1.1" not in tshark_with_kit("-r", str(path))


def test_our_profile_can_be_installed(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among one's own profiles, where `-C Chatroom` finds it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    where = kit("install").splitlines()[0]
    assert str(tmp_path) in where
    printed = run_tshark("-C", "Chatroom", "-r", str(capture), "-V")
    assert "    message: Hey Bob\n" in printed
