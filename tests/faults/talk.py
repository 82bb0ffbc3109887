"""A steady talk: members that speak at a fixed rate, and check all that they hear."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable

from bench.http2_sink import Loop
from chatroom.api.rpc import chat_pb2 as pb

from .voices import Peer, Voice, connect, join_all


class Listener(Voice):
    """Hears every message of every other member exactly once and in order, or fails."""

    def __init__(self, room: str, name: str) -> None:
        super().__init__(room, name)
        self.latencies: list[int] = []
        """Nanoseconds from saying to hearing, since they were last cleared."""
        self.newest = 0
        self.heard: defaultdict[str, int] = defaultdict(int)
        """How many messages of each member."""
        self.entered: set[str] = set()
        self.left: set[str] = set()
        self.said = 0
        self._text_bytes = 0

    def speak(self, text_bytes: int) -> None:
        """Say the next message: its number, the time, and padding."""
        text = f"{self.said} {time.monotonic_ns()} ".ljust(text_bytes, ".")
        self.said += 1
        self.say(text)

    def take(self, message: pb.Message) -> None:
        now = time.monotonic_ns()
        if message.sequence:
            assert message.sequence > self.newest, f"{self.name} hears {message.sequence} late"
            self.newest = message.sequence
        if message.HasField("left"):
            self.left.add(message.name)
        elif message.HasField("entered"):
            self.entered.add(message.name)
        else:
            number, said, _ = message.message.split(" ", 2)
            assert self.heard[message.name] == int(number), f"of {message.name}"
            self.heard[message.name] += 1
            self.latencies.append(now - int(said))


class Talk:
    """`count` members in one room, of whom the first half speaks in turn."""

    def __init__(self, port: int, room: str, *, count: int, per_second: int, text_bytes: int):
        self.loop = Loop()
        self.peers: list[Peer] = connect(self.loop, port, 4)
        self.listeners = [Listener(room, f"talker {number}") for number in range(count)]
        self._speakers = self.listeners[: count // 2]
        self._seconds = 1 / per_second
        self._text_bytes = text_bytes
        self._turn = 0
        join_all(self.loop, self.listeners, self.peers)

    def bring_in(self, listener: Listener, peer: Peer) -> None:
        """One more who only hears, on a connection of its own; before the first word."""
        join_all(self.loop, [listener], [peer])
        self.listeners.append(listener)

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Talk until `done`, or for so many seconds; whether it is done."""
        now = time.monotonic()
        deadline, due = now + seconds, now
        while not (finished := done()) and now < deadline:
            while due <= now:
                self._speakers[self._turn % len(self._speakers)].speak(self._text_bytes)
                self._turn += 1
                due += self._seconds
            self.loop.turn(min(due, deadline) - now)
            now = time.monotonic()
        return finished

    def latest(self) -> float:
        """Seconds that the slowest delivery took since `p99` was last asked."""
        return max(each for listener in self.listeners for each in listener.latencies) / 1e9

    def p99(self) -> float:
        """Seconds that 99 of 100 deliveries took at most, since this was last asked.

        Not a number if there were none.
        """
        found = sorted(each for listener in self.listeners for each in listener.latencies)
        for listener in self.listeners:
            listener.latencies.clear()
        return found[len(found) * 99 // 100] / 1e9 if found else math.nan

    def finish(self) -> None:
        """Say no more; everyone has heard everything then, or this fails."""
        self.loop.until(self._all_heard, 60, "the last messages")

    def _all_heard(self) -> bool:
        return all(
            listener.heard[speaker.name] == speaker.said
            for listener in self.listeners
            for speaker in self._speakers
            if listener is not speaker
        )

    def close(self) -> None:
        self.loop.close()
