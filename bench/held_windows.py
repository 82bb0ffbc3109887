"""Whether streams whose windows stay closed hold up another stream of their connection.

Run from the root of the repository as `python -m bench.held_windows`. The members on 60
streams of one connection never give window back, while somebody talks in their room, for
longer than it takes to use their windows up. Then one more stream of that connection joins
a quiet room: its time is from the request until its own arrival is there (RFC 9113, 5.2:
flow control is what keeps streams of one connection from interfering with each other).
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.contestants import OURS, crowd
from bench.grpc_crowd import GrpcCrowd, GrpcMember
from bench.http2_sink import Connection
from bench.machine import describe
from bench.options import add_contest_options, contest_of, run_cleanly
from bench.rooms import Place, join_all
from bench.sockets import WireError
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2.frames import DEFAULT_WINDOW

if TYPE_CHECKING:
    from bench.servers import Server

BUSY, QUIET = "held-busy", "held-quiet"
TEXT = "." * 4000
SERVED_SECONDS = 60
"""How long the last stream is waited for."""


class HeldMember(GrpcMember):
    """A member whose stream the server may end: it takes nothing."""

    __slots__ = ("over",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.over = False

    def ended(self, _headers: dict[str, str]) -> None:
        self.over = True


@dataclass(frozen=True, slots=True)
class Held:
    """What one more stream met."""

    closed: int
    """Streams whose windows were used up when it began."""
    streams: int
    served: float
    """Seconds until its own arrival was there."""
    ended: int
    """Streams that the server had ended by then."""
    resident: int
    """Bytes of the server more than before the talk."""


def measure(server: Server, members: GrpcCrowd, streams: int, talk: int) -> Held:
    """Close the windows of `streams`, talk `talk` bytes to each more, and join once more."""
    loop = members.loop
    (talking,) = members.connect(1)
    members.create(talking, (BUSY, QUIET))
    shared = Connection(loop, server.port, DEFAULT_WINDOW, held=True)
    held = [HeldMember(Place(BUSY, f"held {number}")) for number in range(streams)]
    for member in held:
        member.join(shared)
    loop.until(lambda: all(m.entered for m in held), SERVED_SECONDS, "the members to be held")
    # The speaker and a witness, whose windows are open: what the witness has, was sent to all.
    speaker, witness = (
        _reader(member)
        for member in join_all(members, [Place(BUSY, "speaker"), Place(BUSY, "witness")], [talking])
    )
    before = server.cost().resident
    request = chat_pb2.ChatMessage(message=chat_pb2.Message(message=TEXT))
    message = envelope(request.SerializeToString())
    said = witness.used
    while said < DEFAULT_WINDOW + talk:
        said += len(message)
        speaker.send(message)
    loop.until(lambda: witness.used >= said, SERVED_SECONDS, "the talk")

    def closed() -> int:
        return sum(member.used > DEFAULT_WINDOW - len(message) for member in held)

    loop.until(lambda: closed() == streams, SERVED_SECONDS, "the windows to be used up")
    one_more = GrpcMember(Place(QUIET, "one more"))
    begin = time.monotonic()
    one_more.join(shared)
    loop.until(lambda: one_more.entered, SERVED_SECONDS, "one more stream")
    return Held(
        closed=closed(),
        streams=streams,
        served=time.monotonic() - begin,
        ended=sum(member.over for member in held),
        resident=server.cost().resident - before,
    )


def _reader(member: object) -> GrpcMember:
    assert isinstance(member, GrpcMember)
    return member


def row(peer: str, held: Held) -> str:
    return (
        f"  {peer:<10}{held.closed:>10} of {held.streams:<3}{held.served * 1e3:>14.1f}"
        f"{held.ended:>12}{held.resident / 2**20:>12.1f}"
    )


def run(chosen: argparse.Namespace) -> int:
    contest, peers = contest_of(chosen)
    machine = describe()
    print(
        f"{machine['cpus']} CPUs, Python {machine['python']}, {machine['system']}\n"
        f"{chosen.streams} streams of one connection stay closed; one more on it joins\n"
        f"  {'':<10}{'windows closed':>17}{'served in ms':>14}{'ended':>12}{'MiB more':>12}",
        flush=True,
    )
    for peer in peers:
        for _ in range(chosen.rounds):
            with contest.running(peer) as server, crowd(peer, server.port) as members:
                if not isinstance(members, GrpcCrowd):
                    print(f"{peer} has no streams")
                    break
                try:
                    print(row(peer, measure(server, members, chosen.streams, chosen.talk * 1024)))
                except WireError as error:
                    print(f"  {peer:<10} {error}", flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.held_windows")
    add = parser.add_argument
    add("--streams", type=int, default=60, help="whose windows stay closed (default 60)")
    add("--talk", type=int, default=256, metavar="KIB", help="to each once its window is closed")
    add("--rounds", type=int, default=1)
    add_contest_options(parser, (OURS, "grpc-go"))
    chosen = parser.parse_args()
    return run_cleanly("held_windows", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
