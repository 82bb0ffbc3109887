"""How long a search takes in one large room, and what its index costs.

One room of a million messages, of 3 to 16 words that are as frequent as words are (Zipf). Asked of
a server over gRPC is for the newest 20 with a word that is in one message, in one of a thousand,
in every one, and in none. The costs are ratios to storing the same messages.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import grpc

from bench.machine import describe
from bench.servers import Server, launched, temporary
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.core.entry import Entry, Kind, all_stored_bytes
from chatroom.journal import Append, NewRoom
from chatroom.journal.sqlite import SQLiteJournal
from chatroom.server.calls.encode import spoken
from chatroom.wire.envelopes import envelope

VOCABULARY = 30_000
PEOPLE = 200
TURN = 100
"""Messages in an append."""
SECOND = 1_000_000_000
RARE, SOME, EVERY, NONE = "unique", "thousandth", "every", "nowhere"


def turns(messages: int) -> Iterator[list[Entry]]:
    """The messages of a room, some at a time; the same in each run."""
    rng = random.Random(1)
    letters = "abcdefghijklmnoprstuvwyz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(VOCABULARY)]
    frequent = list(accumulate(1 / (rank + 2) for rank in range(VOCABULARY)))
    begun = time.time_ns() - messages * SECOND
    for first in range(1, messages + 1, TURN):
        entries: list[Entry] = []
        for sequence in range(first, min(first + TURN, messages + 1)):
            said = rng.choices(words, cum_weights=frequent, k=rng.randint(3, 16))
            said.append(EVERY)
            if sequence % 1_000 == 1:
                said.append(SOME)
            if sequence == messages // 3 + 1:
                said.append(RARE)
            person = rng.randrange(PEOPLE)
            message = pb.Message(name=f"Person {person}", message=" ".join(said), sequence=sequence)
            sent = begun + sequence * SECOND
            message.sent.FromNanoseconds(sent)
            octets = envelope(message.SerializeToString())
            entries.append(Entry(sequence, sent, Kind.SAID, person + 1, octets))
        yield entries


async def fill(path: Path, messages: int) -> None:
    """Store the messages, index them, and say what each costs."""
    journal = SQLiteJournal(path, sync="normal", spoken=spoken)
    await journal.open()
    room = NewRoom(
        room_id="lobby", epoch="e", created=1, title="", private=False, capacity=0, history=0
    )
    key = (await journal.create_room(room)).facts.key
    storing = counted = 0.0
    for entries in turns(messages):
        begun = time.process_time()
        await journal.append([Append(key, entries)])
        storing += time.process_time() - begun
        counted += all_stored_bytes(entries)
    begun = time.process_time()
    await journal.settle()
    storing += time.process_time() - begun
    begun = time.process_time()
    await journal.index()
    indexing = time.process_time() - begun
    size = journal.index_bytes
    await journal.close()
    file = path.stat().st_size
    print(f"{messages:,} messages, {counted / messages:.0f} bytes each as they are counted")
    print(f"index / messages as they are counted: {size / counted:.3f}")
    print(f"index / the rest of the file:         {size / (file - size):.3f}")
    print(f"indexing / storing, CPU:              {indexing / storing:.2f}")
    print(f"(CPU a message: storing {storing / messages * 1e6:.1f} us,", end=" ")
    print(f"indexing {indexing / messages * 1e6:.1f} us, when the server has time)")


def ask(server: Server, rounds: int) -> None:
    """Search for each word some times, and print the medians, and what the server's CPU did."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = ChatServiceStub(channel)  # type: ignore[no-untyped-call] # generated

        def seconds(query: str) -> tuple[float, int]:
            begun = time.perf_counter()
            request = pb.SearchMessagesRequest(room_id="lobby", query=query)
            found = stub.SearchMessages(request, timeout=60)
            return time.perf_counter() - begun, len(found.messages)

        words = (RARE, SOME, EVERY, NONE, f'"{EVERY} {SOME}" from:"Person 7"')
        print(f"\n{'query':<36}{'found':>6}{'median':>11}{'longest':>11}{'server CPU':>13}")
        for word in words:
            count = seconds(word)[1]
            before = server.cost().cpu
            times = [seconds(word)[0] * 1e3 for _ in range(rounds)]
            cpu = (server.cost().cpu - before) / rounds * 1e3
            median = statistics.median(times)
            print(f"{word:<36}{count:>6}{median:>8.1f} ms{max(times):>8.1f} ms{cpu:>10.1f} ms")


def main() -> int:
    """Fill a journal, start a server over it, and ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data-below", type=Path, help="the directory for the journal")
    given = parser.parse_args()
    print(" ".join(f"{name}: {value};" for name, value in describe().items()))
    with temporary(given.data_below) as directory:
        data = directory / "data"
        data.mkdir()
        asyncio.run(fill(data / "chatroom.db", given.messages))
        command = [
            "-m", "chatroom.server", "--bind", "127.0.0.1:0", "--data", str(data),
            "--sync", "normal", "--keep-entries", str(given.messages), "--keep-bytes", "1G",
            "--address-searches", "0",
        ]  # fmt: skip
        with launched(command, directory) as server:
            ask(server, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
