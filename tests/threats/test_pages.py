"""Pages of elsewhere that use a browser, and requests that hide another one."""

from __future__ import annotations

import json
import re

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from tests.faults.scale import scaled
from tests.floods.siege import Besieged, besieged
from tests.server.asking import Ask, over_http1, over_http2
from tests.server.port.test_http1_requests import REFUSED

ROUNDS = scaled(10, 500, brief=4)
CREATE = "/rpc.ChatService/CreateChatRoom"
JSON = "application/json"
FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
"""What a page may send anywhere without being asked (Fetch, "CORS-safelisted request-header")."""


def rooms(server: Besieged, ask: Ask) -> set[str]:
    """All there are."""
    listed = ask(server, "POST", "/rpc.ChatService/ListChatRooms", {"content-type": JSON}, b"{}")
    return {room["room_id"] for room in json.loads(listed.body).get("chat_rooms", [])}


@pytest.mark.parametrize("ask", [over_http1, over_http2])
def test_dns_rebinding(server: Besieged, ask: Ask) -> None:
    """A page whose name leads here by a trick of DNS is refused: its name is none of ours."""
    with besieged(server, "DNS rebinding") as siege:
        before = rooms(server, ask)
        for _ in range(ROUNDS):
            for host in ("evil.example", f"evil.example:{server.port}", "localhost.evil.example"):
                page = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
                for method, path, headers, body in (
                    ("GET", "/", {}, b""),
                    ("GET", "/r/lobby", {"sec-fetch-mode": "navigate"}, b""),
                    ("POST", CREATE, {**page, "content-type": JSON}, b"{}"),
                    ("POST", CREATE, {"sec-fetch-site": "none", "content-type": JSON}, b"{}"),
                    ("POST", CREATE, {**page, "content-type": "application/grpc-web+proto"},
                     envelope(b"")),
                ):  # fmt: skip
                    answered = ask(server, method, path, headers, body, host=host)
                    assert answered.status in (403, 421), (host, method, path, answered)
                    assert "access-control-allow-origin" not in answered.headers
                    siege.outcomes.append(str(answered.status))
        assert before == rooms(server, ask)


@pytest.mark.parametrize("ask", [over_http1, over_http2])
def test_calls_of_other_sites(server: Besieged, ask: Ask) -> None:
    """A page of elsewhere calls nothing: not with an Origin, not as a form can, not by an image."""
    request = pb.CreateChatRoomRequest().SerializeToString()
    bodies = {JSON: b"{}", "application/proto": request, "application/grpc": envelope(request)}
    with besieged(server, "cross-site calls") as siege:
        before = rooms(server, ask)
        for _ in range(ROUNDS):
            for origin in (
                "http://evil.example",
                "null",
                "https://127.0.0.1",
                "http://localhost:1",
            ):
                for kind, body in bodies.items():
                    headers = {"origin": origin, "content-type": kind}
                    answered = ask(server, "POST", CREATE, headers, body)
                    refused = 403 == answered.status or "7" == answered.headers["grpc-status"]
                    assert refused, (origin, kind, answered)
                    assert "access-control-allow-origin" not in answered.headers
                siege.outcomes.append("403")
            for kind in FORMS:
                headers = {"content-type": kind} if kind else {}
                for body in bodies.values():
                    answered = ask(server, "POST", CREATE, headers, body)
                    assert answered.status in (404, 415), (kind, answered)
                siege.outcomes.append(str(answered.status))
            query = f"{CREATE}?connect=v1&encoding=json&message=%7B%7D"
            assert ask(server, "GET", query, {}).status in (404, 405, 415)
        assert before == rooms(server, ask)


HIDDEN = (
    b"POST /rpc.ChatService/CreateChatRoom HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    b"content-type: application/json\r\ncontent-length: 20\r\n\r\n"
    b'{"room_id":"hidden"}'
)


def test_request_smuggling(server: Besieged) -> None:
    """RFC 9112, 11.2: where a request ends is no matter of opinion.

    Whatever is doubtful gets one answer, which ends the connection: what stands behind it, and
    a proxy may have taken for a body, is not served.
    """
    with besieged(server, "request smuggling") as siege:
        for _ in range(scaled(1, 20)):
            for what, (request, _status) in REFUSED.items():
                attacker = siege.speechless(request + HIDDEN)
                assert attacker.until(lambda attacker=attacker: attacker.ended), what
                statuses = re.findall(rb"^HTTP/1\.1 (\d+)", attacker.text, re.MULTILINE)
                assert 1 == len(statuses), (what, attacker.text)
                assert int(statuses[0]) >= 400, what
                siege.outcomes.append(statuses[0].decode())
                attacker.close()
                siege.attackers.remove(attacker)
        assert "hidden" not in rooms(server, over_http1)
        control = siege.speechless(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" + HIDDEN)
        assert control.until(lambda: b"hidden" in control.text)
        assert "hidden" in rooms(server, over_http1)
