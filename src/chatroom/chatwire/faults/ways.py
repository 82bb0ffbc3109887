"""One direction of an HTTP/2 connection: what comes, waits, and goes on within the windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from chatroom.chatwire.faults.blocks import Blocks, Fields, rewritten
from chatroom.chatwire.faults.giving import Giver
from chatroom.chatwire.faults.lanes import Lane, Late, Piece, copies, wait
from chatroom.chatwire.faults.telling import Emit, Tell, Touch
from chatroom.chatwire.faults.windows import Windows
from chatroom.chatwire.passage import Doing, How, Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import END_STREAM, HEADER_BYTES, MAX_FRAME_BYTES

if TYPE_CHECKING:
    from chatroom.chatwire.faults.choosing import Call, Verdict

REFRAMED = Touch(How.ALTERED, note="in frames of the tap's")


class Way:
    """What one side sends, on its way to the other.

    `emit` sends to the receiver in the sender's name, `back` to the sender in the receiver's.
    """

    def __init__(
        self,
        side: Side,
        emit: Emit,
        back: Emit,
        tell: Tell,
        judge: Callable[[Call, Side, bytes], Verdict | None],
        happen: Callable[[Verdict, int], bool],
        ended: Callable[[Side, int], None],
    ) -> None:
        """`judge` tells what is to happen to a message.

        `happen` has happen what happens before it passes, and says whether it may still pass.
        `ended` hears that the receiver was sent the end of a stream.
        """
        self.side = side
        self.windows = Windows()
        self.blocks = Blocks()
        self.lanes: dict[int, Lane] = {}
        self.waiting = 0
        """Bytes of DATA in them."""
        self._giver = Giver(self.windows, back)
        self._emit = emit
        self._tell = tell
        self._judge = judge
        self._happen = happen
        self._ended = ended

    @property
    def plain(self) -> bool:
        """Whether all goes on as it comes."""
        return not self.lanes and self.windows.plain and not self.blocks.own

    def lost(self, count: int) -> None:
        """Bytes of a stream that is over have come: the connection's window is given back."""
        self.windows.sent(0, count)
        self._giver.lost(count)

    def open(self, stream: int, call: Call) -> None:
        """Follow a stream whose messages may be altered."""
        self.windows.open(stream)
        self.lanes[stream] = Lane(stream, call)

    # ---- DATA ---------------------------------------------------------------------------

    def data(self, stream: int, flags: int, raw: bytes, now: float) -> None:
        """A DATA frame has come."""
        flow = len(raw) - HEADER_BYTES
        self.windows.sent(stream, flow)
        lane = self.lanes.get(stream)
        if lane is None:
            connection = self.windows.connection
            if connection.receiver >= flow or connection.broken:
                connection.receiver -= flow
                self._emit(raw)
                if flags & END_STREAM:
                    self._ended(self.side, stream)
                return
            lane = self.lanes[stream] = Lane(stream)
        end = bool(flags & END_STREAM)
        lane.ended = lane.ended or end
        try:
            content = frames.unpadded(flags, raw[HEADER_BYTES:])
        except frames.ConnectionFault:
            lane.queue.append(Piece(raw=raw, came=now, end=end))  # the receiver will say so
        else:
            self._content(lane, content, raw, end, now)
        self.pump(lane, now)
        self._settle(lane)
        if any(one.late for one in self.lanes.values()):
            self._giver.reopen()

    def _content(self, lane: Lane, content: bytes, raw: bytes, end: bool, now: float) -> None:
        if lane.call is None or (lane.idle and not lane.call.rules[self.side]):
            lane.queue.append(Piece(content=content, raw=raw, end=end, came=now))
            return
        whole = not (lane.buffer or lane.skip or lane.late)
        fresh: list[Piece] = []
        run = bytearray()
        touched = False
        parts = list(lane.feed(content))
        for place, (part, is_message) in enumerate(parts):
            verdict = self._judge(lane.call, self.side, part) if is_message else None
            if verdict is not None and verdict.moments:
                touched = touched or bool(fresh or run)
                self._queue(lane, fresh, run, now)
                if not self._happen(verdict, lane.stream):
                    left = len(raw) - HEADER_BYTES - len(content)  # padding
                    self._giver.lost(left + sum(len(one) for one, _ in parts[place:]))
                    return
                if len(verdict.rules) == len(verdict.moments):
                    verdict = None
            if verdict is None and not lane.late:
                run += part
                continue
            touched = True
            if run:
                fresh.append(Piece(content=bytes(run), came=now))
                run.clear()
            self._verdict(lane, fresh, part, verdict, now)
        if whole and not touched and not lane.buffer:
            fresh = [Piece(content=content, raw=raw, end=end, came=now)]
            lane.queue.extend(fresh)
            return
        alone = whole and len(parts) == 1 and bool(fresh) and fresh[0].content is parts[0][0]
        if alone and not lane.buffer and not (end and (len(fresh) > 1 or lane.late)):
            fresh[0].raw, fresh[0].end = raw, end  # a message in a frame of its own keeps that
            lane.queue.extend(fresh)
            return
        if run:
            fresh.append(Piece(content=bytes(run), came=now))
        padding = len(raw) - HEADER_BYTES - len(content)
        self._giver.credit(lane, padding)
        for piece in fresh:
            piece.touch = piece.touch or REFRAMED
        lane.queue.extend(fresh)
        if end:
            self._finish(lane, now)

    def _queue(self, lane: Lane, fresh: list[Piece], run: bytearray, now: float) -> None:
        """Let go what came before something happens."""
        if run:
            fresh.append(Piece(content=bytes(run), came=now))
            run.clear()
        for piece in fresh:
            piece.touch = piece.touch or REFRAMED
        lane.queue.extend(fresh)
        fresh.clear()
        self.pump(lane, now)

    def _verdict(
        self, lane: Lane, fresh: list[Piece], part: bytes, verdict: Verdict | None, now: float
    ) -> None:
        """Queue a message as its verdict says, and what was to go behind it."""
        if verdict is not None and verdict.drop is not None:
            self._tell(self.side, Doing.DROPS, verdict.drop.text, "", lane.stream, part, len(part))
            self._giver.credit(lane, len(part))
            return
        pieces = [Piece(content=part, came=now, message=part)]
        late = 0
        if verdict is not None:
            self._times(lane, pieces, verdict, now)
            late = verdict.behind
        if late and verdict is not None and verdict.reorder is not None:
            rule = verdict.reorder.text
            self._tell(self.side, Doing.HOLDS, rule, f"behind {late}", lane.stream, part)
            for piece in pieces:
                piece.touch = piece.touch or Touch(How.HELD, rule, f"behind {late}")
                lane.late.append(Late(piece, late + 1))
                self._count(piece, piece.flow)
            self._giver.advance(lane, len(part))  # what is to go first must be able to come
        else:
            fresh.extend(pieces)
        for one in lane.late:
            one.behind -= 1
        fresh.extend(one.piece for one in lane.late if one.behind <= 0)
        lane.late = [one for one in lane.late if one.behind > 0]

    def _times(self, lane: Lane, pieces: list[Piece], verdict: Verdict, now: float) -> None:
        first = pieces[0]
        if verdict.delay is not None or verdict.hold is not None:
            touch = wait(first, verdict, now)
            note = touch.note or f'until key "{first.key}"'
            self._tell(self.side, Doing.HOLDS, touch.rule, note, lane.stream, first.message)
        if verdict.double is not None:
            pieces += copies(first, verdict.times, verdict.double)
            self.windows.owe(lane.stream, len(first.content) * (verdict.times - 1))

    # ---- What comes behind ----------------------------------------------------------------

    def block(
        self, stream: int, raw: bytes, fields: Fields | None, end: bool, now: float,
        touch: Touch | None = None,
    ) -> None:  # fmt: skip
        """A header block has come, in the order of all blocks; with `touch` it was altered."""
        lane = self.lanes.get(stream)
        piece = Piece(raw=raw, fields=fields, block=True, end=end, came=now, touch=touch)
        if lane is None:
            self._write_block(stream, piece)
            return
        lane.ended = lane.ended or end
        if end:
            self._finish(lane, now, last=False)
        if lane.queue:
            self.blocks.take_over()  # others may overtake it
        lane.queue.append(piece)
        self.pump(lane, now)
        self._settle(lane)

    def close_with_data(self, stream: int, touch: Touch, now: float) -> None:
        """End the stream with an empty DATA frame, in place of trailers."""
        lane = self.lanes.get(stream)
        if lane is None:
            self._emit(frames.data(stream, b"", end=True), touch)
            self._ended(self.side, stream)
            return
        lane.ended = True
        self._finish(lane, now, last=False)
        lane.queue.append(Piece(end=True, came=now, touch=touch))
        self.pump(lane, now)
        self._settle(lane)

    def _finish(self, lane: Lane, now: float, *, last: bool = True) -> None:
        """No more messages will come: what was to go behind others goes. `last`: and the end."""
        lane.queue.extend(one.piece for one in lane.late)
        lane.late.clear()
        if lane.buffer:
            lane.queue.append(Piece(content=bytes(lane.buffer), came=now, touch=REFRAMED))
            lane.buffer.clear()
        if last:
            if not lane.queue or lane.queue[-1].block:
                lane.queue.append(Piece(came=now, touch=REFRAMED))
            lane.queue[-1].end = True

    # ---- On and out ---------------------------------------------------------------------

    def pump(self, lane: Lane, now: float) -> None:
        """Let go what may go, and see to it that a message that has begun can become whole."""
        queue = lane.queue
        while queue and queue[0].ready <= now:
            piece = queue.popleft()  # before it goes: its end may end the stream
            if piece.block:
                self._write_block(lane.stream, piece)
            elif not self._write_data(lane, piece):
                queue.appendleft(piece)
                break
            self._count(piece, 0)
            if self.lanes.get(lane.stream) is not lane:
                return  # both sides are through with it
        for piece in reversed(queue):
            if piece.waited:
                break
            piece.waited = True
            self._count(piece, piece.flow)
        if not queue and not lane.ended:
            self._giver.lend(lane)

    def _count(self, piece: Piece, size: int) -> None:
        """A piece has so many bytes that wait, from here on."""
        self.waiting += size - piece.counted
        piece.counted = size

    def _settle(self, lane: Lane) -> None:
        """Follow a stream no longer than there is reason to."""
        if self.lanes.get(lane.stream) is lane and lane.idle and not self._needed(lane):
            del self.lanes[lane.stream]
            self.windows.close(lane.stream)

    def _needed(self, lane: Lane) -> bool:
        if lane.call is not None and lane.call.rules[self.side] and not lane.ended:
            return True
        account = self.windows.streams.get(lane.stream)
        return account is not None and account.debt > 0 and not lane.ended

    def _write_block(self, stream: int, piece: Piece) -> None:
        touch = piece.touch
        if piece.fields is None or not self.blocks.own:
            self.blocks.passed()
            raw = piece.raw
        else:
            raw = rewritten(piece.raw, stream, self.blocks.written(piece.fields), piece.end)
            touch = touch or Touch(How.ALTERED, note="fields as they were, encoded by the tap")
        if piece.waited:
            touch = touch if piece.touch else Touch(How.HELD, note="behind what is held")
        self._emit(raw, touch)
        if piece.end:
            self._ended(self.side, stream)

    def _write_data(self, lane: Lane, piece: Piece) -> bool:
        """Pass on a piece, or as much of it as the windows take; whether all of it went."""
        stream, windows = lane.stream, self.windows
        touch = piece.touch
        if piece.waited and touch is None:
            touch = Touch(How.HELD, note="behind what is held, or for want of window")
        if piece.raw:
            flow = piece.flow
            if windows.room(stream) >= flow or windows.broken(stream):
                windows.passed(stream, flow)
                self._emit(piece.raw, touch)
                if piece.end:
                    self._ended(self.side, stream)
                return True
            self._giver.credit(lane, flow - len(piece.content))
            piece.raw, piece.touch = b"", REFRAMED
        while True:
            room = min(windows.room(stream), MAX_FRAME_BYTES)
            if room <= 0 and piece.content:
                if not windows.broken(stream):
                    return False
                room = MAX_FRAME_BYTES  # its sender does not keep to the windows either
            part, piece.content = piece.content[: max(room, 0)], piece.content[max(room, 0) :]
            windows.passed(stream, len(part))
            last = not piece.content
            unsent = len(part) if piece.unsent else 0
            self._emit(frames.data(stream, part, end=piece.end and last), touch, unsent)
            if last:
                break
        if piece.end:
            self._ended(self.side, stream)
        return True

    # ---- Time, keys, windows ------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Let go what is due."""
        for lane in [lane for lane in self.lanes.values() if lane.queue]:
            if self.lanes.get(lane.stream) is lane:
                self.pump(lane, now)
                self._settle(lane)

    def release(self, key: str, now: float) -> int:
        """Let go what waits for this key; how many messages did."""
        count = 0
        for lane in self.lanes.values():
            for piece in [*lane.queue, *(late.piece for late in lane.late)]:
                if piece.key and piece.key == key:
                    piece.key, piece.ready = "", now
                    if piece.touch is not None:
                        note = f"{now - piece.came:.3f} s"
                        piece.touch = Touch(piece.touch.how, piece.touch.rule, note)
                    count += 1
        self.tick(now)
        return count

    def timer(self, now: float) -> float:
        """When something is due; what could go now waits for window, and for no time."""
        if not self.lanes:
            return math.inf
        times = (lane.ready for lane in self.lanes.values())
        return min((ready for ready in times if ready > now), default=math.inf)

    def finish(self, now: float) -> bool:
        """The connection's direction ends; whether all has gone. What needs a key never goes."""
        for lane in list(self.lanes.values()):
            if any(piece.key for piece in (*lane.queue, *(late.piece for late in lane.late))):
                self.close(lane.stream, "its connection has ended")
            else:
                self._finish(lane, now, last=False)
        self.tick(now)
        return not any(lane.queue for lane in self.lanes.values())

    def close(self, stream: int, why: str) -> None:
        """The stream is over for both sides: what waits on it never goes."""
        lane = self.lanes.pop(stream, None)
        self.windows.close(stream)
        if lane is None:
            return
        lost = 0
        for piece in lane.undelivered():
            self._count(piece, 0)
            if piece.block:
                if not self.blocks.own:
                    self.blocks.take_over()
                continue
            if piece.unsent:
                self.windows.owe(0, -len(piece.content))
                continue
            lost += piece.flow
            if piece.flow:
                rule = piece.touch.rule if piece.touch else ""
                content = piece.content if piece.message else b""
                self._tell(self.side, Doing.DROPS, rule, why, stream, content, piece.flow)
        self._giver.lost(lost)
