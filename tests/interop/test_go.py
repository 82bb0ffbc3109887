"""grpc-go, with messages made at run time from the contract's descriptors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .programs import HERE, ROOT, missing, output, tool

BUILD_SECONDS = 300
"""The first build compiles grpc-go; later ones come from Go's cache."""

TRANSCRIPT = """\
health is SERVING
created ROOM
Alice sees Alice: Has entered the chat
Bob sees joined
Bob sees Bob: Has entered the chat
Bob sees live
Alice sees Bob: Has entered the chat
Bob sees Alice: line 0
Bob sees Alice: line 1
Bob sees Alice: line 2
Bob sees Alice: line 3
Bob sees Alice: line 4
Alice sees Bob: Still there?
Bob sees Bob: Still there?
Bob sees n2 refused: TEXT_INVALID
Alice ends Canceled
Bob sees Alice: Has left the chat
Bob sees chat server: chat room is closing
Bob ends NotFound, ROOM_CLOSED of rpc.ChatService
Late ends NotFound, ROOM_NOT_FOUND of rpc.ChatService
Carol sees Carol: Has entered the chat
Carol ends DeadlineExceeded
CreateChatRoom InvalidArgument, ROOM_ID_INVALID of rpc.ChatService, field room_id
Shout Unimplemented
"""


def go(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("go"), *arguments],
        cwd=HERE / "go",
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Go program, built."""
    built = tmp_path_factory.mktemp("go") / "chat"
    if go("mod", "download").returncode:
        missing("what tests/interop/go/go.mod requires")
    build = go("build", "-mod=readonly", "-buildvcs=false", "-o", str(built), ".")
    assert 0 == build.returncode, build.stderr
    return str(built)


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract as a FileDescriptorSet."""
    written = tmp_path_factory.mktemp("contract") / "chat.binpb"
    output(
        sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", "--include_imports",
        f"--descriptor_set_out={written}", "rpc/chat.proto",
    )  # fmt: skip
    return written


def test_a_conversation_by_grpc_go(address: str, client: str, descriptors: Path) -> None:
    """Members talk in gzip, are refused, half-close, cancel, time out, and lose their room."""
    transcript = output(client, str(descriptors), address)
    assert TRANSCRIPT.splitlines() == transcript.splitlines()
