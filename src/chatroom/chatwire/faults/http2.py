"""Faults on one HTTP/2 connection: bytes and times in, bytes out. It has no sockets.

Frames on which nothing is done pass as they came, several in one piece. What is done keeps
both ends of the connection legal: header blocks reach the receiver in their order or are
written anew (`blocks`), windows are right on both sides (`windows`), and no side sees an
answer to something that it has not sent.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chatroom.chatwire.faults.choosing import AT_MOMENTS, Choosing, Verdict
from chatroom.chatwire.faults.incoming import Incoming, passable, payload_of, settings_in
from chatroom.chatwire.faults.kinds import (
    Answer,
    Goaway,
    Inject,
    Ping,
    RstStream,
    SettingsOf,
    Trailers,
)
from chatroom.chatwire.faults.streams import Streams
from chatroom.chatwire.faults.telling import Out, Tell, Touch
from chatroom.chatwire.faults.trailers import answer_fields, changed, is_grpc, no_grpc
from chatroom.chatwire.faults.updates import Updates
from chatroom.chatwire.faults.ways import Way
from chatroom.chatwire.passage import Doing, How, Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import END_STREAM, HEADER_BYTES, Kind, Setting, unpack_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.faults.blocks import Fields
    from chatroom.chatwire.faults.grammar import Rule
    from chatroom.chatwire.faults.windows import Account

LARGEST_ID = frames.LARGEST_STREAM_ID
WAITING_BYTES = 64 << 20
"""Of messages of a side that are held. Windows keep senders below it that heed them."""


class Http2Faults:
    """One connection from its preface on.

    `out` is given the bytes to send in a side's name, in order; `tell` hears what happens
    that is no frame; `moment` has happen what is not about frames, and says whether the
    connection goes on.
    """

    def __init__(
        self, choosing: Choosing, out: Out, tell: Tell, moment: Callable[[Rule], bool]
    ) -> None:
        self._choosing = choosing
        self._out = out
        self._tell = tell
        self._moment = moment
        self._of = {side: Incoming() for side in Side}
        self._ways = {side: self._way(side) for side in Side}
        self._updates = {side: Updates(side, choosing, partial(out, side), tell) for side in Side}
        self._streams = Streams()
        self._waiting: list[Rule] = []
        self._now = 0.0
        self._stopped = False

    def _way(self, side: Side) -> Way:
        out = self._out
        return Way(
            side, partial(out, side), partial(out, side.other), self._tell,
            self._choosing.message, self._happen, self._end,
        )  # fmt: skip

    # ---- Bytes in -----------------------------------------------------------------------

    def feed(self, side: Side, content: bytes, now: float) -> None:
        """Bytes that a side sent; the client's from behind its preface on."""
        self._now = now
        incoming = self._of[side]
        if incoming.blind:
            self._out(side, content)
            return
        if (whole := incoming.joined(content)) is None:
            return
        left = self._frames(side, whole)
        if left < len(whole) and not self._stopped:
            if self._of[side].blind:
                self._out(side, whole[left:])
            else:
                incoming.keep(whole[left:])

    def passes(self, side: Side, content: bytes, begin: int = 0) -> int:
        """Up to where these bytes are whole frames that pass as they are; they are accounted for.

        They are to be sent at once; the rest, if any, goes to `feed`. Nearly all bytes go so.
        """
        incoming = self._of[side]
        if not incoming.between:
            return begin
        way, other = self._ways[side], self._ways[side.other]
        granting = self._updates[side].plain and not other.lanes and other.windows.plain
        room, pings = way.windows.connection.receiver, not incoming.pings
        at, used, granted = passable(
            content, begin, room, way.lanes, self._streams, pings=pings, granting=granting
        )
        way.windows.connection.move(-used)
        other.windows.connection.move(granted)
        return at

    def _frames(self, side: Side, content: bytes) -> int:
        """Take whole frames; where the first begins that is not whole."""
        incoming = self._of[side]
        at, size = 0, len(content)
        while size - at >= HEADER_BYTES:
            if (passed := self.passes(side, content, at)) > at:
                self._out(side, content[at:passed])
                at = passed
                continue
            word, flags, stream = unpack_word(content, at)
            end = at + HEADER_BYTES + (word >> 8)
            if end > size:
                break
            self._frame(side, word & 0xFF, flags, stream & LARGEST_ID, content[at:end])
            at = end
            if self._stopped:
                return size
            if incoming.blind:
                break
        return at

    def _frame(self, side: Side, kind: int, flags: int, stream: int, raw: bytes) -> None:
        incoming = self._of[side]
        if incoming.block or kind in (Kind.HEADERS, Kind.PUSH_PROMISE):
            self._part_of_block(side, kind, flags, raw)
            return
        if kind == Kind.DATA:
            if stream in self._streams.over:
                self._ways[side].lost(len(raw) - HEADER_BYTES)
            else:
                self._ways[side].data(stream, flags, raw, self._now)
            return
        if kind == Kind.SETTINGS:
            self._settings(side, flags, raw)
        elif kind == Kind.WINDOW_UPDATE and len(raw) == HEADER_BYTES + 4:
            self._window_update(side, stream, raw)
        elif kind == Kind.PING and flags & frames.ACK and raw[HEADER_BYTES:] in incoming.pings:
            incoming.pings.remove(raw[HEADER_BYTES:])
        elif stream and stream in self._streams.over:
            pass  # PRIORITY, RST_STREAM: the other side has never seen the stream, or is told
        elif kind == Kind.RST_STREAM:
            self._close(stream, "its stream was reset")
            self._out(side, raw)
        else:
            self._out(side, raw)

    # ---- Header blocks --------------------------------------------------------------------

    def _part_of_block(self, side: Side, kind: int, flags: int, raw: bytes) -> None:
        incoming = self._of[side]
        parts = incoming.part_of_block(kind, flags, raw)
        if not parts:
            return
        whole = b"".join(parts)
        payload = payload_of(parts)
        fields = None if payload is None else self._ways[side].blocks.read(payload)
        if fields is None:
            # What its sender has wrong is for the receiver to see, and so is what follows.
            incoming.blind = True
            why = "a header block cannot be read; from here on all passes"
            self._tell(side, Doing.IDLE, "", why)
            self._out(side, whole)
            return
        stream = int.from_bytes(whole[5:9], "big") & LARGEST_ID
        end = bool(parts[0][4] & END_STREAM) and parts[0][3] == Kind.HEADERS
        self._block(side, stream, whole, fields, end)

    def _block(self, side: Side, stream: int, raw: bytes, fields: Fields, end: bool) -> None:
        way = self._ways[side]
        if stream in self._streams.over:
            way.blocks.take_over()
            if raw[3] == Kind.PUSH_PROMISE:
                self._streams.forget(int.from_bytes(raw[HEADER_BYTES : HEADER_BYTES + 4], "big"))
            return
        of = dict(reversed(fields))
        moments: list[Rule] = []
        if side is Side.CLIENT and b":method" in of:
            answer, moments = self._request(stream, of)
            if answer is not None:
                self._answer(stream, of, answer)
                return
        call = self._streams.calls.get(stream)
        if call is not None and b"grpc-encoding" in of:
            call.encoding[side] = of[b"grpc-encoding"].decode("latin-1")
        if call is not None and end and side is Side.SERVER:
            rule = self._choosing.trailers(call)
            if rule is not None and isinstance(rule.fault, Trailers):
                self._trailers(stream, raw, fields, rule)
                return
        way.block(stream, raw, fields, end, self._now)
        for rule in moments:
            if not self._do(rule, stream):
                return

    def _request(self, stream: int, of: dict[bytes, bytes]) -> tuple[Rule | None, list[Rule]]:
        path = of.get(b":path", b"").decode("latin-1").partition("?")[0]
        answer, moments, call = self._choosing.opened(stream, path)
        self._streams.begin(stream, path)
        if not is_grpc(of) and (call is not None or answer is not None):
            rule = answer.text if answer is not None else ""
            self._tell(Side.CLIENT, Doing.IDLE, rule, no_grpc(path, of), stream)
            return None, moments
        if call is not None and answer is None:
            self._streams.follow(call)
            for side in Side:
                if call.rules[side]:
                    self._ways[side].open(stream, call)
        return answer, moments

    def _answer(self, stream: int, of: dict[bytes, bytes], rule: Rule) -> None:
        assert isinstance(rule.fault, Answer)
        self._streams.forget(stream)
        self._ways[Side.CLIENT].blocks.take_over()
        path = of.get(b":path", b"").decode("latin-1")
        self._tell(Side.CLIENT, Doing.ANSWERS, rule.text, path, stream)
        fields = answer_fields(of, rule.fault.code, rule.fault.message)
        block = self._ways[Side.SERVER].blocks.written(fields)
        touch = Touch(How.INVENTED, rule.text)
        self._out(Side.SERVER, frames.headers(stream, block, end=True), touch)

    def _trailers(self, stream: int, raw: bytes, fields: Fields, rule: Rule) -> None:
        assert isinstance(rule.fault, Trailers)
        way = self._ways[Side.SERVER]
        way.blocks.take_over()
        left = changed(fields, rule.fault)
        touch = Touch(How.ALTERED, rule.text)
        if left:
            way.block(stream, raw, left, True, self._now, touch)
        else:
            way.close_with_data(stream, touch, self._now)

    # ---- Control frames -------------------------------------------------------------------

    def _settings(self, side: Side, flags: int, raw: bytes) -> None:
        incoming = self._of[side]
        if not flags & frames.ACK:
            values = settings_in(raw)
            self._of[side.other].settings.append((False, values))
            self._out(side, raw)
            incoming.begun = True
            self._catch_up()
            return
        own, values = incoming.settings.popleft() if incoming.settings else (False, {})
        way = self._ways[side]
        initial = values.get(Setting.INITIAL_WINDOW_SIZE)
        if own:
            if initial is not None:
                way.windows.told(initial)
            return
        self._out(side, raw)
        if initial is not None:
            way.windows.resized(initial)
        if (table := values.get(Setting.HEADER_TABLE_SIZE)) is not None:
            way.blocks.agreed(table)
        way.tick(self._now)

    def _window_update(self, side: Side, stream: int, raw: bytes) -> None:
        way = self._ways[side.other]
        if stream in self._streams.over:
            return
        increment = int.from_bytes(raw[HEADER_BYTES:], "big") & LARGEST_ID
        account = way.windows.streams.get(stream) if stream else way.windows.connection
        given = increment if account is None else account.granted(increment)
        self._updates[side].take(
            stream, raw, increment, given, account, self._streams.paths.get(stream), self._now
        )
        way.tick(self._now)

    # ---- What happens ---------------------------------------------------------------------

    def at_once(self, rule: Rule) -> None:
        """Have a frame injected that is about the connection, once both sides can take it."""
        self._waiting.append(rule)
        self._catch_up()

    def _catch_up(self) -> None:
        if all(self._of[side].begun for side in Side):
            waiting, self._waiting = self._waiting, []
            for rule in waiting:
                self._do(rule, 0)

    def _happen(self, verdict: Verdict, stream: int) -> bool:
        return all(self._do(rule, stream) for rule in verdict.moments)

    def _do(self, rule: Rule, stream: int) -> bool:
        """Have something happen; whether the stream that it happens on goes on."""
        fault = rule.fault
        assert isinstance(fault, AT_MOMENTS)
        if not isinstance(fault, Inject):
            if not self._moment(rule):
                self._stopped = True
                return False
            return True
        sender = rule.where.sender
        assert sender is not None
        touch = Touch(How.INVENTED, rule.text)
        match fault.frame:
            case RstStream(code):
                self._reset(sender, stream, code, touch)
                return False
            case Goaway(code, last, debug):
                self._out(sender, frames.goaway(last, code, debug), touch)
            case Ping(opaque):
                self._of[sender.other].pings.append(opaque)
                self._out(sender, frames.ping(opaque), touch)
            case SettingsOf(values):
                self._inject_settings(sender, dict(values), touch)
        return True

    def _reset(self, sender: Side, stream: int, code: frames.ErrorCode, touch: Touch) -> None:
        """End a stream for both sides, as a proxy would that gives up."""
        self._close(stream, "its stream was reset by the tap")
        self._streams.forget(stream)
        self._out(sender, frames.rst_stream(stream, code), touch)
        told = Touch(How.INVENTED, touch.rule, "so that both sides know")
        self._out(sender.other, frames.rst_stream(stream, frames.ErrorCode.CANCEL), told)

    def _inject_settings(self, sender: Side, values: dict[Setting, int], touch: Touch) -> None:
        most = self._ways[sender.other].blocks.table
        if Setting.HEADER_TABLE_SIZE in values:
            # The sender of blocks may not use a larger table than their receiver has.
            values[Setting.HEADER_TABLE_SIZE] = min(values[Setting.HEADER_TABLE_SIZE], most)
        self._of[sender.other].settings.append((True, {int(k): v for k, v in values.items()}))
        self._out(sender, frames.settings(*values.items()), touch)

    def _end(self, side: Side, stream: int) -> None:
        """A side's end was sent to the other."""
        if self._streams.end(side, stream):
            self._close(stream, "its stream is over")

    def _close(self, stream: int, why: str) -> None:
        self._streams.close(stream)
        for side in Side:
            self._ways[side].close(stream, why)
            self._updates[side].close(stream)

    # ---- Time and ends --------------------------------------------------------------------

    def full(self, side: Side) -> bool:
        """Whether so much of a side waits that no more should be read."""
        return self._ways[side].waiting >= WAITING_BYTES

    @property
    def calm(self) -> bool:
        """Whether nothing is followed that could have to wait."""
        return not any(way.lanes or self._updates[side].keeps for side, way in self._ways.items())

    @property
    def plain(self) -> bool:
        """Whether nothing can happen to what the server sends until the client sends a request."""
        ways = all(way.plain and self._updates[side].plain for side, way in self._ways.items())
        waits = self._waiting or self._stopped
        return ways and self._streams.plain and self._of[Side.SERVER].plain and not waits

    def window(self, side: Side) -> Account:
        """The connection's, for what a side sends."""
        return self._ways[side].windows.connection

    def unfinished(self, side: Side) -> bytes:
        """What has come of a frame that is not whole; it is to come again, with the rest of it."""
        return self._of[side].rest()

    @property
    def timer(self) -> float:
        """When something is due."""
        return min(
            *(way.timer(self._now) for way in self._ways.values()),
            *(updates.timer for updates in self._updates.values()),
        )

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        for side in Side:
            self._ways[side].tick(now)
            self._updates[side].tick(now)

    def release(self, key: str, now: float) -> int:
        """Let go what waits for this key; how many messages did."""
        self._now = now
        return sum(way.release(key, now) for way in self._ways.values())

    def end(self, side: Side, now: float) -> bool:
        """A side ends its direction; whether all has gone. What waits for a key never will."""
        self._now = now
        incoming = self._of[side]
        if rest := incoming.rest():
            self._out(side, rest)
        return self._ways[side].finish(now)
