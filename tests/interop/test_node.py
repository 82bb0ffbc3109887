"""Clients of Node.js that others wrote.

@grpc/grpc-js: HTTP/2 by Node's own nghttp2, requests in gzip. grpc-web, Google's for browsers:
its text form over HTTP/1.1, on an XMLHttpRequest of our own.
"""

from __future__ import annotations

import subprocess
from http.client import HTTPConnection

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

WEB_TRANSCRIPT = """\
created ######
listed as Tea
Alice sees Alice: Has entered the chat
Alice sees Bób ☕: Has entered the chat
Bob sees Bób ☕: Has entered the chat
Alice sees chat server: chat room is closing
Alice ends 5: room ###### was closed
Bob sees chat server: chat room is closing
Bob ends 5: room ###### was closed
DeleteChatRoom ends 5: there is no room ######
"""


def transcript(program: str, package: str, address: str) -> list[str]:
    """What a program that uses an npm package prints."""
    node = tool("node")
    if not (HERE / "node" / "node_modules" / package).is_dir():
        missing(f"{package} (npm install in tests/interop/node)")
    return output(node, str(HERE / "node" / program), str(ROOT / "proto"), address).splitlines()


def test_a_conversation_by_grpc_js(address: str) -> None:
    """Plain members and one with events talk, are refused, cancel, leave, and lose their room."""
    assert TRANSCRIPT.splitlines() == transcript("chat.mjs", "@grpc/grpc-js", address)


def test_rooms_by_grpc_web_as_text(address: str) -> None:
    """Mode grpcwebtext: methods, streams as they come, their statuses, and refusals."""
    assert WEB_TRANSCRIPT.splitlines() == transcript("web_text.mjs", "grpc-web", address)


def test_the_example_in_javascript(address: str) -> None:
    """`examples/room.mjs`, which needs no package: it joins, says a line, and shows what comes."""
    http = HTTPConnection(address)
    kind = {"content-type": "application/json"}
    http.request("POST", "/rpc.ChatService/CreateChatRoom", b'{"room_id": "example"}', kind)
    assert 200 == http.getresponse().status
    http.close()
    example = str(ROOT / "examples" / "room.mjs")
    command = [tool("node"), example, f"http://{address}", "example", "Parrot", "hello"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        shown = [running.stdout.readline().strip() for _ in range(4)]
        running.kill()
    assert [
        "chat server: you are in room example as Parrot",
        "Parrot: Has entered the chat",
        "chat server:",
        "Parrot: hello",
    ] == shown
