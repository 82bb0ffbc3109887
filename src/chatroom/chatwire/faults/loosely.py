"""HTTP/2 under a plan whose server is looked at later, for as long as no rule is about a call.

Nearly all bytes of most connections are a server's, of calls that nothing happens to. They pass
first. Whole frames of DATA are counted, the rest is looked at many bytes at a time: a look at each
read costs a third of what passing it does.
What decides is what clients send: from a request on that a rule is about, all is looked at as it
comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.faults.http2 import Http2Faults
from chatroom.chatwire.faults.incoming import ending, missing_bytes, skimmed
from chatroom.chatwire.passage import Side
from chatroom.wire.http2.frames import HEADER_BYTES, unpack_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.faults.choosing import Choosing
    from chatroom.chatwire.faults.grammar import Rule
    from chatroom.chatwire.faults.telling import Out, Tell, Touch

AHEAD_BYTES = 64 << 10
"""Of a server, that may pass and be kept before they are looked at."""


class Ahead:
    """What a side has sent that passed before it was looked at; nothing, but for a server."""

    __slots__ = ("_look", "data", "room", "unread")

    def __init__(self, look: Callable[[], None]) -> None:
        """`look` is called where there is no more room: perhaps there is some after it."""
        self._look = look
        self.room = 0
        """Fewer bytes than these may pass and be kept."""
        self.data = 0
        """Bytes of DATA in whole frames that have passed; they came before those in `unread`."""
        self.unread: list[bytes] = []

    def take(self, content: bytes) -> bool:
        """Whether these bytes may pass now; then they are taken down.

        Of a frame of DATA that came alone only the length is: to keep what every read brings costs
        more than all else that is done with it, as memory that is not in the cache.
        """
        size = len(content)
        if size >= self.room:
            if self.unread:
                self._look()
            if size >= self.room:
                return False
        flow = size - HEADER_BYTES
        if flow >= 0 and not self.unread and unpack_word(content, 0)[0] == flow << 8:
            self.data += flow
        else:
            self.room -= size
            self.unread.append(content)
        return True


class LooselyHttp2:
    """As `Http2Faults`, but what the server sends may have passed before, up to within a frame."""

    def __init__(
        self,
        choosing: Choosing,
        out: Out,
        tell: Tell,
        moment: Callable[[Rule], bool],
        ahead: Ahead,
    ) -> None:
        """`ahead`: of the server. It begins at the border of a frame."""
        self._out = out
        self._strictly = Http2Faults(choosing, self._send, tell, moment)
        self._ahead = ahead
        self._now = 0.0
        self._loose = False
        """Whether what the server sends passes first."""
        self._passed = 0
        """So many of the bytes that are to be sent next for the server have passed already."""
        self._feeding = False
        """Whether what is sent for the server now is what it has sent."""
        self._held: list[tuple[bytes, Touch | None, int]] = []
        """The tap's own frames, until that of the server is whole of which a part has passed."""

    def passes(self, side: Side, content: bytes) -> int:
        """See `Http2Faults.passes`."""
        if side is Side.SERVER and (self._loose or self._passed):
            return 0
        return self._strictly.passes(side, content)

    def look(self) -> None:
        """Look at what has passed, and let more pass, as long as that is so little."""
        if not self._loose:
            return
        unread = self._ahead.unread
        self._charge()
        window = self._strictly.window(Side.SERVER)
        left, used = skimmed(unread, window.receiver)
        window.move(-used)
        if not left:
            unread.clear()
            self._ahead.room = AHEAD_BYTES
            return
        rest = ending(unread, left)
        rest = rest[self._strictly.passes(Side.SERVER, rest) :]
        unread[:] = [rest] if rest else []
        missing = missing_bytes(rest)
        if not rest or missing:
            self._ahead.room = AHEAD_BYTES + missing
            return
        self._look(self._now)
        self._loosen()

    def feed(self, side: Side, content: bytes, now: float) -> None:
        """See `Http2Faults.feed`."""
        self._now = now
        self._look(now)
        self._feed(side, content, now)
        self._loosen()

    def at_once(self, rule: Rule) -> None:
        """See `Http2Faults.at_once`."""
        self._look(0.0)
        self._strictly.at_once(rule)

    def release(self, key: str, now: float) -> int:
        """See `Http2Faults.release`."""
        self._look(now)
        return self._strictly.release(key, now)

    def tick(self, now: float) -> None:
        """See `Http2Faults.tick`."""
        if not self._loose:
            self._strictly.tick(now)

    def end(self, side: Side, now: float) -> bool:
        """See `Http2Faults.end`."""
        self._look(now)
        self._feeding = side is Side.SERVER
        gone = self._strictly.end(side, now)
        self._feeding = False
        return gone

    def full(self, side: Side) -> bool:
        """See `Http2Faults.full`."""
        return self._strictly.full(side)

    @property
    def calm(self) -> bool:
        """See `Http2Faults.calm`."""
        return self._loose or self._strictly.calm

    @property
    def timer(self) -> float:
        """See `Http2Faults.timer`."""
        return self._strictly.timer

    # ---- Looking ------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Look at what has passed; from here on nothing passes before it is looked at."""
        self._ahead.room = 0
        if not self._loose:
            return
        self._charge()
        content = b"".join(self._ahead.unread)
        self._ahead.unread.clear()
        self._loose = False
        self._passed = len(content)
        if content:
            self._feed(Side.SERVER, content, now)

    def _charge(self) -> None:
        self._strictly.window(Side.SERVER).move(-self._ahead.data)
        self._ahead.data = 0

    def _loosen(self) -> None:
        """Have what the server sends pass first from here on, if nothing could happen to it."""
        if not self._strictly.plain or self._held:
            return
        rest = self._strictly.unfinished(Side.SERVER)
        if len(rest) > self._passed:
            self._out(Side.SERVER, rest[self._passed :])
        self._loose, self._passed = True, 0
        self._ahead.room = AHEAD_BYTES + missing_bytes(rest)
        if rest:
            self._ahead.unread.append(rest)

    def _feed(self, side: Side, content: bytes, now: float) -> None:
        self._feeding = side is Side.SERVER
        self._strictly.feed(side, content, now)
        self._feeding = False

    def _send(self, side: Side, raw: bytes, touch: Touch | None = None, unsent: int = 0) -> None:
        if side is Side.CLIENT or not self._passed:
            self._out(side, raw, touch, unsent)
        elif not self._feeding:
            self._held.append((raw, touch, unsent))
        else:
            passed = min(self._passed, len(raw))
            self._passed -= passed
            if passed < len(raw):
                self._out(side, raw[passed:], touch, unsent)
            if not self._passed:
                held, self._held = self._held, []
                for one in held:
                    self._out(side, *one)
