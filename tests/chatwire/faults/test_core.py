"""Each fault of the core, as an independent HTTP/2 implementation sees it on both sides."""

from __future__ import annotations

from chatroom.chatwire.faults.connection import Break, Deliver, Finish
from chatroom.chatwire.faults.http2 import WAITING_BYTES
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.passage import Doing, How, Side
from chatroom.wire.envelopes import compressed, envelope
from chatroom.wire.http2 import frames

from .sides import FIELD, TRAILERS, Between, Peer


def between(*rules: str, seed: int = 0) -> Between:
    return Between(Plan.of(*rules, seed=seed))


def talking(*rules: str, says: tuple[bytes, ...] = (b"one", b"two", b"three")) -> Between:
    """A call in which the client has said something."""
    both = between(*rules)
    both.call(1)
    for message in says:
        both.client.say(1, envelope(message))
        both.settle()
    return both


def doings(both: Between) -> list[Doing]:
    return [told.doing for told in both.told]


def hows(both: Between) -> list[How]:
    return [mark.how for mark in both.marks]


def test_a_plan_that_fits_nothing_passes_every_byte() -> None:
    """What is delivered is what was sent, in both directions, without a mark."""
    both = talking("drop method /other.Service/*", "delay connection 2 up: 1s")
    both.server.say(1, envelope(b"back"))
    both.server.end(1, TRAILERS)
    both.settle()
    assert both.sent == both.delivered
    assert [] == both.marks
    assert [] == both.told


def test_drop() -> None:
    """The others come, and the tap gives the window of the dropped one back."""
    both = talking("drop up message 2")
    assert [b"one", b"three"] == both.server.messages(1)
    assert envelope(b"two") == both.told[0].content
    # h2 gives window back when half of it is used: what is missing are the two that came.
    assert 65535 - 2 * 5 - len(b"onethree") == both.client.h2.local_flow_control_window(1)


def test_double() -> None:
    """It comes as often as the rule says, and the copies are marked as invented."""
    both = talking("double up message 2: 3 times")
    assert [b"one", b"two", b"two", b"two", b"three"] == both.server.messages(1)
    assert [How.INVENTED, How.INVENTED] == [how for how in hows(both) if how is How.INVENTED]


def test_rules_that_fit_the_same_message() -> None:
    """Each does its part; the longest words count, and a dropped message is only that."""
    both = talking("double up message 2: 3 times", "double up message 2-: 2 times")
    assert [b"one", b"two", b"two", b"two", b"three", b"three"] == both.server.messages(1)
    both = talking("reorder up message 1: behind 1", "reorder up message 1: behind 2")
    assert [b"two", b"three", b"one"] == both.server.messages(1)
    both = talking("delay up message 2: 1s", "delay up text two: 2s")
    both.wait(2.9)
    assert [b"one"] == both.server.messages(1)
    both.wait(0.2)
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    both = talking("hold up message 2: key a", "hold up message 2: key b")
    assert [0, 1] == [both.release(key) for key in "ba"]
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    both = talking(
        "drop up message 2", "double up message 2", "delay up message 2: 1s",
        "inject up message 2: ping",
    )  # fmt: skip
    assert [b"one", b"three"] == both.server.messages(1)
    assert [Doing.DROPS] == doings(both)
    assert How.INVENTED in hows(both)


def test_of_answers_the_first_that_fits_counts() -> None:
    for fits, status in ((1, b"14"), (2, b"13")):
        both = between(f"answer call {fits}: UNAVAILABLE", "answer: INTERNAL")
        both.call(1)
        assert status == dict(both.client.headers[1][0])[b"grpc-status"]


def test_reorder() -> None:
    """It comes behind the next."""
    both = talking("reorder up message 1: behind 1")
    assert [b"two", b"one", b"three"] == both.server.messages(1)


def test_what_waits_for_the_next_is_not_kept_from_it_by_another_stream() -> None:
    """The connection's window is used up by that one; the next message may begin all the same."""
    both = talking("reorder down stream 3", "drop down stream 1", says=())
    both.call(3)
    for stream, text in ((3, b"a" * 70_000), (1, b"b" * 70_000), (3, b"next")):
        both.server.say(stream, envelope(text))
        both.settle()
    both.server.end(3, TRAILERS)
    both.settle()
    assert [b"a" * 70_000, b"next"] == both.client.messages(3)


def test_reorder_of_the_last() -> None:
    """With nothing behind it, it comes when its side has said all."""
    both = talking("reorder up message 3")
    assert [b"one", b"two"] == both.server.messages(1)
    both.client.end(1)
    both.settle()
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    assert {1} == both.server.over


