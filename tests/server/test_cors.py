"""What browsers are let do: preflights, exposed headers, and which Hosts and Origins may call.

Spoken by hand to servers in processes of their own, over HTTP/1.1 and HTTP/2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import Code
from tests.faults.server_process import ServerProcess, serving
from tests.interop.raw_grpc import TRAILERS_ONLY
from tests.interop.raw_http2 import Connection
from tests.server.asking import Answer, Ask, over_http1, over_http2

PAGE = "https://chat.example"
OTHER_PAGE = "https://elsewhere.example"
NAME = "chat.example"
ROOMS = "/rpc.ChatService/ListChatRooms"
EXPOSED = {"grpc-status", "grpc-message", "grpc-status-details-bin"}
"""What a gRPC-Web client must see of a response that has no body."""


@pytest.fixture(params=[over_http1, over_http2], ids=["HTTP/1.1", "HTTP/2"])
def ask(request: pytest.FixtureRequest) -> Ask:
    asking: Ask = request.param
    return asking


@pytest.fixture(scope="module")
def plain() -> Iterator[ServerProcess]:
    """A server that was told nothing about Hosts and Origins."""
    with serving("--in-memory") as server:
        yield server


@pytest.fixture(scope="module")
def open_() -> Iterator[ServerProcess]:
    """One that answers to a name, and whose methods the pages of one origin may call."""
    with serving("--in-memory", "--allow-host", NAME, "--allow-origin", PAGE) as server:
        yield server


@pytest.fixture(scope="module")
def wide() -> Iterator[ServerProcess]:
    """One that answers to any name and to the pages of any origin."""
    with serving("--in-memory", "--allow-host", "*", "--allow-origin", "*") as server:
        yield server


JSON = {"content-type": "application/json"}
GRPC_WEB = {"content-type": "application/grpc-web+proto"}
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-grpc-web,connect-protocol-version",
}


def lists(ask: Ask, server: ServerProcess, *, host: str = "", origin: str = "") -> Answer:
    """A call of Connect for the list of rooms."""
    headers = {**JSON, **({"origin": origin} if origin else {})}
    return ask(server, "POST", ROOMS, headers, b"{}", host=host)


# ---- Preflights ---------------------------------------------------------------------


def test_a_preflight_is_answered(ask: Ask, open_: ServerProcess) -> None:
    """Fetch standard, CORS preflight: methods, the headers asked for, for how long, for whom."""
    told = ask(open_, "OPTIONS", ROOMS, {"origin": PAGE, **PREFLIGHT})
    assert (200, b"") == (told.status, told.body) or 204 == told.status
    assert PAGE == told.headers["access-control-allow-origin"]
    assert {"post", "get"} <= told.listed("access-control-allow-methods")
    wanted = {"content-type", "x-grpc-web", "connect-protocol-version"}
    assert wanted == told.listed("access-control-allow-headers")
    assert "7200" == told.headers["access-control-max-age"]
    assert "origin" in told.listed("vary")


def test_a_preflight_of_a_foreign_page_is_refused(ask: Ask, open_: ServerProcess) -> None:
    """Without access-control-allow-origin, so that the browser does not go on."""
    told = ask(open_, "OPTIONS", ROOMS, {"origin": OTHER_PAGE, **PREFLIGHT})
    assert 403 == told.status
    assert "access-control-allow-origin" not in told.headers
    assert "access-control-allow-methods" not in told.headers


def test_a_preflight_of_the_servers_own_page(ask: Ask, plain: ServerProcess) -> None:
    """The page that this very server has served may ask."""
    own = f"http://{plain.address}"
    told = ask(plain, "OPTIONS", ROOMS, {"origin": own, **PREFLIGHT})
    assert own == told.headers["access-control-allow-origin"]


def test_a_preflight_that_asks_for_no_headers(ask: Ask, open_: ServerProcess) -> None:
    """It is given none."""
    asked = {"origin": PAGE, "access-control-request-method": "POST"}
    told = ask(open_, "OPTIONS", ROOMS, asked)
    assert PAGE == told.headers["access-control-allow-origin"]
    assert set() == told.listed("access-control-allow-headers")


@pytest.mark.parametrize("server_of", ["open_", "plain"])
def test_a_preflight_for_a_private_network(
    ask: Ask, server_of: str, request: pytest.FixtureRequest
) -> None:
    """Who asks for that is told so, but no page of elsewhere; who does not is not."""
    server: ServerProcess = request.getfixturevalue(server_of)
    private = {**PREFLIGHT, "access-control-request-private-network": "true"}
    allow = "access-control-allow-private-network"
    page = PAGE if server_of == "open_" else f"http://{server.address}"
    assert "true" == ask(server, "OPTIONS", ROOMS, {"origin": page, **private}).headers[allow]
    assert allow not in ask(server, "OPTIONS", ROOMS, {"origin": page, **PREFLIGHT}).headers
    foreign = ask(server, "OPTIONS", ROOMS, {"origin": OTHER_PAGE, **private})
    assert (403, False) == (foreign.status, allow in foreign.headers)


# ---- Answers ------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["connect", "gRPC-Web"])
def test_an_answer_may_be_read(ask: Ask, open_: ServerProcess, protocol: str) -> None:
    """A page sees the answer, and of its headers those that carry a status."""
    kind, body = (JSON, b"{}") if protocol == "connect" else (GRPC_WEB, envelope(b""))
    told = ask(open_, "POST", ROOMS, {"origin": PAGE, **kind}, body)
    assert 200 == told.status
    assert PAGE == told.headers["access-control-allow-origin"]
    assert told.listed("access-control-expose-headers") >= EXPOSED
    assert "origin" in told.listed("vary")


def test_a_failure_may_be_read(ask: Ask, open_: ServerProcess) -> None:
    """A page sees why a call has failed, too."""
    body = json.dumps({"room_id": "no-such-room"}).encode()
    told = ask(open_, "POST", "/rpc.ChatService/ListMembers", {"origin": PAGE, **JSON}, body)
    assert (404, "not_found") == (told.status, json.loads(told.body)["code"])
    assert PAGE == told.headers["access-control-allow-origin"]


def test_without_an_origin_nothing_is_added(ask: Ask, open_: ServerProcess) -> None:
    """Who is no page is told nothing about pages."""
    told = lists(ask, open_)
    assert 200 == told.status
    assert [] == [name for name in told.headers if name.startswith("access-control-")]


# ---- Origins ------------------------------------------------------------------------


def test_an_allowed_origin_is_let_in(ask: Ask, open_: ServerProcess) -> None:
    """`--allow-origin` lets a page of elsewhere call."""
    assert 200 == lists(ask, open_, origin=PAGE).status


FOREIGN = [OTHER_PAGE, "http://chat.example", "https://chat.example:8443", "null", "https://"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_refused(ask: Ask, open_: ServerProcess, origin: str) -> None:
    """Another name, scheme or port is another origin; the sentence names it, and the flag."""
    told = lists(ask, open_, origin=origin)
    error = json.loads(told.body)
    assert (403, "permission_denied") == (told.status, error["code"])
    assert origin in error["message"]
    assert "--allow-origin" in error["message"]
    assert "access-control-allow-origin" not in told.headers


@pytest.mark.parametrize(
    ("origin", "host"),
    [("http://localhost", "localhost:80"), ("https://localhost", "localhost:443")],
)
def test_the_default_port_is_none(ask: Ask, plain: ServerProcess, origin: str, host: str) -> None:
    """RFC 6454, 4: an origin without a port has its scheme's; a proxy may have added it."""
    assert 200 == lists(ask, plain, host=host, origin=origin).status


