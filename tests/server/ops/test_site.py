"""The listener of the operators: what it answers, to whom, and when."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest

from chatroom.core.limits import Limits
from chatroom.server.ops.listener import CONNECTIONS
from chatroom.server.port.sockets import BindError
from chatroom.server.service import Service
from chatroom.server.serving import of_worker
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import run
from tests.launch.program import started
from tests.server.listeners import TamedJournal
from tests.server.services import running
from tests.server.test_command_line import COMMAND, usage

from .looking import OPS, asked, watched


def test_a_server_that_serves_is_live_and_ready() -> None:
    """Both say so in a word, to GET and, without it, to HEAD."""

    async def scene() -> None:
        async with watched() as ops:
            for path in ("/livez", "/readyz"):
                seen = await ops.get(path)
                assert (200, "ok\n") == (seen.status, seen.body)
                seen = await ops.get(path, "HEAD")
                assert (200, "") == (seen.status, seen.body)

    run(scene())


def test_a_server_that_cannot_store_is_live_and_not_ready() -> None:
    """As `rpc.ChatService` of the health service; later it is ready again."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, outage=0.02, journal_retry=0.01)
        async with watched(limits=limits, journal=journal) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            journal.broken = True
            await ops.server.say(ann, "refused")
            while (seen := await ops.get("/readyz")).status == 200:
                pass
            assert (503, "nothing can be stored\n") == (seen.status, seen.body)
            assert 200 == (await ops.get("/livez")).status
            journal.broken = False
            while (await ops.get("/readyz")).status == 503:
                pass

    run(scene())


def test_a_server_that_drains_is_watched_to_its_end() -> None:
    """It is live, and not ready, until it has let go of everything."""

    async def scene() -> None:
        drains = Settings(bind=OPS, ops_bind=OPS, drain_delay=1.0)
        service = Service(drains)
        await service.start()
        port = service.ops_addresses[0].port
        stopping = asyncio.create_task(service.stop())
        await asyncio.sleep(0)
        seen = await asked(port, "/readyz")
        assert (503, "not serving\n") == (seen.status, seen.body)
        assert 200 == (await asked(port, "/livez")).status
        assert not (await asked(port, "/varz")).json()["serving"]
        assert "\nchatroom_serving 0.0\n" in (await asked(port, "/metrics")).body
        assert not stopping.done()
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await asked(port, "/livez")

    run(scene())


def test_varz_tells_what_the_server_is_and_has() -> None:
    """Version, configuration and totals as JSON, which nobody keeps."""

    async def scene() -> None:
        async with watched(limits=Limits(room_capacity=77), max_connection_age=12.5) as ops:
            await ops.server.create()
            await ops.server.join("lobby", "Ann")
            seen = await ops.get("/varz")
            assert "application/json" == seen.headers["content-type"]
            assert "no-store" == seen.headers["cache-control"]
            told = seen.json()
            assert "chatroom" == told["server"]
            assert told["serving"]
            assert told["ready"]
            assert not told["draining"]
            assert 77 == told["configuration"]["limits"]["room_capacity"]
            assert 12.5 == told["configuration"]["max_connection_age"]
            assert [f"127.0.0.1:{ops.server.port}"] == told["configuration"]["bind"]
            kept = told["totals"].pop("kept_bytes")
            assert kept > 0
            expected = {
                "rooms": 1, "members_with_a_stream": 1, "members_away": 0, "connections": 1,
            }  # fmt: skip
            assert expected == told["totals"]

    run(scene())


def test_nothing_of_it_is_on_the_public_port() -> None:
    """There these paths are as unknown as any other."""

    async def scene() -> None:
        async with watched() as ops:
            for path in ("/metrics", "/varz", "/livez", "/readyz", "/roomz", "/connz"):
                assert 404 == (await asked(ops.server.port, path)).status

    run(scene())


