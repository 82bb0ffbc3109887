"""Another implementation agrees: h2 as the client, in conversations that Hypothesis makes up.

Both sides do what is legal, in any order, and bytes travel in pieces of any size. Nobody may
find an error. Whenever nothing travels, both sides count the same windows and know the same
states; in the end every byte has come, in order and once.
"""

from __future__ import annotations

import h2.connection
import h2.events
import h2.settings
import hypothesis.strategies as st
from h2.stream import StreamState
from hypothesis import settings
from hypothesis.stateful import initialize, invariant, precondition, rule

from chatroom.wire.http2.frames import MAX_FRAME_BYTES, ErrorCode
from chatroom.wire.http2.headers import encode
from chatroom.wire.http2.streams import State
from tests.faults.scale import scaled

from .sides import (
    LIMITS,
    REQUEST,
    RESPONSE,
    TRAILERS,
    UP_TRAILERS,
    Exchange,
    Sides,
)  # fmt: skip

which = st.integers(0, 5)
sizes = st.sampled_from((1, 7, 1023, 1024, 1025, 8192, 16_384)) | st.integers(1, 16_384)
windows = st.sampled_from((0, 1, 2, 100, 1023, 1024, 1025, 5000, 16_384, 65_535, 200_000))
tables = st.sampled_from((0, 100, 4095, 4096, 4097, 65_536))
seldom = st.sampled_from((False, False, False, True))
"""What ends an exchange; most are to go on for a while."""
codes = st.sampled_from((ErrorCode.NO_ERROR, ErrorCode.CANCEL, ErrorCode.INTERNAL_ERROR))

KNOWN_AS = {
    StreamState.OPEN: State.OPEN,
    StreamState.HALF_CLOSED_LOCAL: State.HALF_CLOSED_REMOTE,
    StreamState.HALF_CLOSED_REMOTE: State.CLOSED,
    StreamState.CLOSED: State.CLOSED,
}
"""What the client's state is to the server, while nothing travels."""


