"""TLS files that are replaced under members: nobody notices, and newcomers see the new ones."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from chatroom.client import Room, connect
from chatroom.client import Tls as ClientTls
from chatroom.server.dev_certificates import Made, make
from chatroom.server.settings import Tls
from tests.carriers import run
from tests.faults.scale import scaled
from tests.server.services import running

MEMBERS = scaled(100, 100, brief=25)
WITHIN = 20.0


def copy(made: Made, at: Path) -> None:
    """In the place of what is there, one file after the other."""
    shutil.copyfile(made.server.certificate, at / "cert.pem")
    shutil.copyfile(made.server.key, at / "key.pem")


def link(made: Made, at: Path) -> None:
    """As certbot does it: links, each replaced by a rename."""
    for name, target in (("cert.pem", made.server.certificate), ("key.pem", made.server.key)):
        (at / "next").symlink_to(target)
        (at / "next").replace(at / name)


def shown_by(port: int) -> str:
    """The certificate of a new connection, in PEM."""
    return ssl.get_server_certificate(("localhost", port), timeout=10)


@pytest.mark.parametrize("install", [copy, link])
def test_files_that_are_replaced_end_no_stream(
    install: Callable[[Made, Path], None], tmp_path: Path
) -> None:
    """Members on a connection each hear what is said before and after."""
    old, new = (make(tmp_path / name, (), (), seconds=3600, force=False) for name in ("1", "2"))
    install(old, tmp_path)
    tls = Tls(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")

    async def heard(room: Room, text: str) -> None:
        async for message in room:
            if message.text == text:
                return
        raise AssertionError("the stream has ended")

    async def scene() -> None:
        async with (
            running(tls=tls, rooms=("lobby",)) as server,
            contextlib.AsyncExitStack() as open_,
        ):
            address = f"localhost:{server.port}"
            trusting = ClientTls(ca=old.ca)
            chats = [
                await open_.enter_async_context(connect(address, tls=trusting))
                for _ in range(MEMBERS)
            ]
            rooms = [
                await open_.enter_async_context(chat.join("lobby", f"member {number}"))
                for number, chat in enumerate(chats)
            ]
            assert old.server.certificate.read_text() == await asyncio.to_thread(
                shown_by, server.port
            )
            handshakes = server.service.handshakes
            assert handshakes is not None
            begun = handshakes.begun
            install(new, tmp_path)
            async with asyncio.timeout(WITHIN):
                asked = 1
                while new.server.certificate.read_text() != await asyncio.to_thread(
                    shown_by, server.port
                ):
                    asked += 1
            await rooms[0].send("after")
            async with asyncio.timeout(WITHIN):
                await asyncio.gather(*(heard(room, "after") for room in rooms[1:]))
            assert begun + asked == handshakes.begun, "a member has connected again"

    run(scene())
