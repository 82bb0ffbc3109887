"""How fast a capture is read: `chatwire read` beside tshark, in turn, on a capture made here.

Run from the root of the repository as `python -m bench.reading`. The capture has rooms of members
who talk, each on a connection of its own: messages, windows given back, PINGs. Both print their
usual lines to nowhere. tshark has no settings, so it decodes HTTP/2 but no messages; its lines are
packets, ours are frames. Rates are those of HTTP/2 frames for both, in a second of CPU time.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpack import Encoder

from bench.machine import describe
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import CaptureWriter
from chatroom.chatwire.passage import Chunk, Opened, Passage, Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK

MEMBERS = 20
"""Of a room."""
WINDOW_EVERY = 6
"""Writes to a member, until it gives window back and pings."""
START = 1_790_000_000_000_000_000
TEXT_BYTES = 64


def conversation(count: int, batch: int) -> Iterator[tuple[Passage, int]]:
    """Passages with at least so many frames, each with its number of frames. Always the same.

    `batch`: messages that reach a member in one write.
    """
    chance = random.Random(17)
    now, number, made = START, 0, 0
    while made < count:
        room = range(number + 1, number + MEMBERS + 1)
        number += MEMBERS
        for connection in room:
            for passage, here in opening(connection, now):
                yield passage, here
                made += here
        sequence = MEMBERS
        for turn in range(200):
            speaker = chance.choice(room)
            texts = [f"{chance.getrandbits(4 * TEXT_BYTES):0{TEXT_BYTES}x}" for _ in range(batch)]
            now += 1_000_000
            yield sent(speaker, now, Side.CLIENT, [said(text) for text in texts])
            delivered = [heard(text, sequence + place, now) for place, text in enumerate(texts)]
            sequence += batch
            made += batch
            for connection in room:
                now += 10_000
                yield sent(connection, now, Side.SERVER, delivered)
                made += batch
                if turn % WINDOW_EVERY == 0:
                    back = [frames.window_update(0, 5000), frames.ping(now.to_bytes(8, "big"))]
                    yield sent(connection, now + 1000, Side.CLIENT, back)
                    answer = [frames.ping(now.to_bytes(8, "big"), ack=True)]
                    yield sent(connection, now + 2000, Side.SERVER, answer)
                    made += 3
            if made >= count:
                return


def opening(connection: int, now: int) -> Iterator[tuple[Passage, int]]:
    """A connection whose client joins."""
    client = ("127.0.0.1", 20000 + connection % 40000)
    yield Opened(connection=connection, time=now, client=client, server=("127.0.0.1", 8080)), 0
    join = pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name=f"Member {connection}"))
    call = frames.headers(1, Encoder().encode(list(request_headers(CHAT, "localhost:8080"))))
    begin = [PREFACE + frames.settings((4, 4 << 20)), call, data(join)]
    yield sent(connection, now, Side.CLIENT, begin)
    answer = [(b":status", b"200"), (b"content-type", b"application/grpc")]
    head = frames.headers(1, Encoder().encode(answer))
    yield sent(connection, now, Side.SERVER, [frames.settings(), SETTINGS_ACK, head])
    yield sent(connection, now, Side.CLIENT, [SETTINGS_ACK])


def sent(connection: int, now: int, side: Side, parts: list[bytes]) -> tuple[Passage, int]:
    """One write, and how many frames it has."""
    content = b"".join(parts)
    return Chunk(connection=connection, time=now, sender=side, content=content), len(parts)


def data(message: pb.ChatMessage | pb.Message) -> bytes:
    return frames.data(1, envelope(message.SerializeToString()))


def said(text: str) -> bytes:
    return data(pb.ChatMessage(message=pb.Message(message=text)))


def heard(text: str, sequence: int, now: int) -> bytes:
    message = pb.Message(name="Member 7", message=text, sequence=sequence)
    message.sent.FromNanoseconds(now)
    return data(message)


def write(path: Path, count: int, batch: int) -> int:
    """Write the capture; how many frames it has."""
    made = 0
    with CaptureWriter(path, print) as writer:
        for passage, here in conversation(count, batch):
            writer.write(passage)
            made += here
    return made


def cost(command: list[str], settings: Path) -> tuple[float, float]:
    """The CPU seconds that a program takes, and the most MiB, with what it prints thrown away.

    Both do all in one thread. Their time on the clock depends on what else the machine does.
    """
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(settings)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.reading")
    add = parser.add_argument
    add("--frames", type=int, default=500_000, help="in the capture, about (default 500,000)")
    add("--batch", type=int, default=1, help="messages of one write, and packet (default 1)")
    add("--rounds", type=int, default=3, help="of both in turn; the median is shown (default 3)")
    add("--keep", type=Path, help="write the capture here, and leave it there")
    return parser.parse_args()


def main() -> int:
    """Make the capture, read it with both, print rates and their ratio."""
    chosen = arguments()
    ways = {"chatwire": [sys.executable, "-m", "chatroom.chatwire", "read"]}
    if shutil.which("tshark"):
        ways["tshark"] = ["tshark", "-n", "-r"]
    else:
        print("tshark is not installed, and left out")
    print(describe())
    with tempfile.TemporaryDirectory() as directory:
        path = chosen.keep or Path(directory, "chat.pcapng")
        count = write(path, chosen.frames, chosen.batch)
        print(f"{count:,} frames, {path.stat().st_size / 1e6:,.0f} MB")
        taken: dict[str, list[float]] = {way: [] for way in ways}
        memory = dict.fromkeys(ways, 0.0)
        for number in range(chosen.rounds):
            for way, command in ways.items():
                took, most = cost([*command, str(path)], Path(directory))
                taken[way].append(took)
                memory[way] = max(memory[way], most)
                print(f"round {number + 1}  {way:<9} {took:6.1f} s  {count / took:9,.0f} frames/s")
    rates = {way: count / statistics.median(times) for way, times in taken.items()}
    for way, rate in rates.items():
        print(f"median   {way:<9} {rate:18,.0f} frames/s, {memory[way]:,.0f} MiB at most")
    if "tshark" in rates:
        print(f"ratio    {rates['chatwire'] / rates['tshark']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