class Conversation(Sides):
    """One connection, from its first byte to its last."""

    # ---- The client ----------------------------------------------------------------

    @initialize(window=windows, table=tables, wide=st.booleans())
    def begins(self, window: int, table: int, wide: bool) -> None:
        """With a wide window of the connection the streams' decide, else the connection's."""
        self.client.local_settings = h2.settings.Settings(
            client=True, initial_values={4: window if wide else 200_000, 1: table}
        )
        self.client.decoder.max_allowed_table_size = table
        self.client.initiate_connection()
        if wide:
            self.client.increment_flow_control_window(1 << 24)
        self.client_wrote()

    @precondition(lambda self: len(self.exchanges) < 6)
    @rule(number=st.integers(0, 3), long=st.booleans(), end=seldom)
    def requests(self, number: int, long: bool, end: bool) -> None:
        stream_id = self.client.get_next_available_stream_id()
        headers = [*REQUEST, (b"x-number", b"%d" % number), (b"x-long", b"l" * 9000 * long)]
        self.client.send_headers(stream_id, headers, end_stream=end)
        exchange = self.exchanges[stream_id] = Exchange(stream_id)
        if end:
            exchange.ends_up.append("sent")
        self.client_wrote()

    @precondition(Sides.can_send)
    @rule(pick=which, size=sizes, pad=st.none() | st.integers(0, 255), end=seldom)
    def sends_up(self, pick: int, size: int, pad: int | None, end: bool) -> None:
        among = self.can_send()
        exchange = among[pick % len(among)]
        padding = 0 if pad is None else pad + 1
        room = min(self.client.local_flow_control_window(exchange.stream_id), MAX_FRAME_BYTES)
        size = min(size, room - padding)
        if size < 0 or (not size and not end):
            return
        payload = self.noise(size)
        self.client.send_data(exchange.stream_id, payload, end_stream=end, pad_length=pad)
        exchange.sent_up += payload
        if end:
            exchange.ends_up.append("sent")
        self.client_wrote()

    @precondition(Sides.can_send)
    @rule(pick=which, trailers=st.booleans(), sure=seldom)
    def ends_up(self, pick: int, trailers: bool, sure: bool) -> None:
        if not sure:
            return
        among = self.can_send()
        exchange = among[pick % len(among)]
        if trailers:
            self.client.send_headers(exchange.stream_id, UP_TRAILERS, end_stream=True)
        else:
            self.client.end_stream(exchange.stream_id)
        exchange.ends_up.append("sent")
        self.client_wrote()

    @precondition(Sides.can_cancel)
    @rule(pick=which, code=codes, sure=seldom)
    def cancels(self, pick: int, code: ErrorCode, sure: bool) -> None:
        if not sure:
            return
        among = self.can_cancel()
        exchange = among[pick % len(among)]
        self.client.reset_stream(exchange.stream_id, int(code))
        exchange.cut = True
        self.client_wrote()

    @precondition(Sides.unread)
    @rule(pick=which, size=sizes)
    def reads_down(self, pick: int, size: int) -> None:
        among = self.unread()
        exchange = among[pick % len(among)]
        size = min(size, exchange.unread_down)
        exchange.unread_down -= size
        self.client.acknowledge_received_data(size, exchange.stream_id)
        self.client_wrote()

    @rule(pick=which, size=sizes)
    def widens(self, pick: int, size: int) -> None:
        among = [None, *self.can_cancel()]
        exchange = among[pick % len(among)]
        self.client.increment_flow_control_window(size, exchange and exchange.stream_id)
        self.client_wrote()

    @precondition(lambda self: self.settled and self.settings_sent < 20)
    @rule(window=windows, table=tables)
    def changes_settings(self, window: int, table: int) -> None:
        # Both at once: h2 applies whatever waits of a setting at the next acknowledgement.
        self.client.update_settings({4: window, 1: table})
        self.settings_sent += 1
        self.client_wrote()

    @rule(number=st.integers(0, 255))
    def pings(self, number: int) -> None:
        self.client.ping(bytes([number] * 8))
        self.unanswered.append(bytes([number] * 8))
        self.client_wrote()

    # ---- The server ----------------------------------------------------------------

    @precondition(lambda self: [one for one in self.served() if not one.begun])
    @rule(pick=which, long=st.booleans(), end=seldom)
    def responds(self, pick: int, long: bool, end: bool) -> None:
        among = [one for one in self.served() if not one.begun]
        exchange = among[pick % len(among)]
        headers = [*RESPONSE, (b"x-long", b"l" * 20_000 * long)]
        exchange.ended = end
        exchange.stream.headers(encode(headers), end=end)
        exchange.begun = True
        self.server_did()

    @precondition(Sides.speaking)
    @rule(pick=which, size=sizes, times=st.integers(1, 3))
    def feeds(self, pick: int, size: int, times: int) -> None:
        among = self.speaking()
        exchange = among[pick % len(among)]
        for _ in range(times):
            exchange.queue.append(self.noise(size))
        exchange.stream.call.writable()

    @precondition(Sides.speaking)
    @rule(size=sizes)
    def publishes(self, size: int) -> None:
        shared = self.noise(size)
        for exchange in self.speaking():
            exchange.queue.append(shared)
            exchange.stream.call.writable()

    @precondition(Sides.speaking)
    @rule(pick=which, size=sizes, times=st.integers(1, 8))
    def sends_down(self, pick: int, size: int, times: int) -> None:
        among = self.speaking()
        exchange = among[pick % len(among)]
        payload = self.noise(size * times)
        if exchange.queue:
            exchange.queue.append(payload)
            exchange.stream.call.writable()
        else:
            exchange.sent_down += payload
            exchange.stream.append(payload, self.now)

    @precondition(Sides.speaking)
    @rule(pick=which, trailers=st.booleans(), sure=seldom)
    def ends_down(self, pick: int, trailers: bool, sure: bool) -> None:
        if not sure:
            return
        among = self.speaking()
        exchange = among[pick % len(among)]
        exchange.queue.clear()
        exchange.ended = True
        # An empty DATA frame may end a stream whose window is below 0 (6.9.1); h2 refuses it.
        trailers = trailers or exchange.stream.window < 0
        exchange.stream.end(encode(TRAILERS) if trailers else None)
        self.server_did()

    @precondition(lambda self: self.server.streams)
    @rule(pick=which, code=codes, sure=seldom)
    def resets(self, pick: int, code: ErrorCode, sure: bool) -> None:
        if not sure:
            return
        among = list(self.server.streams)
        exchange = self.exchanges[among[pick % len(among)]]
        exchange.cut = True
        self.server.reset(exchange.stream, code)
        self.server_did()

    @precondition(Sides.unheard)
    @rule(pick=which, size=sizes)
    def reads_up(self, pick: int, size: int) -> None:
        among = self.unheard()
        exchange = among[pick % len(among)]
        size = min(size, exchange.unread_up)
        exchange.unread_up -= size
        exchange.stream.acknowledge(size)

    @rule()
    def pauses(self) -> None:
        self.server.output.pause()

    @precondition(lambda self: self.server.output.paused)
    @rule()
    def resumes(self) -> None:
        self.server.output.resume()

    # ---- What holds ------------------------------------------------------------------

    @invariant()
    def bytes_come_in_order(self) -> None:
        """What has come is the beginning of what was sent."""
        for one in self.exchanges.values():
            assert one.sent_up.startswith(one.came_up)
            assert one.sent_down.startswith(one.came_down)
            assert one.ends_up in ([], ["sent"], ["sent", "came"])
            assert len(one.ends_down) <= one.ended

    @invariant()
    def its_owner_is_told(self) -> None:
        """What can be written is not left lying."""
        output = self.server.output
        assert output.paused or self.marked or not output.bytes
        assert output.paused or self.marked or not output.turns or output.window <= 0

    @invariant()
    def both_agree(self) -> None:
        """While nothing travels, states and windows are the same on both sides."""
        server, client = self.server, self.client
        output = server.output
        if self.up or self.down or self.marked or output.bytes or not self.settled:
            return
        assert not self.unanswered
        assert output.window == client.inbound_flow_control_window
        assert server._receive.left == client.outbound_flow_control_window
        assert server.working == len(server.streams)
        for exchange in self.exchanges.values():
            stream = exchange.stream
            if stream is None:
                assert exchange.cut  # before its request was whole
                continue
            assert stream.state is KNOWN_AS[self.state(exchange)]
            if stream.state is State.CLOSED:
                continue
            theirs = client.streams[stream.stream_id]
            assert stream.window == theirs.inbound_flow_control_window
            if stream.state is State.OPEN:
                owed = stream.receive.size - stream.receive.left - stream.receive._returned
                assert exchange.unread_up == owed
                assert stream.receive.left == theirs.outbound_flow_control_window
            if not output.paused:
                assert stream.idle or stream in output.stalled or stream in output.turns
                assert stream.idle or stream.window < LIMITS.least_data or output.window <= 0

    def teardown(self) -> None:
        """Once everybody reads, everything that was sent comes, and everything can end."""
        self.server.output.resume()
        self.everything_travels()
        self.client.increment_flow_control_window(1 << 24)
        for one in self.can_cancel():
            self.client.increment_flow_control_window(1 << 24, one.stream_id)
        self.client_wrote()
        for one in self.unheard():
            one.stream.acknowledge(one.unread_up)
            one.unread_up = 0
        self.everything_travels()
        self.both_agree()
        for one in self.can_send():
            window = self.client.local_flow_control_window(one.stream_id)
            if self.state(one) is StreamState.OPEN:  # else it was answered, and soon is reset
                assert window * 2 > LIMITS.stream_window  # what was read is given back
            payload = self.noise(window // 2)
            self.client.send_data(one.stream_id, payload[:MAX_FRAME_BYTES], end_stream=True)
            one.sent_up += payload[:MAX_FRAME_BYTES]
            one.ends_up.append("sent")
        self.client_wrote()
        self.everything_travels()
        for one in self.served():
            assert not one.queue
            if not one.begun:
                one.stream.headers(encode(RESPONSE))
            one.ended = True
            one.stream.end(encode(TRAILERS))
        self.server_did()
        self.everything_travels()
        for _ in range(2):  # the peer is told to end what was answered before its end
            self.now += LIMITS.early_seconds
            assert [] == self.server.check(self.now, unsent=False)
        self.everything_travels()
        self.both_agree()
        self.bytes_come_in_order()
        assert not self.server.streams
        for one in self.exchanges.values():
            assert StreamState.CLOSED is self.state(one)
            if not one.cut:
                assert ["came"] == one.ends_down
                assert one.sent_down == one.came_down
                assert 1 == len(one.headers_down)
                if not one.early:
                    assert one.sent_up == one.came_up
                    assert ["sent", "came"] == one.ends_up


Conversation.TestCase.settings = settings(
    max_examples=scaled(40, 1000, brief=12), stateful_step_count=80, deadline=None
)
TestConversation = Conversation.TestCase