def test_without_the_flag_no_other_page_is_let_in(ask: Ask, plain: ServerProcess) -> None:
    assert 403 == lists(ask, plain, origin=PAGE).status


def test_any_origin(ask: Ask, wide: ServerProcess) -> None:
    """`--allow-origin '*'` lets every page in, and tells each that it is meant."""
    told = lists(ask, wide, origin=OTHER_PAGE)
    assert 200 == told.status
    assert told.headers["access-control-allow-origin"] in {OTHER_PAGE, "*"}


def test_a_foreign_origin_over_grpc_web(ask: Ask, open_: ServerProcess) -> None:
    """What is no Connect gets the sentence as text."""
    told = ask(open_, "POST", ROOMS, {"origin": OTHER_PAGE, **GRPC_WEB}, envelope(b""))
    assert 403 == told.status
    assert OTHER_PAGE in told.body.decode()


# ---- Hosts --------------------------------------------------------------------------

KNOWN = ["localhost", "localhost:1234", "127.0.0.1", "[::1]:8080", "192.0.2.1:80", "LOCALHOST"]


@pytest.mark.parametrize("host", KNOWN)
def test_localhost_and_addresses_need_no_flag(ask: Ask, plain: ServerProcess, host: str) -> None:
    """No name server can make these mean another machine."""
    assert 200 == lists(ask, plain, host=host).status


