"""Figures of trouble that no count of what is over would show."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from chatroom.core.limits import Limits
from chatroom.server.settings import Tls
from tests.carriers import run
from tests.client.certificates import authority, signed
from tests.server.listeners import TamedJournal

from .looking import watched
from .scrapes import scraped

UNDER_WAY = "chatroom_append_under_way_seconds"
ENDS = "chatroom_tls_certificate_end_time_seconds"


def test_a_journal_that_hangs_is_seen() -> None:
    """It has not failed, and its append is over for nobody: how long that takes is told."""

    async def scene() -> None:
        journal = TamedJournal()
        async with watched(journal=journal, limits=Limits(message_rate=0)) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            assert 0 == (await scraped(ops)).of(UNDER_WAY)
            journal.going.clear()
            await ops.server.say(ann, "stuck")
            while (first := (await scraped(ops)).of(UNDER_WAY)) == 0:
                pass
            second = await scraped(ops)
            assert first < second.of(UNDER_WAY)
            assert 1 == second.of("chatroom_storing")
            journal.going.set()
            while (await scraped(ops)).of(UNDER_WAY):
                pass

    run(scene())


def test_an_append_that_fails_is_over() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        async with watched(journal=journal, limits=Limits(message_rate=0)) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            journal.broken = True
            await ops.server.say(ann, "refused")
            await journal.failed.wait()
            while (during := await scraped(ops)).of("chatroom_storing") == 1:
                pass
            assert 0 == during.of(UNDER_WAY)
            journal.broken = False

    run(scene())


def test_a_drain_is_seen() -> None:
    """How long it lasts, and how long it may: its delay, the streams' time, a second of goodbye."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, drain_wait=0.2)
        async with watched(journal=journal, limits=limits, drain_delay=0.1) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            assert 0 == before.of("chatroom_drain_seconds")
            assert 1.3 == round(before.of("chatroom_drain_limit_seconds"), 6)
            journal.going.clear()
            await ops.server.say(ann, "stuck")
            stopping = asyncio.create_task(ops.server.service.stop())
            while (during := await scraped(ops)).of("chatroom_drain_seconds") == 0:
                pass
            later = await scraped(ops)
            assert during.of("chatroom_drain_seconds") < later.of("chatroom_drain_seconds")
            assert 0 == later.of("chatroom_serving")
            journal.going.set()
            await stopping

    run(scene())


def test_when_the_certificate_ends(tmp_path: Path) -> None:
    """As it stands in the file. Without TLS it is not there,
    and not 0, which would be long over."""
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost")
    ends = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).not_valid_after_utc

    async def scene() -> None:
        async with watched(tls=Tls(certificate=pair.certificate, key=pair.key)) as ops:
            shown = (await scraped(ops)).of(ENDS)
            assert ends == datetime.fromtimestamp(shown, UTC)
        async with watched() as ops:
            scrape = await scraped(ops)
            assert [] == [labels for name, labels in scrape.samples if name == ENDS]

    run(scene())


def test_how_much_the_disk_has_left(tmp_path: Path) -> None:
    """Where the rooms are kept; nothing where they are kept in memory."""

    async def scene() -> None:
        async with watched(data=tmp_path) as ops:
            scrape = await scraped(ops)
            found = os.statvfs(tmp_path)
            assert found.f_blocks * found.f_frsize == scrape.of("chatroom_disk_bytes")
            assert 0 < scrape.of("chatroom_disk_free_bytes") < scrape.of("chatroom_disk_bytes")
        async with watched() as ops:
            names = {name for name, _ in (await scraped(ops)).samples}
            assert not names & {"chatroom_disk_bytes", "chatroom_disk_free_bytes"}

    run(scene())


def test_how_many_connections_there_may_be() -> None:
    async def scene() -> None:
        async with watched(limits=Limits(server_connections=7)) as ops:
            assert 7 == (await scraped(ops)).of("chatroom_connections_limit")

    run(scene())


def test_lines_of_the_log_that_an_operator_should_read(tmp_path: Path) -> None:
    """What fails without a figure of its own, such as a file that cannot be read again."""

    async def scene() -> None:
        file = tmp_path / "admin-token"
        file.write_text("a-secret-of-a-good-length\n")
        async with watched(admin_token_file=file) as ops:
            before = await scraped(ops)
            file.unlink()
            ops.server.service.read_again()
            after = await scraped(ops)
            assert {("error",): 1} == after.since(before, of="chatroom_log_lines_total")
        assert not [
            each
            for each in logging.getLogger("chatroom").handlers
            if type(each).__name__ == "Complaints"
        ]

    run(scene())