def test_delay_of_a_message() -> None:
    """It and those behind it come when its time is over; other streams go on."""
    both = talking("delay up message 2 stream 1: 2s")
    both.call(3)
    both.client.say(3, envelope(b"other"))
    both.settle()
    assert ([b"one"], [b"other"]) == (both.server.messages(1), both.server.messages(3))
    both.wait(1.9)
    assert [b"one"] == both.server.messages(1)
    both.wait(0.2)
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    assert {How.HELD} == set(hows(both))


def test_delay_of_a_direction() -> None:
    """Every byte comes later, in order."""
    both = between("delay down: 1s")
    assert b"" == both.delivered[Side.SERVER]
    both.wait(1.0)
    assert both.sent[Side.SERVER] == both.delivered[Side.SERVER]


def test_a_message_in_a_frame_of_its_own_keeps_that() -> None:
    """Held or doubled, the frame passes as it came, padding and all; the copies are the tap's."""
    both = between("delay up message 1: 1s", "double up message 2")
    both.call(1)
    for message in (b"one", b"two"):
        both.client.h2.send_data(1, envelope(message), pad_length=7)
        both.settle()
    both.wait(1)
    assert [b"one", b"two", b"two"] == both.server.messages(1)
    begin = both.sent[Side.CLIENT].index(envelope(b"one"))
    assert both.sent[Side.CLIENT][begin - 10 :] in both.delivered[Side.CLIENT]
    assert ["2 of 2"] == [mark.note[-6:] for mark in both.marks if mark.how is How.INVENTED]
    assert How.ALTERED not in hows(both)


def test_jitter_keeps_the_order_and_the_seed() -> None:
    """The same seed delays alike, another one does not; no byte overtakes another."""

    def gone(seed: int) -> list[float]:
        both = between("delay up: 1s ± 900ms", seed=seed)
        times = []
        for number in range(9):
            both.client.h2.ping(bytes([number] * 8))
            both.settle()
        while both.delivered[Side.CLIENT] != both.sent[Side.CLIENT]:
            times.append(both.faults.timer)
            both.wait(both.faults.timer - both.now)
        return times

    assert gone(1) == gone(1) != gone(2)


def test_throttle() -> None:
    """So many bytes pass in a second, and the rest waits without being lost."""
    both = between("throttle up: 1000B/s")
    both.wait(10)
    both.call(1)
    both.wait(10)
    before = len(both.delivered[Side.CLIENT])
    both.client.say(1, envelope(bytes(10_000)))
    both.settle()
    both.wait(5)
    assert 4900 <= len(both.delivered[Side.CLIENT]) - before <= 5100
    both.wait(10)
    assert [bytes(10_000)] == both.server.messages(1)


def test_hold_and_release() -> None:
    """Nothing but its key, or the time that is named, lets a message go."""
    both = talking('hold up message 2: key "a" at most 60s')
    both.wait(59)
    assert [b"one"] == both.server.messages(1)
    assert 0 == both.release("b")
    assert 1 == both.release("a")
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    late = talking("hold up message 2: key a at most 60s")
    late.wait(61)
    assert [b"one", b"two", b"three"] == late.server.messages(1)


def test_held_messages_keep_their_window() -> None:
    """While they wait the sender gets no more, and all of it after them."""
    both = talking("hold up message 1: key a", says=(bytes(65_000), bytes(65_000)))
    assert 0 < len(both.client.unsent[1])
    both.release("a")
    assert [bytes(65_000)] * 2 == both.server.messages(1)


def test_trailers_wait_behind_what_is_held() -> None:
    """And a header block that overtakes them is decoded as it was meant."""
    both = between("hold down message 1 stream 1: key a")
    both.call(1)
    both.call(3, FIELD)
    both.server.say(1, envelope(b"late"))
    both.server.end(1, [*TRAILERS, ("x-new", "a value that goes into the table")])
    both.settle()
    both.server.end(3, [*TRAILERS, ("x-new", "a value that goes into the table"), FIELD])
    both.settle()
    assert {3} == both.client.over
    assert (b"x-request-id", b"0123456789") == both.client.headers[3][-1][-1]
    both.release("a")
    assert {1, 3} == both.client.over
    assert (b"x-new", b"a value that goes into the table") == both.client.headers[1][-1][-1]
    both.call(5, FIELD)
    assert (b"x-request-id", b"0123456789") == both.client.headers[5][-1][-1]


def test_answer() -> None:
    """The client gets the status, the server nothing, and later calls are right on both sides."""
    both = between('answer call 1: UNAVAILABLE "too büsy"')
    both.call(1, FIELD)
    both.client.say(1, envelope(b"unheard"))
    both.client.end(1)
    both.settle()
    assert {} == both.server.headers
    fields = dict(both.client.headers[1][0])
    assert (b"14", b"too b%C3%BCsy") == (fields[b"grpc-status"], fields[b"grpc-message"])
    both.call(3, FIELD)
    assert (b"x-request-id", b"0123456789") == both.server.headers[3][0][-1]
    assert [Doing.ANSWERS] == doings(both)