@pytest.mark.parametrize("host", [NAME, f"{NAME}:8443", "CHAT.example", f"{NAME}."])
def test_an_allowed_host_is_let_in(ask: Ask, open_: ServerProcess, host: str) -> None:
    """`--allow-host` gives the server a name, whatever the port, the case, a last dot."""
    assert 200 == lists(ask, open_, host=host).status


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "chat.example.evil.example", "xchat.example"]
)
def test_a_foreign_host_is_refused_to_a_page(ask: Ask, open_: ServerProcess, host: str) -> None:
    """DNS rebinding: the page's own Origin equals the Host then; the name is not ours."""
    told = lists(ask, open_, host=host, origin=f"http://{host}")
    error = json.loads(told.body)
    assert (403, "permission_denied") == (told.status, error["code"])
    assert host in error["message"]
    assert "--allow-host" in error["message"]


def test_a_foreign_host_is_refused_to_a_get(ask: Ask, plain: ServerProcess) -> None:
    """A link or an image of a foreign page has no Origin; a GET is looked at all the same."""
    told = ask(plain, "GET", ROOMS, {}, host=NAME)
    assert 403 == told.status
    assert NAME in told.body.decode()
    assert 405 == ask(plain, "GET", ROOMS, {}).status


def test_health_is_told_by_every_name(ask: Ask, plain: ServerProcess) -> None:
    """Probes use names of their own; a page learns nothing there, and is refused."""
    assert 200 == ask(plain, "GET", "/healthz", {}, host=NAME).status
    assert 403 == ask(plain, "GET", "/healthz", {"sec-fetch-dest": "image"}, host=NAME).status


@pytest.mark.parametrize(
    "host",
    ["chat:8080", "chat.default.svc.cluster.local", "host.docker.internal:8080", ":8080"],
)
def test_who_is_no_browser_may_use_every_name(ask: Ask, plain: ServerProcess, host: str) -> None:
    """Names of containers, services and upstreams: no --allow-host is needed for them."""
    assert 200 == lists(ask, plain, host=host).status


def test_any_host(ask: Ask, wide: ServerProcess) -> None:
    """`--allow-host '*'` answers to every name."""
    assert 200 == lists(ask, wide, host="elsewhere.example").status


# ---- Native gRPC --------------------------------------------------------------------


def native(
    server: ServerProcess, origin: str = "", authority: str | None = None
) -> tuple[int | None, str, list[str]]:
    """Status, sentence and shape of a native call's response."""
    with Connection(server.address) as connection:
        fields = dict(connection.request_headers(ROOMS))
        if authority is not None:
            fields[b":authority"] = authority.encode()
        if origin:
            fields[b"origin"] = origin.encode()
        stream = connection.open(list(fields.items()))
        connection.data(stream, envelope(b""), end=True)
        response = connection.response(stream)
        return response.grpc_status, response.grpc_message, response.shape


@pytest.mark.parametrize("authority", ["", ":8080", "chat", "chat_upstream", "chat.example:443"])
def test_native_calls_by_every_name(plain: ServerProcess, authority: str) -> None:
    """An empty name and a port alone as well, as grpc-go and grpcio serve them."""
    assert Code.OK == native(plain, authority=authority)[0]


def test_native_calls_of_pages(open_: ServerProcess) -> None:
    """gRPC itself with an Origin: an allowed one is served, another told why it is not."""
    assert Code.OK == native(open_, PAGE)[0]
    status, sentence, shape = native(open_, OTHER_PAGE)
    assert (Code.PERMISSION_DENIED, TRAILERS_ONLY) == (status, shape)
    assert OTHER_PAGE in sentence
    assert "--allow-origin" in sentence
