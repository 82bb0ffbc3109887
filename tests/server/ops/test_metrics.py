"""`/metrics`: what moves, by how much, and what the text says of itself."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.facts import RoomFacts
from chatroom.core.limits import Limits
from chatroom.journal import StoredRoom
from chatroom.server.port.tls_limits import TlsLimits
from chatroom.server.settings import Tls
from tests.carriers import Ended, run
from tests.client.certificates import authority, signed
from tests.server.listeners import TamedJournal

from .looking import watched
from .scrapes import Scrape, open_metrics, scraped

DOCUMENT = Path(__file__).parents[3] / "docs" / "server.md"
GIVEN_UP = "chatroom_tls_given_up_handshakes_total"
PROTOCOLS = ("http1", "http2", "opening")
EVENTS = pb.FEATURE_EVENTS


def exported(scrape: Scrape) -> set[str]:
    """The names under which Prometheus knows metrics: counters' with their ending."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in scrape.families.values()
    }


def test_every_metric_says_what_it_is() -> None:
    """It has a type that is known, and a sentence."""

    async def scene() -> None:
        async with watched() as ops:
            scrape = await scraped(ops)
            assert [] == [f.name for f in scrape.families.values() if f.type == "unknown"]
            assert [] == [f.name for f in scrape.families.values() if len(f.documentation) < 10]

    run(scene())


def test_the_document_lists_what_is_exported() -> None:
    """Every name, and no other; but of a process only what Linux tells is."""
    rows = re.findall(r"^\| `((?:chatroom|grpc|process)_\w+)", DOCUMENT.read_text(), re.MULTILINE)
    assert len(set(rows)) == len(rows)

    async def scene() -> None:
        async with watched() as ops:
            names = exported(await scraped(ops))
            if sys.platform != "linux":
                names |= {name for name in rows if name.startswith("process_")}
            assert sorted(rows) == sorted(names)

    run(scene())


def test_open_metrics_are_given_to_who_accepts_them() -> None:
    """With the same names, and their end marked."""

    async def scene() -> None:
        async with watched() as ops:
            accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
            seen = await ops.get("/metrics", accept=accept)
            assert seen.headers["content-type"].startswith("application/openmetrics-text")
            assert seen.body.endswith("# EOF\n")
            plain = await scraped(ops)
            assert exported(plain) == exported(open_metrics(seen.body))

    run(scene())


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "text/plain;version=nonsense",
        "application/openmetrics-text;version=..",
        "application/openmetrics-text;version=" + "9" * 5000,
        ",;=" * 500,
    ],
)
def test_whatever_is_accepted_there_is_an_answer(accept: str) -> None:
    """The library that writes the text fails at versions that are none."""

    async def scene() -> None:
        async with watched() as ops:
            seen = await ops.get("/metrics", accept=accept)
            assert 200 == seen.status
            assert "\nchatroom_serving 1.0\n" in seen.body

    run(scene())


def test_rooms_and_members_are_counted_where_they_are() -> None:
    """Private rooms apart; who has lost a stream is away until the grace is over."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            await server.create("", private=True)
            await server.join("lobby", "Ann")
            bob = await server.join("lobby", "Bob", EVENTS)
            scrape = await scraped(ops)
            assert 1 == scrape.of("chatroom_rooms", kind="public")
            assert 1 == scrape.of("chatroom_rooms", kind="private")
            assert 2 == scrape.of("chatroom_members")
            assert 2 == scrape.of("chatroom_readers")
            assert 0 == scrape.of("chatroom_members_away")
            assert 1 == scrape.of("chatroom_connections", protocol="http2")
            await bob.cancel()
            while (scrape := await scraped(ops)).of("chatroom_members_away") == 0:
                pass
            assert 2 == scrape.of("chatroom_members")
            assert 1 == scrape.of("chatroom_readers")

    run(scene())


def test_turns_and_entries_are_counted() -> None:
    """A message that was heard is one more, in a turn of its own; its append took some time."""

    async def scene() -> None:
        async with watched() as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann", EVENTS, pb.FEATURE_ECHO)
            before = await scraped(ops)
            for text in ("one", "two", "three"):
                await ops.server.say(ann, text)
                while (await ann.receive()).message != text:
                    pass
            after = await scraped(ops)
            for name in ("turn_entries", "append_seconds", "fan_out_seconds"):
                count = f"chatroom_{name}_count"
                assert {(): 3} == after.since(before, of=count), name
            assert {(): 3} == after.since(before, of="chatroom_turn_entries_sum")
            for name in ("append_seconds", "fan_out_seconds"):
                taken = after.since(before, of=f"chatroom_{name}_sum")[()]
                assert 0 < taken < 10
            assert 3 == after.of("chatroom_turn_entries_bucket", le="1.0") - before.of(
                "chatroom_turn_entries_bucket", le="1.0"
            )

    run(scene())


def test_refusals_are_counted_by_their_reason() -> None:
    """Each reason is there before it has come up."""

    async def scene() -> None:
        async with watched() as ops:
            await ops.server.create(capacity=1)
            await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            assert ("chatroom_refusals_total", (("reason", "ROOM_FULL"),)) in before.samples
            for room_id, reason in (("lobby", "ROOM_FULL"), ("none", "ROOM_NOT_FOUND")):
                stream = ops.server.carrier.chat()
                await stream.send(pb.ChatMessage(join=pb.JoinChat(room_id=room_id, name="Bob")))
                with pytest.raises(Ended, match=reason):
                    await stream.receive()
            after = await scraped(ops)
            moved = after.since(before, of="chatroom_refusals_total")
            assert {("ROOM_FULL",): 1, ("ROOM_NOT_FOUND",): 1} == moved
            chat = ("Chat", "rpc.ChatService", "bidi_stream")
            ended = {("NotFound", *chat): 1, ("ResourceExhausted", *chat): 1}
            assert ended == after.since(before, of="grpc_server_handled_total")
            assert {} == after.since(before, of="chatroom_readers_ended_total")

    run(scene())


def test_a_journal_that_is_broken_is_seen() -> None:
    """It fails, nothing is stored, and the text comes all the same."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, journal_retry=0.01)
        async with watched(journal=journal, limits=limits) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            assert 1 == before.of("chatroom_storing")
            journal.broken = True
            await ops.server.say(ann, "refused")
            await journal.failed.wait()
            while (during := await scraped(ops)).of("chatroom_storing") == 1:
                pass
            assert {(): 1} == during.since(before, of="chatroom_append_failures_total")
            assert {} == during.since(before, of="chatroom_turn_entries_count")
            journal.broken = False
            while (await scraped(ops)).of("chatroom_storing") == 0:
                pass

    run(scene())