def test_without_being_asked_for_it_listens_nowhere() -> None:
    """The default is off."""

    async def scene() -> None:
        async with running() as server:
            assert () == server.service.ops_addresses

    run(scene())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_for_reading(method: str) -> None:
    """Other methods are refused, with those that are not."""

    async def scene() -> None:
        async with watched() as ops:
            seen = await ops.get("/varz", method, **{"content-length": "0"})
            assert (405, "GET, HEAD") == (seen.status, seen.headers["allow"].upper())

    run(scene())


def test_other_paths_and_parameters_are_refused_in_a_sentence() -> None:
    """Which says what there is, and repeats nothing of what was asked for."""

    async def scene() -> None:
        async with watched() as ops:
            seen = await ops.get("/<script>")
            assert 404 == seen.status
            assert "/varz" in seen.body
            assert "script" not in seen.body
            seen = await ops.get("/varz?names=1")
            assert (400, "this is no parameter: there are none here\n") == (seen.status, seen.body)

    run(scene())


def test_pages_of_elsewhere_are_kept_out() -> None:
    """A browser that was sent here by a stranger's name gets nothing but health."""

    async def scene() -> None:
        async with watched() as ops:
            assert 403 == (await ops.get("/varz", host="evil.example")).status
            assert 403 == (await ops.get("/varz", origin="https://evil.example")).status
            assert 200 == (await ops.get("/readyz", host="chat.internal")).status

    run(scene())


def test_a_port_that_is_taken_ends_the_start() -> None:
    """Nothing else is begun then."""

    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = Address("127.0.0.1", taken.getsockname()[1])
            with pytest.raises(BindError, match="address already in use"):
                async with running(ops_bind=(*OPS, address)):
                    pass

    run(scene())


def test_the_start_says_where_it_is(tmp_path: Path) -> None:
    """With the true port, before it says where it listens."""
    process = started(
        [*COMMAND, "--data", str(tmp_path), "--bind", "127.0.0.1:0", "--ops-bind", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = [process.stderr.readline() for _ in range(3)]
        assert said[1].startswith("chatserver: operators look at http://127.0.0.1:")
        port = int(said[1].rpartition(":")[2])
        assert said[2].startswith("chatserver: listening on ")

        async def scene() -> None:
            assert 200 == (await asked(port, "/readyz")).status

        run(scene())
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_only_so_many_connections_are_served_at_once() -> None:
    """Who comes then is served when somebody goes; the server's own port is as it was."""

    async def scene() -> None:
        async with watched() as ops:
            idle = [
                await asyncio.open_connection("127.0.0.1", ops.port) for _ in range(CONNECTIONS)
            ]
            late = asyncio.create_task(ops.get("/livez"))
            for _ in range(20):  # each takes longer than an answer to who is accepted
                assert 200 == (await asked(ops.server.port, "/healthz")).status
            assert not late.done()
            idle[0][1].close()
            assert 200 == (await late).status
            for _, writer in idle[1:]:
                writer.close()

    run(scene())


def test_a_request_that_is_none_ends_its_connection() -> None:
    """Also one with a body, for which there is no use."""

    async def scene() -> None:
        async with watched() as ops:
            seen = await ops.get("/varz", **{"content-length": "2000"})
            assert 413 == seen.status
            _, writer = await asyncio.open_connection("127.0.0.1", ops.port)
            writer.write(b"\x16\x03\x01")
            assert 200 == (await ops.get("/livez")).status
            writer.close()

    run(scene())


def test_each_worker_has_a_port_of_its_own() -> None:
    """That of the option, and its number; any free one stays any."""
    address = Address("127.0.0.1", 9090)
    assert [9091, 9092] == [of_worker(address, number).port for number in (1, 2)]
    assert 0 == of_worker(OPS[0], 3).port


def test_wrong_addresses_are_wrong_usage() -> None:
    """Nothing is started."""
    code, stderr = usage("--in-memory", "--ops-bind", "nonsense")
    assert (2, True) == (code, "write host:port" in stderr)
    code, stderr = usage(
        "--ops-bind", "127.0.0.1:65534", "--workers", "4", "--journal", "postgresql://a:b@c/d"
    )
    assert (2, True) == (code, "watched on port 65538, and the largest is 65535" in stderr)
