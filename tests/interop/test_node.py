"""@grpc/grpc-js, the client of Node.js: HTTP/2 by Node's own nghttp2, requests in gzip."""

from __future__ import annotations

from .programs import HERE, ROOT, missing, output, tool

TRANSCRIPT = """\
created ######
listed as Tea
Alice sees Alice: Has entered the chat
Bob sees joined, Tea with Alice,Bob
Bob sees Bob: Has entered the chat
Bob sees live
Alice sees Bob: Has entered the chat
Bob sees Alice: Hello Bob
Bob sees Bob: a long line
Alice sees Bob: a long line
Bob sees n1 refused: TEXT_TOO_LONG
Carol sees Bob: a long line
Carol sees Carol: Has entered the chat
Alice sees Carol: Has entered the chat
Bob sees Carol: Has entered the chat
Carol ends CANCELLED, no reason
Alice sees Carol: Has left the chat
Bob sees Carol: Has left the chat
Alice ends OK, no reason
Bob sees Alice: Has left the chat
Bob sees chat server: chat room is closing
Bob ends NOT_FOUND, ROOM_CLOSED
Late ends NOT_FOUND, ROOM_NOT_FOUND
DeleteChatRoom ends NOT_FOUND
"""


def test_a_conversation_by_grpc_js(address: str) -> None:
    """Plain members and one with events talk, are refused, cancel, leave, and lose their room."""
    node = tool("node")
    if not (HERE / "node" / "node_modules").is_dir():
        missing("@grpc/grpc-js (npm install in tests/interop/node)")
    transcript = output(node, str(HERE / "node" / "chat.mjs"), str(ROOT / "proto"), address)
    assert TRANSCRIPT.splitlines() == transcript.splitlines()
