"""Pages of other origins: in a real browser, and as whoever forges what a browser says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chatroom.server.page.edition import Edition
from chatroom.wire.envelopes import envelope
from tests.faults.server_process import ServerProcess, serving
from tests.interop.programs import running
from tests.server.asking import Ask, over_http1, over_http2

from .playing import play

EVIL = "evil.example"
JOIN = {"room_id": "lobby", "name": "Stranger"}
CALLS = {
    "ListChatRooms": {},
    "ListMessages": {"room_id": "lobby"},
    "SearchMessages": {"room_id": "lobby", "query": "word"},
    "ListMembers": {"room_id": "lobby"},
    "CreateChatRoom": {"room_id": "strange"},
    "SendMessage": {"session": "0" * 32, "message": {"message": "said by a stranger"}},
    "RemoveMember": {"room_id": "lobby", "name": "Ann"},
    "DeleteChatRoom": {"room_id": "lobby"},
    "Subscribe": JOIN,
    "Chat": {"join": JOIN},
}
EDITION = Edition.read().files
FILES = [
    "/",
    "/r/lobby",
    "/qr?room=lobby",
    *(next(path for path in EDITION if path.endswith(kind)) for kind in (".js", ".css", ".svg")),
]
FORGED = {
    "a name server that lies": (EVIL, f"http://{EVIL}"),
    "with our port": (f"{EVIL}:8080", f"http://{EVIL}:8080"),
    "a foreign page": ("", f"http://{EVIL}"),
    "a foreign page that names us": ("localhost", f"http://localhost.{EVIL}"),
    "our host in another port": ("127.0.0.1:8080", "http://127.0.0.1:8081"),
    "our host in another scheme": ("127.0.0.1:8080", "https://127.0.0.1"),
    "a sandboxed frame": ("", "null"),
}
"""Host (empty: the true one) and Origin."""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with serving("--in-memory", "--room", "lobby") as one:
        yield one


@pytest.fixture(params=[over_http1, over_http2], ids=["HTTP/1.1", "HTTP/2"])
def ask(request: pytest.FixtureRequest) -> Ask:
    asking: Ask = request.param
    return asking


def rooms(server: ServerProcess) -> list[str]:
    path = "/rpc.ChatService/ListChatRooms"
    told = over_http1(server, "POST", path, {"content-type": "application/json"}, b"{}")
    return [room["room_id"] for room in json.loads(told.body)["chat_rooms"]]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("method", CALLS)
def test_no_method_takes_a_forged_origin(
    ask: Ask, server: ServerProcess, method: str, forged: str
) -> None:
    """In no encoding: 403, without a word of any room, and nothing has happened."""
    host, origin = FORGED[forged]
    text = json.dumps(CALLS[method]).encode()
    for content_type, body in {
        "application/json": text,
        "application/connect+json": envelope(text),
        "application/grpc-web+proto": envelope(b""),
        "text/plain": text,
    }.items():
        headers = {"content-type": content_type, "origin": origin}
        told = ask(server, "POST", f"/rpc.ChatService/{method}", headers, body, host=host)
        assert 403 == told.status, content_type
        assert b"lobby" not in told.body
        assert [] == [name for name in told.headers if name.startswith("access-control-allow")]
    assert ["lobby"] == rooms(server)


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("path", FILES)
def test_no_file_is_given_to_a_forged_origin(
    ask: Ask, server: ServerProcess, path: str, forged: str
) -> None:
    """By GET, whether the browser names the Origin or, as with a link, only the Host."""
    host, origin = FORGED[forged]
    assert 403 == ask(server, "GET", path, {"origin": origin}, host=host).status
    if host.startswith(EVIL):
        assert 403 == ask(server, "GET", path, {}, host=host).status


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("method", CALLS)
def test_what_a_form_can_send_is_no_call(
    ask: Ask, server: ServerProcess, method: str, content_type: str
) -> None:
    """Even without an Origin: a browser asks before it sends what is a call (a preflight)."""
    text = json.dumps(CALLS[method]).encode()
    headers = {"content-type": content_type}
    told = ask(server, "POST", f"/rpc.ChatService/{method}", headers, text)
    assert 415 == told.status
    assert ["lobby"] == rooms(server)


@pytest.mark.slow
def test_a_page_of_elsewhere_is_kept_out() -> None:
    """By fetch, beacon, form, element, frame and window; of another site, and of the same."""
    with running("--room", "lobby") as address:
        play("foreign", address)
