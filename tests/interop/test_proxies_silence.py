"""Silence behind each proxy: who is cut, and who is not.

For longer than the proxies wait, with their times and ours at a tenth. `make soak` takes
all of them as they are, and ten minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from tests.client.certificates import authority, signed
from tests.faults.scale import SOAK, report, scaled
from tests.faults.server_process import serving
from tests.launch.quick_server import QUICK

from .proxied_members import EVENTS, GrpcMember, Member, WebMember, cut_after
from .recipes import haproxy, nginx, recipe

SECONDS = scaled(20, 600, brief=14)
CUT_SECONDS = 60 if SOAK else 6
"""What nginx and HAProxy wait for."""
PROGRAM = ("chatroom.server",) if SOAK else (*QUICK, "join_seconds=10")
"""Twenty members join at once, which takes a busy machine more than a second."""


@dataclass(frozen=True)
class Silent:
    """A member that says nothing, and whether its proxy cuts it."""

    way: str
    kind: type[Member]
    features: tuple[pb.Feature, ...]
    cut: bool

    @property
    def name(self) -> str:
        events = "events" if self.features else "plain"
        return f"{self.way}, {self.kind.__name__}, {events}"


WAYS = ("nginx", "nginx set", "haproxy", "haproxy set", "PROXY protocol")
PINGED = {("nginx", GrpcMember), ("PROXY protocol", GrpcMember)}
"""Where our PING is a sign of life: it reaches nginx, and passes through TCP."""
SILENT = [
    Silent(
        way, kind, features,
        cut=not features and not way.endswith(" set") and (way, kind) not in PINGED,
    )
    for way in WAYS
    for kind in (GrpcMember, WebMember)
    for features in ((), EVENTS)
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
def test_silence_cuts_nobody_but_those_of_whom_the_page_says_so(tmp_path: Path) -> None:
    """Members with events stay; those without are cut after the proxy's minute, unless it is set.

    All at once, each in a room of its own.
    """
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost", "IP:127.0.0.1")
    arguments = ("--in-memory",)
    with ExitStack() as stack:
        enter = stack.enter_context
        plain = enter(serving(*arguments, program=PROGRAM)).address
        secured = enter(
            serving(
                *arguments, "--proxy-protocol", "--open",
                "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key),
                program=PROGRAM,
            )
        ).address  # fmt: skip
        folders = {way: tmp_path / way.replace(" ", "-") for way in WAYS}
        for folder in folders.values():
            folder.mkdir()
        tenth = not SOAK
        longer = "nginx, for members without events"
        times = "haproxy, for members without events"
        ports = {
            "nginx": enter(nginx(folders["nginx"], plain, pair=pair, tenth=tenth)),
            "nginx set": enter(
                nginx(folders["nginx set"], plain, pair=pair, add=recipe(longer), tenth=tenth)
            ),
            "haproxy": enter(haproxy(folders["haproxy"], plain, pair=pair, tenth=tenth)),
            "haproxy set": enter(
                haproxy(folders["haproxy set"], plain, pair=pair, times=recipe(times), tenth=tenth)
            ),
            "PROXY protocol": enter(
                haproxy(folders["PROXY protocol"], secured, "haproxy, PROXY protocol", tenth=tenth)
            ),
        }

        async def silence(silent: Silent) -> float | None:
            guest = GrpcMember(ports[silent.way], ca.certificate)
            room = await guest.room()
            await guest.close()
            member = silent.kind(ports[silent.way], ca.certificate)
            await member.join(room, "Silent", *silent.features)
            try:
                return await cut_after(member, SECONDS)
            finally:
                await member.close()

        async def scene() -> dict[str, float | None]:
            ends = await asyncio.gather(*map(silence, SILENT))
            return {silent.name: end for silent, end in zip(SILENT, ends, strict=True)}

        ends = asyncio.run(scene())
    for name, end in ends.items():
        report("silence", f"{name}: {'not cut' if end is None else f'cut after {end:.1f} s'}")
    wrong = {
        silent.name: ends[silent.name]
        for silent in SILENT
        if not expected(silent)(ends[silent.name])
    }
    assert {} == wrong


def expected(silent: Silent) -> Callable[[float | None], bool]:
    """Whether a stream may end so."""
    if not silent.cut:
        return lambda end: end is None
    return lambda end: end is not None and 0.9 * CUT_SECONDS < end < 3 * CUT_SECONDS
