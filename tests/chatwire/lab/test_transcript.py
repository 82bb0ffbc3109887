"""What stands between the frames of a step that is not shown."""

from __future__ import annotations

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Step
from chatroom.chatwire.lab.finding import NO_ACK, sent_by
from chatroom.chatwire.lab.story import check
from chatroom.chatwire.lab.transcript import transcript
from chatroom.chatwire.show.line import Style
from chatroom.wire.http2 import frames
from tests.chatwire.wire import Talk

PING = sent_by("Ann", Kind.PING, NO_ACK)


def test_frames_that_are_left_out_are_marked() -> None:
    """As many as passed on the same stream, and none of another one."""
    talk = Talk().begin()
    ping = frames.ping(b"12345678")
    talk.client(ping, ping)
    talk.call()
    talk.server(frames.settings(), frames.settings())
    talk.client(ping)
    step = Step(title="", prose="", shows=(PING, PING, PING))
    (shown,) = check([step], talk.made, {1: "Ann"})
    assert (0, 0, 2) == shown.left_out
    first, second, mark, third = transcript(shown, Style())
    assert "… 2 frames of this stream not shown" == mark.strip()
    assert all(" PING " in line for line in (first, second, third))


def test_frames_of_two_streams_have_nothing_between_them() -> None:
    """A mark says how many are missing of one stream."""
    talk = Talk().begin()
    talk.client(frames.ping(b"12345678"))
    talk.server(frames.settings())
    talk.call()
    step = Step(title="", prose="", shows=(PING, sent_by("Ann", Kind.HEADERS)))
    (shown,) = check([step], talk.made, {1: "Ann"})
    assert (0, 0) == shown.left_out
