"""What a fault did is said with the frame that it did it to, in print, JSON and captures."""

from __future__ import annotations

import json
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import CommentedCapture
from chatroom.chatwire.decode import Decoder, Kind
from chatroom.chatwire.decode.records import Altered, Frame
from chatroom.chatwire.passage import Chunk, Doing, Faulted, How, Mark, Side
from chatroom.chatwire.show.as_json import json_line
from chatroom.chatwire.show.line import Style
from chatroom.chatwire.show.summary import Summary
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from tests.chatwire.wire import Talk, notes

DROP = 'drop up text "psst"'
HELD = Mark(begin=0, end=0, how=How.HELD, rule="delay up message 1: 2s", note="2.000 s")


def said(text: str) -> bytes:
    message = pb.ChatMessage(message=pb.Message(message=text))
    return envelope(message.SerializeToString())


def conversation() -> Talk:
    """A call; then a PING, a message that was held, and one that was dropped."""
    talk = Talk().begin()
    talk.call()
    ping, data = frames.ping(b"12345678"), frames.data(1, said("late"))
    mark = Mark(begin=len(ping), end=len(ping + data), how=HELD.how, rule=HELD.rule, note=HELD.note)
    talk.pass_on(
        Chunk(
            connection=1, time=talk.now, sender=Side.CLIENT, content=ping + data + ping,
            marks=(mark,),
        )
    )  # fmt: skip
    talk.pass_on(dropped(talk, said("psst")))
    return talk


def dropped(talk: Talk, content: bytes) -> Faulted:
    return Faulted(
        connection=1, time=talk.now, sender=Side.CLIENT, doing=Doing.DROPS, rule=DROP,
        stream=1, content=content, unpassed=len(content),
    )  # fmt: skip


def last(made: list[Frame], kind: Kind) -> Frame:
    return [frame for frame in made if frame.kind is kind][-1]


def test_only_the_frames_within_a_mark_have_it() -> None:
    """The frames before and after it in the same read are as they came."""
    pings = [frame.altered for frame in conversation().made if frame.kind is Kind.PING]
    assert [None, None] == pings
    expected = Altered(how="held", rule=HELD.rule, note="2.000 s")
    assert expected == last(conversation().made, Kind.DATA).altered


def test_a_message_that_does_not_pass_is_shown_all_the_same() -> None:
    """It is decoded as its call's messages are, and counts for the window of who sent it."""
    talk = conversation()
    fault = last(talk.made, Kind.FAULT)
    assert "psst" == fault.messages[0].value.message.message  # type: ignore[union-attr]
    assert "/rpc.ChatService/Chat" == fault.call
    talk.client(frames.data(1, b""))
    sent = len(said("late")) + len(said("psst"))
    assert 65535 - sent == last(talk.made, Kind.DATA).detail.window.stream  # type: ignore[union-attr]


def test_bytes_that_nobody_sent_break_no_window() -> None:
    """A doubled message may come when its sender's window is used up."""
    talk = Talk().begin()
    talk.call()
    talk.client(*(frames.data(1, bytes(16383)) for _ in range(4)))
    twice = frames.data(1, said("twice"))
    mark = Mark(begin=0, end=len(twice), how=How.INVENTED, unsent=len(twice) - 9)
    chunk = Chunk(connection=1, time=talk.now, sender=Side.CLIENT, content=twice, marks=(mark,))
    assert "" == notes(talk.pass_on(chunk))
    assert "FLOW_CONTROL_ERROR" in notes(talk.client(twice))


def test_lines_say_what_a_fault_did() -> None:
    """Rule and effect stand in brackets, safe to print."""
    lines = [Style().lines(frame) for frame in conversation().made]
    assert lines[-2 - 1].endswith("[held, 2.000 s (delay up message 1: 2s)]\n")
    assert 'FAULT         the tap drops (drop up text "psst")  ChatMessage {message' in lines[-1]


def test_json_says_what_a_fault_did() -> None:
    """A program finds it by name."""
    objects = [json.loads(json_line(frame)) for frame in conversation().made]
    expected = {"how": "held", "rule": HELD.rule, "note": "2.000 s"}
    assert [expected] == [one["altered"] for one in objects if "altered" in one]
    assert {"doing": "drops", "rule": DROP, "note": ""} == objects[-1]["detail"]


def test_a_capture_says_what_a_fault_did(tmp_path: Path) -> None:
    """Comments on the packet that passed, and on one without bytes where none did."""
    path = tmp_path / "faulty.pcapng"
    talk, decoder = conversation(), Decoder()
    capture = CommentedCapture(path, print)
    for passage in talk.passages:
        capture.take(passage, decoder.take(passage))
    capture.close()
    written = path.read_bytes()
    assert b"fault, stream 1: held, 2.000 s (delay up message 1: 2s)" in written
    assert b'fault, stream 1: the tap drops (drop up text "psst")' in written


def test_what_is_dropped_does_not_count_as_sent() -> None:
    """The summary is about what passed."""
    summary = Summary()
    for frame in conversation().made:
        summary.take(frame)
    of_stream = json.loads(summary.as_json().splitlines()[-1])
    assert "psst" not in json.dumps(of_stream)
    assert '"messages": 1' in json.dumps(of_stream)
