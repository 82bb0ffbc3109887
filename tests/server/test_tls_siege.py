"""Handshakes in great number, and such as never end: a pair chats on, and newcomers come in.

Afterwards memory, tasks and descriptors are what they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chatroom.client import Kind, Room, connect
from chatroom.client import Tls as ClientTls
from chatroom.core.limits import Limits
from chatroom.server.dev_certificates import Made, make
from chatroom.server.port.handshakes import Handshakes
from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.settings import Tls
from tests.carriers import run
from tests.server.services import running

ELSEWHERE = "127.0.0.2"
"""Where the attacker comes from: another network than the pair's."""
HELLO = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(200)
"""The first part of a ClientHello: its record has 512 bytes."""
MOST = 40
FEW = 5
LEAST = 30
"""What the pair says, however short the attack is."""
LAST = "that was all"
LEFT_OVER_BYTES = 16 * 1024 * 1024
"""Allocators keep some."""


@dataclass
class Siege:
    """What a test of an attack needs."""

    port: int
    tls: ClientTls
    handshakes: Handshakes
    attackers: list[socket.socket]

    async def attack(self, first: bytes) -> socket.socket:
        """A connection from elsewhere that has said this."""
        made = socket.socket()
        self.attackers.append(made)
        made.setblocking(False)
        made.bind((ELSEWHERE, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(made, ("127.0.0.1", self.port))
        with contextlib.suppress(ConnectionError):
            await loop.sock_sendall(made, first)
        return made

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until the counters say so."""
        async with asyncio.timeout(20):
            while not reached():
                await asyncio.sleep(0.01)

    async def newcomer(self) -> None:
        """Somebody who comes in meanwhile, and goes."""
        async with (
            asyncio.timeout(20),
            connect(f"localhost:{self.port}", tls=self.tls) as chat,
            chat.join("lobby", "newcomer"),
        ):
            pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with socket.socket() as probe:
        try:
            probe.bind((ELSEWHERE, 0))
        except OSError:
            pytest.skip(f"{ELSEWHERE} is no address of this machine")
    return make(tmp_path_factory.mktemp("dev"), (), (), seconds=3600, force=False)


@contextlib.asynccontextmanager
async def besieged(made: Made, limits: TlsLimits) -> AsyncIterator[Siege]:
    """A server with a pair that chats from here to the end of the block, and misses nothing.

    Afterwards there is no more in use than before.
    """
    server_tls = Tls(certificate=made.server.certificate, key=made.server.key)
    tls = ClientTls(ca=made.ca)
    async with (
        running(
            tls=server_tls,
            tls_limits=limits,
            rooms=("lobby",),
            limits=Limits(message_rate=100),
        ) as server,
        connect(f"localhost:{server.port}", tls=tls) as one,
        connect(f"localhost:{server.port}", tls=tls) as other,
        one.join("lobby", "Ann") as ann,
        other.join("lobby", "Bob") as bob,
    ):
        handshakes = server.service.handshakes
        assert handshakes is not None
        siege = Siege(server.port, tls, handshakes, [])
        resident, descriptors, tasks = in_use()
        over = asyncio.Event()
        hearing = asyncio.create_task(_hear(bob))
        speaking = asyncio.create_task(_speak(ann, over))
        try:
            yield siege
            over.set()
            said, heard = await asyncio.wait_for(asyncio.gather(speaking, hearing), 20)
            assert said == heard
        finally:
            hearing.cancel()
            speaking.cancel()
            for attacker in siege.attackers:
                attacker.close()
        await siege.until(lambda: siege.handshakes.under_way == 0)
        await siege.until(lambda: in_use()[1] <= descriptors and in_use()[2] <= tasks)
        assert in_use()[0] <= resident + LEFT_OVER_BYTES


def in_use() -> tuple[int, int, int]:
    """Bytes in memory and descriptors of this process, and tasks of the server in it."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    tasks = [each.get_coro() for each in asyncio.all_tasks()]
    ours = [each for each in tasks if "chatroom/server" in each.cr_code.co_filename]
    return int(found[1]) * 1024, descriptors, len(ours)


async def _speak(room: Room, over: asyncio.Event) -> list[str]:
    """Say something until it is over; all that was said. The server's rate is the pace."""
    said: list[str] = []
    while not over.is_set() or len(said) < LEAST:
        said.append(f"said {len(said)}")
        await room.send(said[-1])
    said.append(LAST)
    await room.send(LAST)
    return said


async def _hear(room: Room) -> list[str]:
    heard: list[str] = []
    async for message in room:
        if message.name == "Ann" and message.kind is Kind.SAID:
            heard.append(message.text)
            if message.text == LAST:
                break
    return heard


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(scene())


def test_half_open_handshakes_keep_nobody_out(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    """However many one network begins, it ends its own oldest; a newcomer has room."""

    async def scene() -> None:
        async with besieged(made, TlsLimits(handshakes=FEW)) as siege:
            for _ in range(2 * FEW):
                await siege.attack(HELLO)
            await siege.until(lambda: siege.handshakes.crowded_out >= FEW)
            assert FEW == siege.handshakes.under_way
            newcomer = asyncio.create_task(siege.newcomer())
            while not newcomer.done():
                await siege.attack(HELLO)
            await newcomer
            assert siege.handshakes.begun - siege.handshakes.crowded_out - FEW <= 3  # the others

    play(scene)
    told = [line for line in caplog.messages if "its TLS handshake is ended to make room" in line]
    assert 1 == len(told)
    assert told[0].startswith(f"{ELSEWHERE}:")


@pytest.mark.parametrize("slow", [b"", HELLO], ids=["nothing", "a byte now and then"])
def test_slow_loris(made: Made, slow: bytes) -> None:
    """Time is up for a handshake, however its bytes come."""

    async def scene() -> None:
        async with besieged(made, TlsLimits(handshake_seconds=1.0)) as siege:
            loop = asyncio.get_running_loop()
            attackers = [await siege.attack(b"") for _ in range(MOST)]
            said = 0

            def ended() -> bool:
                return siege.handshakes.late >= MOST

            async with asyncio.timeout(20):
                while not ended():
                    for attacker in attackers:
                        with contextlib.suppress(ConnectionError):
                            await loop.sock_sendall(attacker, slow[said : said + 1])
                    said += 1
                    await asyncio.sleep(0.05)
            await siege.newcomer()
            assert MOST == siege.handshakes.late

    play(scene)


def test_whole_handshakes_in_great_number(made: Made) -> None:
    """Each costs CPU; those of one network have their turns, and the pair's messages theirs."""
    context = ssl.create_default_context(cafile=made.ca)

    def shake_hands(port: int) -> None:
        where, source = ("127.0.0.1", port), (ELSEWHERE, 0)
        with (
            socket.create_connection(where, timeout=20, source_address=source) as raw,
            context.wrap_socket(raw, server_hostname="localhost"),
        ):
            pass

    async def scene() -> None:
        async with besieged(made, TlsLimits()) as siege:
            before = siege.handshakes.begun
            hands = (asyncio.to_thread(shake_hands, siege.port) for _ in range(5 * MOST))
            await asyncio.gather(*hands)
            await siege.newcomer()
            assert siege.handshakes.begun >= before + 5 * MOST
            assert (0, 0) == (siege.handshakes.crowded_out, siege.handshakes.late)

    play(scene)


def test_what_is_no_handshake_is_counted(made: Made) -> None:
    """Another protocol, garbage within TLS, and a peer that goes away."""

    async def scene() -> None:
        async with besieged(made, TlsLimits()) as siege:
            await siege.attack(b"GET / HTTP/1.1\r\n\r\n")
            await siege.attack(b"\x16\x03\x01\0\x05\x09\0\0\x01\0")
            (await siege.attack(HELLO)).close()
            await siege.until(lambda: siege.handshakes.failed == 3)
            begun = siege.handshakes.begun
            reset = await siege.attack(HELLO)
            await siege.until(lambda: siege.handshakes.begun > begun)
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.close()
            await siege.until(lambda: siege.handshakes.failed == 4)

    play(scene)