def test_trailers_missing() -> None:
    """The stream ends, and nothing says how the call has."""
    both = between("trailers: missing")
    both.call(1)
    both.server.say(1, envelope(b"all"))
    both.server.end(1, TRAILERS)
    both.settle()
    assert ({1}, 1) == (both.client.over, len(both.client.headers[1]))
    assert [b"all"] == both.client.messages(1)


def test_trailers_changed() -> None:
    """Fields are replaced, added, left out; what is not named stays."""
    for what, expected in {
        'status INTERNAL "no"': {b"grpc-status": b"13", b"grpc-message": b"no", b"x": b"y"},
        "with grpc-status=99 extra=1": {b"grpc-status": b"99", b"x": b"y", b"extra": b"1"},
        "without grpc-status": {b"x": b"y"},
    }.items():
        both = between(f"trailers: {what}")
        both.call(1)
        both.server.end(1, [*TRAILERS, ("x", "y")])
        both.settle()
        assert expected == dict(both.client.headers[1][-1])


def test_cut() -> None:
    """What came before the message passes, the message and all behind it do not."""
    for what, reset in (("rst", True), ("fin", False)):
        both = talking(f"cut up message 3: {what}")
        assert [b"one", b"two"] == both.server.messages(1)
        assert [Break(reset)] == both.ends
        assert both.faults.over


def test_cut_by_the_clock() -> None:
    """After a time from the beginning, or a time in which nothing passed."""
    both = between("cut after 5s: fin")
    both.wait(4.9)
    assert [] == both.ends
    both.wait(0.2)
    assert [Break(False)] == both.ends
    idle = talking("cut idle 60s: rst")
    idle.wait(59)
    idle.client.h2.ping(b"12345678")
    idle.settle()
    idle.wait(59)
    assert [] == idle.ends
    idle.wait(2)
    assert [Break(True)] == idle.ends


def test_stop_reading() -> None:
    """A side is not read for the time, then it goes on."""
    both = talking("stop-reading up message 2: 5s", says=(b"one", b"two"))
    assert not both.faults.reads(Side.CLIENT)
    assert both.faults.reads(Side.SERVER)
    both.client.say(1, envelope(b"three"))
    both.settle()
    assert [b"one", b"two"] == both.server.messages(1)
    both.wait(5)
    assert [b"one", b"two", b"three"] == both.server.messages(1)
    assert [Doing.STOPS, Doing.READS] == doings(both)


def test_withhold() -> None:
    """The sender comes to the end of its window, and gets all of it when the time is over."""
    both = talking(
        "withhold down stream 1: 5s", "withhold down stream 0: 5s", says=(bytes(99_000),)
    )
    assert 0 == both.client.h2.local_flow_control_window(1)
    both.wait(5)
    assert [bytes(99_000)] == both.server.messages(1)
    assert {Doing.WITHHOLDS} == set(doings(both))
    assert [How.HELD] * 2 == hows(both)


def test_withhold_for_good() -> None:
    """Without a time the sender waits in vain."""
    both = talking("withhold down", says=(bytes(99_000),))
    both.wait(3600)
    assert 0 == both.client.h2.local_flow_control_window(1)


def reset(peer: Peer) -> dict[int, int]:
    return peer.reset


def test_inject_rst_stream() -> None:
    """Both sides know that the stream is over, and what was on its way breaks nothing."""
    both = talking("inject down stream 1: rst_stream INTERNAL_ERROR")
    assert ({1: 2}, {1: 8}) == (reset(both.client), reset(both.server))
    both.call(3)
    both.client.say(3, envelope(b"goes on"))
    both.settle()
    assert [b"goes on"] == both.server.messages(3)


def test_inject_rst_stream_before_a_message() -> None:
    """The message does not come, what was before it does, and its window is not lost."""
    both = talking("inject up message 2: rst_stream CANCEL", says=(bytes(10), bytes(30_000)))
    assert [bytes(10)] == both.server.messages(1)
    both.call(3)
    assert 65535 - 15 <= both.client.h2.outbound_flow_control_window + 15


def test_inject_goaway() -> None:
    """The client is told that later streams are lost; the server knows nothing of it."""
    both = talking('inject down message 1: goaway ENHANCE_YOUR_CALM last 1 "calm"')
    both.server.say(1, envelope(b"now"))
    both.settle()
    (goaway,) = both.client.goaways
    assert (11, 1, b"calm") == (goaway.error_code, goaway.last_stream_id, goaway.additional_data)
    assert [] == both.server.goaways


