"""What lies in the directory where somebody runs chatwire is not run by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.chatwire.lab.servers import chatserver
from chatroom.chatwire.schema.proto_files import schema_of_file
from chatroom.chatwire.watch import Watching
from chatroom.chatwire.watcher import Watcher

from .loops import run


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In a directory with modules by the names of ours, each of which leaves a trace."""
    trace = tmp_path / "trace"
    for name in ("chatroom", "grpc_tools", "signal", "pickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    return trace


def test_the_process_that_decodes(trap: Path) -> None:
    assert 0 == Watcher(Watching(), pytest.fail, pytest.fail).finish()
    assert not trap.exists()


def test_the_server_of_a_scene(trap: Path) -> None:
    async def scene() -> None:
        async with chatserver() as server:
            _, writer = await asyncio.open_connection(*server.address.rsplit(":", 1))
            writer.close()

    run(scene())
    assert not trap.exists()


def test_the_compiler_of_proto_files(trap: Path) -> None:
    file = trap.with_name("shop.proto")
    file.write_text(
        'syntax = "proto3"; package shop; message M {} service S { rpc C(M) returns (M); }'
    )
    assert schema_of_file(file).types("/shop.S/C")
    assert not trap.exists()
