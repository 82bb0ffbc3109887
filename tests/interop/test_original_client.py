"""The original system's client: grpcio with stubs of the original's contract alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .programs import HERE, ROOT, output

TRANSCRIPT = """\
created 6 digits
the room is listed 1 time
the private room is listed 0 times
Alice sees Alice: Has entered the chat
Carol sees Carol: Has entered the chat
Alice sees Carol: Has entered the chat
Carol sees Alice: line 0
Carol sees Alice: line 1
Carol sees Alice: line 2
Carol sees Alice: line 3
Carol sees Alice: line 4
Carol sees Alice: line 5
Carol sees Alice: line 6
Carol sees Alice: line 7
Carol sees Alice: line 8
Carol sees Alice: line 9
Carol sees Alice: line 10
Carol sees Alice: line 11
Bob sees Alice: line 2
Bob sees Alice: line 3
Bob sees Alice: line 4
Bob sees Alice: line 5
Bob sees Alice: line 6
Bob sees Alice: line 7
Bob sees Alice: line 8
Bob sees Alice: line 9
Bob sees Alice: line 10
Bob sees Alice: line 11
Bob sees Johnny Boi: Has entered the chat
Alice sees Johnny Boi: Has entered the chat
Carol sees Johnny Boi: Has entered the chat
Alice sees Johnny Boi: Hey Alice
Bob sees Alice: Hey bob
Carol sees Johnny Boi: Hey Alice
Carol sees Alice: Hey bob
Alice sees Carol: Has left the chat
Bob sees Carol: Has left the chat
Bob sees Alice: Still there?
deleted the room
Alice sees chat server: chat room is closing
Alice ends NOT_FOUND
Bob sees chat server: chat room is closing
Bob ends NOT_FOUND
DeleteChatRoom ends NOT_FOUND
Bob ends NOT_FOUND
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stubs of the original's contract were generated."""
    place = tmp_path_factory.mktemp("original")
    output(
        sys.executable, "-m", "grpc_tools.protoc",
        f"-I{ROOT / 'tests' / 'contract' / 'original'}",
        f"--python_out={place}", f"--grpc_python_out={place}", "rpc/chat.proto",
    )  # fmt: skip
    return place


@pytest.mark.parametrize("api", ["sync", "aio"])
def test_the_originals_dialogue(address: str, stubs: Path, api: str) -> None:
    """A client that knows only the original contract sees what it saw from the original."""
    script = str(HERE / "original_client.py")
    transcript = output(
        sys.executable, "-W", "error::ResourceWarning", script, str(stubs), address, api
    )
    assert TRANSCRIPT.splitlines() == transcript.splitlines()
