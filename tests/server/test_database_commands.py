"""`chatserver nodes` and `new-epochs` as an operator meets them, and how many nodes are told of."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.journal import Append, JournalFenced
from chatroom.journal.postgres import PostgresJournal
from tests.faults.server_process import SECONDS, serving
from tests.journal import postgres_databases
from tests.journal.journals import new_room, record
from tests.launch.program import ran

COMMAND = ["-m", "chatroom.server"]


@pytest.fixture
def url() -> str:
    """A database that servers have used, and where there are no rooms; with a password."""

    async def fill() -> None:
        await postgres_databases.empty()
        await (made := PostgresJournal(postgres_databases.own())).open()
        await made.close()

    asyncio.run(fill())
    return postgres_databases.own().replace("postgres@", "postgres:secret@")


@pytest.fixture
def file(url: str, tmp_path: Path) -> Path:
    path = tmp_path / "journal.url"
    path.write_text(url)
    return path


def said(*arguments: str, code: int = 0) -> str:
    """What a command says, which ends with this code."""
    done = ran([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    everything = done.stdout + done.stderr
    assert code == done.returncode, everything
    assert "Traceback" not in everything
    assert "secret" not in everything
    return str(everything)


def healthz(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/healthz")
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def test_nodes_are_listed_with_their_members(file: Path) -> None:
    """Those that live, and one that was killed until it is taken for dead; then nobody."""
    given = ("--journal-file", str(file))
    with serving(*given, "--room", "lobby") as ann, serving(*given) as bob:
        assert healthz(bob.port).endswith("; 2 nodes share the rooms now\n")
        with grpc.insecure_channel(bob.address) as channel:
            join = pb.JoinChat(room_id="lobby", name="Bob", features=[pb.FEATURE_EVENTS])
            call = ChatServiceStub(channel).Chat(iter([pb.ChatMessage(join=join)]), timeout=SECONDS)
            while not next(call).HasField("entered"):
                pass
            lines = said("nodes", *given).splitlines()
            pattern = r"node (\d+): \S+:(\d+) at (\S+), alive, (\d+) members?"
            seen = [re.fullmatch(pattern, line) for line in lines]
            at = [(str(each.process.pid), each.address) for each in (ann, bob)]
            assert [(*at[0], "0"), (*at[1], "1")] == [each and each.groups()[1:] for each in seen]
            bob.signal(signal.SIGKILL)
            bob.exit_code()
        as_json = [json.loads(line) for line in said("nodes", *given, "--json").splitlines()]
        assert [0, 1] == [each["members"] for each in as_json]
        assert [True] == [each["alive"] for each in as_json if each["members"] == 0]
        ann.signal()
        assert 0 == ann.exit_code()
    passed(file.read_text())
    assert ", lease passed 60 s ago, 1 member\n" in said("nodes", *given)


def test_where_nobody_is_it_says_so(url: str) -> None:
    """Also of whom nobody has taken over; before the command and in the environment it is found."""

    async def leave_one() -> None:
        journal = PostgresJournal(postgres_databases.own())
        await journal.open()
        key = await new_room(journal)
        await journal.append([Append(key, members=[record(1)])])
        await journal.close()

    assert "no server uses it now\n" == said("--journal", url, "nodes")
    asyncio.run(leave_one())
    told = said("nodes", "--journal", url)
    assert "no server uses it now\n1 member inside whose server is gone: " in told
    assert "" == said("nodes", "--journal", url, "--json")
    assert "name the database" in said("nodes", code=2)
    assert "cannot use PostgreSQL 127.0.0.1:1/x" in said(
        "nodes", "--journal", "postgresql://a:secret@127.0.0.1:1/x", code=1
    )


def test_a_database_that_no_server_has_used_stays_empty(url: str) -> None:
    """Whoever names the wrong one is told so, and finds nothing in it later."""
    other = asyncio.run(postgres_databases.create(f"{postgres_databases.OURS}_unused"))
    try:
        for command in ("nodes", "new-epochs"):
            assert "no server has used it yet" in said(command, "--journal", other, code=1)
        schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'chatroom'"
        assert 0 == asyncio.run(fetched(other, schemas))
    finally:
        asyncio.run(postgres_databases.drop(f"{postgres_databases.OURS}_unused"))


def test_new_epochs_end_what_clients_know(file: Path) -> None:
    """All open rooms get one; while a server lives nothing is changed, and it says who lives."""
    given = ("--journal-file", str(file))
    url = file.read_text()
    epochs = "SELECT array_agg(epoch ORDER BY key) FROM chatroom.room WHERE key <> 0"
    with serving(*given, "--room", "lobby", "--room", "den") as server:
        before = asyncio.run(fetched(url, epochs))
        refused = said("new-epochs", *given, code=1)
        assert f":{server.process.pid}; stop all servers" in refused
        assert before == asyncio.run(fetched(url, epochs))
        server.signal()
        assert 0 == server.exit_code()
    assert "2 rooms have new epochs\n" == said("new-epochs", *given)
    after = asyncio.run(fetched(url, epochs))
    assert (4, 2) == (len({*before, *after}), len(after))
    with serving(*given) as server, grpc.insecure_channel(server.address) as channel:
        resume = pb.Resume(epoch=before[0], after=5, session="unknown")
        join = pb.JoinChat(room_id="lobby", name="Bob", features=[pb.FEATURE_EVENTS], resume=resume)
        call = ChatServiceStub(channel).Chat(iter([pb.ChatMessage(join=join)]), timeout=SECONDS)
        while not (message := next(call)).HasField("joined"):
            pass
        assert after[0] == message.joined.epoch
        call.cancel()


def test_a_server_that_wakes_after_new_epochs_is_no_node_any_more(url: str) -> None:
    """It was stopped, so nobody waited for it; nothing that it appends is stored."""

    async def scene() -> None:
        journal = PostgresJournal(postgres_databases.own())
        await journal.open()
        await new_room(journal)
        await asyncio.to_thread(passed, url)
        await asyncio.to_thread(said, "new-epochs", "--journal", url)
        with pytest.raises(JournalFenced):
            await journal.probe()
        await journal.close()

    asyncio.run(scene())


def passed(url: str) -> None:
    """Have all leases have passed a minute ago."""
    asyncio.run(
        fetched(url, "UPDATE chatroom.node SET expires = clock_timestamp() - interval '1 minute'")
    )


async def fetched(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