def test_what_strangers_do_is_counted() -> None:
    """By its kind; the log need not have a line for it."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
                writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
                await reader.read()
                writer.close()
            after = await scraped(ops)
            assert {("not_http",): 2} == after.since(before, of="chatroom_notices_total")
            assert {(): 2} == after.since(before, of="chatroom_accepted_connections_total")

    run(scene())


def test_a_loop_that_hangs_is_seen() -> None:
    """Three tenths of a second are more than a tenth late, whenever they begin."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            time.sleep(0.3)  # as what is not to happen would
            while (after := await scraped(ops)).since(
                before, of="chatroom_loop_lag_seconds_count"
            ) == {}:
                pass
            assert 0.15 < after.since(before, of="chatroom_loop_lag_seconds_sum")[()]

    run(scene())


def test_limits_that_are_met_are_counted() -> None:
    """A member above its rate is not read for a while; a room above its bounds loses the oldest."""

    async def scene() -> None:
        async with watched(limits=Limits(message_rate=200, message_burst=1)) as ops:
            await ops.server.create(history=2)
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            for number in range(20):
                await ops.server.say(ann, f"{number}")
            while (after := await scraped(ops)).of("chatroom_trimmed_bytes_total") == 0:
                pass
            assert after.since(before, of="chatroom_pauses_total").keys() == {("member",)}
            row = (await ops.get("/roomz")).json()["rooms"][0]
            assert 1 < row["oldest"] <= row["newest"]

    run(scene())


def test_connections_within_tls_are_counted_once(tmp_path: Path) -> None:
    """By what is spoken above it."""
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost")
    tls = Tls(certificate=pair.certificate, key=pair.key)
    quick = TlsLimits(handshake_seconds=2.0)

    async def scene() -> None:
        async with watched(tls=tls, tls_limits=quick) as ops:
            port = ops.server.port
            _, opening = await asyncio.open_connection("127.0.0.1", port)
            trusted = ssl.create_default_context(cafile=ca.certificate)
            trusted.check_hostname = False
            trusted.set_alpn_protocols(["http/1.1"])
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            scrape = await scraped(ops)
            found = {p: scrape.of("chatroom_connections", protocol=p) for p in PROTOCOLS}
            assert {"http1": 1, "http2": 0, "opening": 1} == found
            assert 2 == scrape.of("chatroom_tls_handshakes_total")
            assert 1 == scrape.of("chatroom_tls_handshakes_under_way")
            while (scrape := await scraped(ops)).of("chatroom_tls_handshakes_under_way"):
                pass
            assert 1 == scrape.of(GIVEN_UP, why="late")
            rows = (await ops.get("/connz")).json()["connections"]
            assert ["http1"] == [row["protocol"] for row in rows]
            for each in (opening, writer):
                each.close()

    run(scene())


def test_ten_thousand_rooms_make_the_text_no_longer() -> None:
    """But for digits of numbers: as many lines, none of which names a room."""

    async def scene() -> None:
        async with watched() as ops:
            few = (await ops.get("/metrics")).body
            for number in range(10_000):
                facts = RoomFacts(1000 + number, f"unlike-{number}", "e", 1, private=number % 2 > 0)
                ops.server.service.hub.rooms.take_over(StoredRoom(facts))
            many = (await ops.get("/metrics")).body
            assert len(few.splitlines()) == len(many.splitlines())
            assert "unlike" not in many
            assert 'chatroom_rooms{kind="public"} 5000.0\n' in many

    run(scene())


def test_whoever_asks_for_no_metrics_imports_nothing_for_them() -> None:
    """A start is as quick as it was."""
    script = (
        "import sys; import chatroom.server.cli; "
        "assert not any('prometheus' in name or 'server.ops' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
