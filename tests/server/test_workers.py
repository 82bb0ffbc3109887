"""`chatserver --workers`: several processes on one port are one server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import click
import pytest

from chatroom.journal.postgres import PostgresJournal, operating
from chatroom.server.serving import check_workers
from tests.carriers import Ended, run
from tests.faults.server_process import SECONDS
from tests.journal import postgres_databases
from tests.launch.program import started
from tests.launch.quick_server import QUICK
from tests.nodes.returning import Member, members

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

COUNT = 3
SERVES = re.compile(r"worker (\d+): this is node \d+")


class Server:
    """A supervisor that runs, and what it and its workers have said."""

    def __init__(self, *arguments: str) -> None:
        asyncio.run(empty())
        self.url = postgres_databases.own()
        command = ["-m", *QUICK, "grace=60", "--bind", "127.0.0.1:0", "--journal", self.url]
        self.process = started(
            [*command, "--workers", str(COUNT), *arguments],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.said: list[str] = []
        self._workers: set[int] = set()
        """All that were seen."""
        self._more = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._more:
                self.said.append(line)
                self._more.notify_all()

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is so that comes with a line."""
        with self._more:
            assert self._more.wait_for(true, SECONDS), self.text

    @property
    def text(self) -> str:
        return "".join(self.said)

    def until_said(self, pattern: str, times: int = 1) -> list[str]:
        """Wait for lines; what is in their groups."""
        self.until(lambda: len(re.findall(pattern, self.text)) >= times)
        return re.findall(pattern, self.text)

    @property
    def port(self) -> int:
        return int(self.until_said(r"listening on 127\.0\.0\.1:(\d+)\n")[0])

    def workers(self) -> set[int]:
        """Processes whose leases run."""
        seen = asyncio.run(operating.nodes(self.url))
        found = {int(each.name.rpartition(":")[2]) for each in seen.nodes if each.alive}
        self._workers |= found
        return found

    def exit_code(self) -> int:
        code: int = self.process.wait(SECONDS)
        self._reading.join()
        self.process.stderr.close()
        return code

    def end(self) -> None:
        """Whatever still runs of it is killed."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            self._workers.update(map(int, children.read_text().split()))
        self.process.kill()
        for each in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.exit_code()
        sys.stderr.write(self.text)


async def empty() -> None:
    await postgres_databases.empty()
    await (made := PostgresJournal(postgres_databases.own())).open()
    await made.close()


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    server = Server(*arguments)
    try:
        yield server
    finally:
        server.end()


def test_each_worker_is_watched_on_a_port_of_its_own() -> None:
    """It says where; what is told there is of that worker, and that it has others beside it."""

    def told(port: int, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    with serving("--ops-bind", "127.0.0.1:0") as server:
        where = server.until_said(
            r"worker (\d+): operators look at http://127\.0\.0\.1:(\d+)\n", COUNT
        )
        assert {str(number + 1) for number in range(COUNT)} == {number for number, _ in where}
        assert server.port
        processes = set()
        for _, port in where:
            while f"chatroom_nodes {COUNT}.0\n" not in told(int(port), "/metrics"):
                pass
            seen = json.loads(told(int(port), "/varz"))
            assert (COUNT, COUNT) == (seen["nodes"], seen["configuration"]["workers"])
            processes.add(seen["process"])
        assert server.workers() == processes


def test_members_at_different_workers_are_in_one_room() -> None:
    """One gets a name; all see the same order; the workers are nodes, and the log says which."""

    async def scene(server: Server) -> None:
        people = await members(server.port, 24)
        seen = await operating.nodes(server.url)
        assert COUNT == len(seen.nodes)
        assert [f"127.0.0.1:{server.port}"] * COUNT == [each.address for each in seen.nodes]
        assert 24 == sum(each.members for each in seen.nodes)
        assert 2 <= sum(each.members > 0 for each in seen.nodes), "it is in the system's hands"
        twins = [Member(server.port, "Bob") for _ in range(12)]
        came = await asyncio.gather(*(each.come() for each in twins), return_exceptions=True)
        assert 1 == sum(each is None for each in came), came
        for each in people:
            await each.say(f"{each.name} is here")
        for each in people:
            for other in people:
                await each.hear_text(f"{other.name} is here")
        orders = {
            tuple(each.message for each in member.seen if each.message.endswith("is here"))
            for member in people
        }
        assert 1 == len(orders)
        for each in (*people, *twins):
            await each.carrier.close()

    with serving("--room", "lobby") as server:
        run(scene(server))
        assert {"1", "2", "3"} == set(SERVES.findall(server.text))
        assert f"chatserver: {COUNT} workers serve, each of them a node\n" in server.said


def test_nobody_is_seen_leaving_when_a_worker_is_killed() -> None:
    """Its members come back at the others, and another process takes its place."""

    async def scene(server: Server) -> None:
        people = await members(server.port, 24)
        seen = await operating.nodes(server.url)
        busy = max(seen.nodes, key=lambda each: each.members)
        killed = int(busy.name.rpartition(":")[2])
        await people[0].say("before")
        for each in people:
            await each.hear_text("before")
        os.kill(killed, signal.SIGKILL)

        listening = [asyncio.create_task(each.hear_text_by_and_by("after")) for each in people]
        await asyncio.to_thread(
            server.until_said, rf"\(process {killed}\) was ended by SIGKILL; it is started again"
        )
        other = Member(server.port, "Zoe")
        while other.joined is None:
            with contextlib.suppress(Exception):
                await other.come()
        await asyncio.to_thread(server.until_said, SERVES.pattern, COUNT + 1)
        await other.say("after")
        came_back = await asyncio.gather(*listening)
        assert busy.members == sum(each > 0 for each in came_back)
        for each in people:
            assert [] == each.missed()
        for each in (*people, other):
            await each.carrier.close()

    with serving("--room", "lobby") as server:
        run(scene(server))
        assert len(server.workers()) >= COUNT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_tells_everybody(number: signal.Signals) -> None:
    """Members at all workers, also if a service manager tells the workers too. It ends with 0."""

    async def scene(server: Server) -> None:
        people = await members(server.port, 12)
        workers = await asyncio.to_thread(server.workers)
        for each in (server.process.pid, *workers):
            with contextlib.suppress(ProcessLookupError):  # the first has told them already
                os.kill(each, number)
        for each in people:
            while not (await each.hear()).HasField("draining"):
                pass
            with pytest.raises(Ended, match="DRAINING"):
                await each.hear_text("what nobody says")
            await each.carrier.close()

    with serving("--room", "lobby") as server:
        run(scene(server))
        assert 0 == server.exit_code()
        assert set() == server.workers()


def test_a_second_signal_ends_all_at_once() -> None:
    """With 130; nobody is waited for."""
    with serving("--room", "lobby", "--drain-delay", "600") as server:
        assert server.port
        workers = server.workers()
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not healthy(server.port))
        server.process.send_signal(signal.SIGTERM)
        assert 130 == server.exit_code()
        wait_for(lambda: all(gone(each) for each in workers))


def test_workers_stop_when_their_supervisor_was_killed() -> None:
    """Nobody keeps the port without anybody who looks after it."""
    with serving("--room", "lobby") as server:
        assert server.port
        workers = server.workers()
        server.process.kill()
        server.exit_code()
        assert 3 == len(re.findall("the supervisor has gone: this worker stops", server.text))
        wait_for(lambda: all(gone(each) for each in workers))
        assert set() == server.workers()


def test_sighup_reaches_all_workers(tmp_path: Path) -> None:
    """Each reads the admin token again."""
    token = tmp_path / "token"
    token.write_text("a" * 40)
    with serving("--admin-token-file", str(token)) as server:
        assert server.port
        server.process.send_signal(signal.SIGHUP)
        told = server.until_said(r"worker (\d): read the admin token again", COUNT)
        assert ["1", "2", "3"] == sorted(told)
        assert COUNT == len(server.workers())


def test_a_worker_that_never_starts_ends_the_server() -> None:
    """After some tries, with an exit code of its own; the others tell their members."""
    with serving("--room", "lobby") as server:
        workers = server.workers() if server.port else set()
        asyncio.run(forbid())
        try:
            os.kill(min(workers), signal.SIGKILL)
            assert 3 == server.exit_code()
        finally:
            asyncio.run(forbid(again=True))
        assert "could not be started 4 times: all workers end" in server.text
        pauses = re.findall(r"started again in ([\d.]+) s", server.text)
        assert ["0.1", "0.2", "0.4", "0.4"] == pauses
        wait_for(lambda: all(gone(each) for each in workers))


def test_what_one_server_could_not_use_ends_several_likewise() -> None:
    """At the very first start: a sentence, of one worker, and exit code 1."""
    with serving("--journal", "postgresql://127.0.0.1:1/x") as server:
        assert 1 == server.exit_code()
        assert 1 == server.text.count("chatserver: worker 1: cannot use PostgreSQL 127.0.0.1:1/x")
        assert "worker 2" not in server.text


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_where_the_system_does_not_spread_connections_it_says_what_to_do(platform: str) -> None:
    """One process needs nothing of it."""
    check_workers(1, database="", platform=platform)
    with pytest.raises(click.UsageError, match="Start several servers, each with a port"):
        check_workers(2, database="postgresql://h/d", platform=platform)


def test_a_port_that_another_server_shares_cannot_be_had() -> None:
    """Else each would get half of the other's connections."""
    with serving("--room", "lobby") as first:
        address = f"127.0.0.1:{first.port}"
        second = started(
            ["-m", "chatroom.server", "--bind", address, "--journal", first.url, "--workers", "2"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _, said = second.communicate(timeout=SECONDS)
        finally:
            second.kill()
        assert (1, f"chatserver: cannot listen on {address}: address already in use\n") == (
            second.returncode,
            said,
        )


async def forbid(*, again: bool = False) -> None:
    """Have nobody start any more who uses the database; or have all be as before."""
    connection = await asyncpg.connect(postgres_databases.own())
    version = 1 if again else 1_000
    await connection.execute("UPDATE chatroom.server SET oldest_version = $1", version)
    await connection.close()


def healthy(port: int) -> bool:
    """Whether the worker that is asked serves."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status == 200


def gone(process: int) -> bool:
    """Whether it runs no more; what nobody has asked for its exit code counts as gone."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_for(true: Callable[[], bool]) -> None:
    late = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < late
        time.sleep(0.02)