def test_inject_ping_and_settings() -> None:
    """Each is answered, and the answers stay in the tap: nobody else had asked."""
    both = talking("inject down: ping", "inject up: settings INITIAL_WINDOW_SIZE=10")
    assert both.sent[Side.CLIENT] != both.delivered[Side.CLIENT]
    assert 10 == both.server.h2.remote_settings.initial_window_size
    both.server.say(1, envelope(b"twenty bytes of text"))
    both.settle()
    assert 10 == len(both.client.came[1])
    assert b"chatwire" in both.delivered[Side.SERVER]
    assert b"chatwire" not in both.delivered[Side.CLIENT]


def test_inject_a_smaller_table() -> None:
    """The client's blocks keep to it, and the server, which knows nothing of it, reads them."""
    both = talking("inject down stream 1: settings HEADER_TABLE_SIZE=0")
    for stream in (3, 5):
        both.call(stream, FIELD)
        assert (b"x-request-id", b"0123456789") == both.server.headers[stream][0][-1]
    assert 0 == both.client.h2.encoder.header_table_size


def test_vanish() -> None:
    """Nothing passes any more and nothing ends."""
    both = talking("vanish up message 2")
    both.client.say(1, envelope(b"unheard"))
    both.server.h2.ping(b"12345678")
    both.settle()
    both.wait(3600)
    assert [b"one"] == both.server.messages(1)
    assert [] == both.ends
    assert not both.faults.reads(Side.CLIENT)
    assert b"12345678" in both.delivered[Side.SERVER]


def test_vanish_of_both() -> None:
    """Without a direction both are gone."""
    both = between("vanish after 1s")
    both.wait(2)
    both.server.h2.ping(b"12345678")
    both.settle()
    assert b"12345678" not in both.delivered[Side.SERVER]
    assert [] == [side for side in Side if both.faults.reads(side)]


def test_content_decides() -> None:
    """By text and by field, also where the message is compressed."""
    from chatroom.api.rpc import chat_pb2 as pb

    def said(text: str) -> bytes:
        return pb.ChatMessage(message=pb.Message(message=text)).SerializeToString()

    for rule in (
        'drop up text "lo"',
        "drop up field message.message=hello",
        "drop field 2.2=hello",
    ):
        both = between(rule)
        both.call(1, ("grpc-encoding", "gzip"))
        for octets in (envelope(said("hello")), compressed(said("hello")), envelope(said("hi"))):
            both.client.say(1, octets)
        both.settle()
        assert [said("hi")] == both.server.messages(1), rule


def test_a_message_larger_than_the_window_becomes_whole() -> None:
    """To ask about its text the tap lends window, and gets it back from the receiver's."""
    both = talking('drop up text "absent"', says=(bytes(300_000), b"next"))
    assert [bytes(300_000), b"next"] == both.server.messages(1)
    both.client.say(1, envelope(bytes(300_000)))
    both.settle()
    assert bytes(300_000) == both.server.messages(1)[-1]


def test_what_is_held_has_a_bound() -> None:
    """A sender that does not heed its windows is not read any more, until something goes."""
    both = talking("hold up: key a", says=())
    frame = frames.data(1, envelope(bytes(16_000)))
    count = WAITING_BYTES // 16_000 + 1
    both.faults.receive(Side.CLIENT, frame * count, both.now)
    assert not both.faults.reads(Side.CLIENT)
    assert both.faults.reads(Side.SERVER)
    both.faults.release("a", both.now)
    assert both.faults.reads(Side.CLIENT)
    delivered = sum(len(one.content) for one in both.faults.take() if isinstance(one, Deliver))
    assert len(frame) * count == delivered


def test_the_end_of_a_side_waits_for_what_is_delayed() -> None:
    """FIN comes behind the last byte."""
    both = talking("delay up message 1: 2s", says=(b"one",))
    both.faults.end(Side.CLIENT, both.now)
    both.settle()
    assert [] == both.ends
    both.wait(2)
    assert [b"one"] == both.server.messages(1)
    assert [Finish(Side.CLIENT)] == both.ends


def test_what_is_no_http2_says_so() -> None:
    """Faults of bytes apply to it, and those of calls are named as not."""
    both = between("drop up", "delay up: 1s", "answer: INTERNAL")
    both.faults = between_bytes(both)
    both.faults.receive(Side.CLIENT, b"GET / HTTP/1.1\r\n\r\n", 0.0)
    (told,) = both.faults.take()
    assert "no drop, answer here" in told.note  # type: ignore[union-attr]
    both.faults.tick(1.0)
    assert b"GET / HTTP/1.1\r\n\r\n" == both.faults.take()[0].content  # type: ignore[union-attr]


def between_bytes(both: Between):  # type: ignore[no-untyped-def]
    from chatroom.chatwire.faults.connection import Faults

    return Faults(Plan.of("drop up", "delay up: 1s", "answer: INTERNAL"), 1, lambda *_: False, 0.0)
