"""Who is let in by which Host and Origin: every kind of client, by every kind of name."""

from __future__ import annotations

import pytest

from chatroom.server.port.gate import Allowed, Foreign, Gate
from chatroom.server.port.notices import Kind
from chatroom.wire.grpc import CHAT
from chatroom.wire.origins import OriginInvalid

Head = tuple[str, str, dict[str, str]]
"""Method, path, header fields beside the Host."""

NAMES_OF_OTHERS = [
    "chat:8080", "chat", "chat.default.svc.cluster.local:8080", "host.docker.internal:8080",
    "chat.example", "elsewhere.example:443", "chat_upstream",
]  # fmt: skip
OURS = ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "LOCALHOST."]
NOBODY = [":8080", ""]
"""As some clients of gRPC name a server; a browser always names somebody."""

NO_BROWSERS: dict[str, Head] = {
    "gRPC": ("POST", CHAT, {"content-type": "application/grpc", "te": "trailers"}),
    "Connect": ("POST", CHAT, {"content-type": "application/json"}),
    "a probe": ("GET", "/healthz", {}),
    "a probe that wants no body": ("HEAD", "/healthz", {}),
    "a question": ("OPTIONS", "*", {}),
}
BROWSERS: dict[str, Head] = {
    "fetch": ("POST", CHAT, {"origin": "http://{host}"}),
    "a form": ("POST", CHAT, {"origin": "http://{host}", "sec-fetch-mode": "navigate"}),
    "a preflight": ("OPTIONS", CHAT, {"origin": "http://{host}"}),
    "a link": ("GET", "/", {}),
    "a link to a method": ("GET", CHAT, {}),
    "a question for the head": ("HEAD", "/", {}),
    "an image": ("GET", "/healthz", {"sec-fetch-dest": "image"}),
    "fetch of the health": ("GET", "/healthz", {"origin": "http://{host}"}),
}


def admit(gate: Gate, head: Head, host: str) -> bytes:
    method, path, fields = head
    headers = [(b"host", host.encode())]
    for name, value in fields.items():
        headers.append((name.encode(), value.format(host=host).encode()))
    return gate.admit(method, path, headers)


@pytest.mark.parametrize("host", [*NAMES_OF_OTHERS, *OURS, *NOBODY])
@pytest.mark.parametrize("client", NO_BROWSERS)
def test_who_is_no_browser_may_use_every_name(client: str, host: str) -> None:
    """Names of containers, services and upstreams are nobody's but their dialler's."""
    assert b"" == admit(Gate(Allowed()), NO_BROWSERS[client], host)


@pytest.mark.parametrize("host", NAMES_OF_OTHERS)
@pytest.mark.parametrize("client", BROWSERS)
def test_a_browser_may_not_use_a_name_of_others(client: str, host: str) -> None:
    """DNS rebinding: page and server look like one origin, and the name is not ours."""
    with pytest.raises(Foreign, match="--allow-host") as refused:
        admit(Gate(Allowed()), BROWSERS[client], host)
    assert Kind.HOST is refused.value.kind


@pytest.mark.parametrize("host", OURS)
@pytest.mark.parametrize("client", BROWSERS)
def test_a_browser_may_use_our_names(client: str, host: str) -> None:
    """No name server can make these mean another machine."""
    admit(Gate(Allowed()), BROWSERS[client], host)


GIVEN = [
    ("chat.example", "chat.example:8443", True),
    ("chat.example", "chat.EXAMPLE.", True),
    ("chat.example", "xchat.example", False),
    ("chat.example", "chat.example.evil.example", False),
    ("*.example", "chat.example", True),
    ("*.example", "example", False),
    ("*.example", "a.chat.example", False),
    ("192.0.2.7", "192.0.2.8", True),
]
"""A name that was added, the Host that is named, whether that is ours."""
BY_FLAG = [*GIVEN, ("*", "anything", True), ("CHAT.example.", "chat.example", True)]


def check(gate: Gate, client: str, host: str, *, let_in: bool) -> None:
    if let_in:
        admit(gate, BROWSERS[client], host)
        return
    with pytest.raises(Foreign):
        admit(gate, BROWSERS[client], host)


@pytest.mark.parametrize("client", BROWSERS)
@pytest.mark.parametrize(("allowed", "host", "let_in"), BY_FLAG)
def test_names_by_the_flag(allowed: str, host: str, let_in: bool, client: str) -> None:
    """--allow-host, whatever the case, a last dot and the port; a wildcard is one label."""
    check(Gate(Allowed(hosts=frozenset({allowed}))), client, host, let_in=let_in)


@pytest.mark.parametrize("client", BROWSERS)
@pytest.mark.parametrize(("name", "host", "let_in"), GIVEN)
def test_names_of_the_certificate(name: str, host: str, let_in: bool, client: str) -> None:
    """They are Hosts by themselves; a wildcard is one label (RFC 9525, 6.3)."""
    check(Gate(Allowed(), lambda: frozenset({name})), client, host, let_in=let_in)


def test_the_certificates_names_are_asked_for_each_time() -> None:
    """After SIGHUP the new certificate's names are ours, and the old one's are not."""
    names = {"old.example"}
    gate = Gate(Allowed(), lambda: names)
    admit(gate, BROWSERS["a link"], "old.example")
    names = {"new.example"}
    admit(gate, BROWSERS["a link"], "new.example")
    with pytest.raises(Foreign):
        admit(gate, BROWSERS["a link"], "old.example")


@pytest.mark.parametrize("host", [*OURS, *NOBODY])
@pytest.mark.parametrize("allowed", [(), ("https://chat.example",)])
@pytest.mark.parametrize(
    "origin", ["null", "https://elsewhere.example", "http://localhost:1", "http://:8080", "http://"]
)
def test_a_foreign_origin_is_refused(origin: str, allowed: tuple[str, ...], host: str) -> None:
    """Also where the request names no Host that it could be equal to."""
    gate = Gate(Allowed(origins=frozenset(allowed)))
    with pytest.raises(Foreign, match="--allow-origin") as refused:
        admit(gate, ("POST", CHAT, {"origin": origin}), host)
    assert Kind.ORIGIN is refused.value.kind


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("https://chat.example", "https://chat.example:443"),
        ("https://chat.example:443", "https://chat.example"),
        ("HTTPS://Chat.example", "https://chat.example"),
        ("app://chat", "app://chat"),
        ("*", "https://elsewhere.example"),
        ("*", "null"),
    ],
)
def test_an_allowed_origin_is_let_in(allowed: str, origin: str) -> None:
    """However its default port and its case are written."""
    gate = Gate(Allowed(origins=frozenset({allowed})))
    assert origin.encode() == admit(gate, ("POST", CHAT, {"origin": origin}), "localhost")


def test_what_is_no_origin_cannot_be_allowed() -> None:
    """It would be a name that no page ever has."""
    with pytest.raises(OriginInvalid, match="write it as https://"):
        Gate(Allowed(origins=frozenset({"chat.example"})))
