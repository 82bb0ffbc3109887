"""The page as browsers get it: over HTTP/1.1 and HTTP/2, in clear text and over TLS."""

from __future__ import annotations

import asyncio
import gzip
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.server.page.edition import FOLDER, Edition
from chatroom.server.page.site import LOAD_AGAIN, Site
from tests.client.certificates import authority, signed
from tests.faults.server_process import ServerProcess, serving
from tests.interop.raw_grpc import TRAILERS_ONLY
from tests.interop.raw_http2 import Connection
from tests.server.asking import Answer, Ask, over_http1, over_http2

EDITION = Edition.read()
SCRIPT = next(path for path in EDITION.files if path.endswith(".js"))
STYLE = next(path for path in EDITION.files if path.endswith(".css"))
BROWSER = {"accept-encoding": "gzip, deflate, br", "sec-fetch-site": "none"}


class Visit:
    """Requests to one server in one way."""

    def __init__(self, server: ServerProcess, ask: Ask, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._ask = ask
        self._tls = tls

    def __call__(self, path: str, method: str = "GET", host: str = "", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask(self._server, method, path, BROWSER | named, host=host, tls=self._tls)


@pytest.fixture(scope="module")
def plain() -> Iterator[ServerProcess]:
    with serving("--in-memory") as server:
        yield server


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    directory: Path = tmp_path_factory.mktemp("tls")
    ca = authority(directory, "ca")
    pair = signed(directory, ca, "localhost", "IP:127.0.0.1")
    files = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    with serving("--in-memory", *files) as server:
        yield server, ca.certificate


WAYS = ["HTTP/1.1", "HTTP/2", "HTTP/1.1 over TLS", "HTTP/2 over TLS"]


@pytest.fixture(params=WAYS)
def visit(request: pytest.FixtureRequest) -> Visit:
    """Each way by which a browser may come."""
    ask: Ask = over_http2 if "HTTP/2" in request.param else over_http1
    if "TLS" not in request.param:
        return Visit(request.getfixturevalue("plain"), ask, None)
    server, ca = request.getfixturevalue("encrypted")
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False  # the address is dialled as a number
    context.set_alpn_protocols(["h2" if ask is over_http2 else "http/1.1"])
    return Visit(server, ask, context)


# ---- What is where --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/r/lobby", "/?from=mail", "/r/lobby?x", "/r/a%20b/c", "/r/"]
)
def test_the_lobby_and_every_room_are_one_document(visit: Visit, path: str) -> None:
    """What the path means is the page's to say, also of what is no room."""
    told = visit(path)
    assert (200, "text/html; charset=utf-8") == (told.status, told.headers["content-type"])
    assert EDITION.document.plain.content == gzip.decompress(told.body)


def test_the_document_repeats_nothing_of_the_path(visit: Visit) -> None:
    """So a link cannot put anything into it."""
    assert visit("/").body == visit("/r/%3Cscript%3Ealert(1)%3C/script%3E").body


@pytest.mark.parametrize("path", [SCRIPT, STYLE])
def test_files_have_their_types(visit: Visit, path: str) -> None:
    """With the character set, as nothing else says which it is."""
    told = visit(path)
    kind = "text/javascript" if path is SCRIPT else "text/css"
    assert (200, f"{kind}; charset=utf-8") == (told.status, told.headers["content-type"])
    file = EDITION.files[path]
    expected = file.plain if file.gzipped is None else file.gzipped
    assert expected.content == told.body


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/index.html",
        f"/page/{EDITION.name}/index.html",
        f"{SCRIPT}/",
        f"/page/{EDITION.name}/../page.js",
        f"/page/{EDITION.name}/%2e%2e/__init__.py",
        f"/page/{'0' * 20}/page.css",
        "/page/page.js",
    ],
)
def test_nothing_else_is_there(visit: Visit, path: str) -> None:
    """No file but those of the edition, and no word of what was asked for."""
    told = visit(path)
    assert (404, b"there is no such file of the page\n") == (told.status, told.body)


@pytest.mark.parametrize("path", ["/r", "/page", "/index.html", "/favicon.ico", "/R/lobby"])
def test_the_page_is_nowhere_else(visit: Visit, path: str) -> None:
    told = visit(path)
    assert (404, f"there is nothing at {path}\n".encode()) == (told.status, told.body)
    assert "nosniff" == told.headers["x-content-type-options"]


# ---- How it is kept ---------------------------------------------------------------------


def test_the_document_is_asked_for_again_each_time(visit: Visit) -> None:
    """And not sent again where the browser still has it."""
    told = visit("/")
    assert "no-cache" == told.headers["cache-control"]
    again = visit("/r/lobby", if_none_match=told.headers["etag"])
    assert (304, b"") == (again.status, again.body)
    assert told.headers["etag"] == again.headers["etag"]
    assert "content-encoding" not in again.headers
    assert 200 == visit("/", if_none_match='"another"').status


def test_files_are_kept_for_good(visit: Visit) -> None:
    """They cannot change under their path (RFC 8246); asked for all the same, it is a 304."""
    told = visit(SCRIPT)
    assert {"public", "max-age=31536000", "immutable"} == told.listed("cache-control")
    assert 304 == visit(SCRIPT, if_none_match=told.headers["etag"]).status


def test_who_takes_no_gzip_gets_none(visit: Visit) -> None:
    """A cache between must know that there are two, and tell them apart."""
    zipped, plain = visit("/"), visit("/", accept_encoding="identity")
    assert ("gzip", None) == (
        zipped.headers.get("content-encoding"), plain.headers.get("content-encoding"),
    )  # fmt: skip
    assert gzip.decompress(zipped.body) == plain.body
    assert zipped.headers["etag"] != plain.headers["etag"]
    for told in (zipped, plain, visit("/", if_none_match=zipped.headers["etag"])):
        assert "accept-encoding" in told.listed("vary")


def test_head_is_get_without_the_body(visit: Visit) -> None:
    """RFC 9110, 9.3.2."""
    got, head = visit("/"), visit("/", method="HEAD")
    got.headers.pop("date", None)
    head.headers.pop("date", None)
    assert (200, b"", got.headers) == (head.status, head.body, head.headers)


@pytest.mark.parametrize("path", ["/", "/r/lobby", SCRIPT])
def test_a_page_is_only_read(visit: Visit, path: str) -> None:
    told = visit(path, method="POST")
    assert (405, {"get", "head"}) == (told.status, told.listed("allow"))


# ---- What keeps it safe -------------------------------------------------------------------

ANSWERS = ["/", "/r/lobby", SCRIPT, STYLE, "/page/nothing", f"/page/{'0' * 20}/page.js"]


@pytest.mark.parametrize("path", [*ANSWERS, "/qr?room=lobby", "/qr?room=NO"])
def test_every_answer_guards_the_page(visit: Visit, path: str) -> None:
    """Whatever the status; nothing inline, nothing from elsewhere, no frames, no cookies."""
    answer = visit(path)
    told = answer.headers
    policy = dict(
        each.strip().partition(" ")[::2] for each in told["content-security-policy"].split(";")
    )
    assert {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    } == policy
    assert ("nosniff", "no-referrer", "same-origin", "same-origin") == (
        told["x-content-type-options"], told["referrer-policy"],
        told["cross-origin-opener-policy"], told["cross-origin-resource-policy"],
    )  # fmt: skip
    assert {"camera=()", "geolocation=()", "microphone=()"} <= answer.listed("permissions-policy")
    assert "set-cookie" not in told


def test_a_not_modified_answer_guards_it_too(visit: Visit) -> None:
    """A browser takes headers of a 304 over into what it has kept (RFC 9111, 3.2)."""
    told = visit("/", if_none_match="*")
    assert (304, True) == (told.status, "content-security-policy" in told.headers)


@pytest.mark.parametrize("path", ["/", "/r/lobby", SCRIPT, "/qr?room=lobby"])
def test_other_names_and_other_pages_do_not_get_it(visit: Visit, path: str) -> None:
    """DNS rebinding, and a page of elsewhere: as with every GET."""
    assert 403 == visit(path, host="chat.example").status
    assert 403 == visit(path, origin="https://elsewhere.example").status
    assert 200 == visit(path, host="localhost").status


def test_the_document_has_nothing_inline() -> None:
    """The policy would not let it run."""
    document = EDITION.document.plain.content.decode()
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", document, re.DOTALL)
    assert scripts
    assert all("src=" in attributes and not body.strip() for attributes, body in scripts)
    assert [] == re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", document)


def test_grpc_is_told_in_its_own_words(plain: ServerProcess) -> None:
    """A native call to a path of the page is a method that is not there."""
    with Connection(plain.address) as connection:
        stream = connection.call("/r/lobby", end=True)
        response = connection.response(stream)
        assert (12, TRAILERS_ONLY) == (response.grpc_status, response.shape)


# ---- An upgrade ---------------------------------------------------------------------------


def ask_site(site: Site, path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """What a site answers to a GET."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        raise AssertionError("a GET has no body")

    async def send(event: object) -> None:
        assert isinstance(event, dict)
        sent.append(event)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    asyncio.run(site(scope, receive, send))
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]  # type: ignore[call-overload,return-value]


def two_editions(directory: Path) -> tuple[Edition, Edition]:
    """Before and after an upgrade that changed one of two modules."""
    editions = []
    for word in (b"old", b"new"):
        folder = directory / word.decode()
        folder.mkdir()
        (folder / "index.html").write_bytes(b'<script type="module" src="/page/app.js"></script>')
        (folder / "app.js").write_bytes(b'import { word } from "./same.js";')
        (folder / "same.js").write_bytes(b'export const word = "' + word + b'";')
        (folder / "page.css").write_bytes(b"")
        editions.append(Edition.read(folder))
    return editions[0], editions[1]


def test_a_document_never_gets_modules_of_another_edition(tmp_path: Path) -> None:
    """Also those that both have, byte for byte: what imports what is of one edition."""
    old, new = two_editions(tmp_path)
    site = Site(new)
    for path in old.files:
        status, headers, body = ask_site(site, path)
        if path.endswith(".js"):
            assert (200, b"no-store", LOAD_AGAIN) == (status, headers[b"cache-control"], body)
        else:
            assert 404 == status
    for path, file in new.files.items():
        assert (200, file.plain.content) == ask_site(site, path)[::2]


def test_a_reload_after_an_upgrade_gets_the_new_document(tmp_path: Path) -> None:
    """The old one is not taken for it, although everything else about it is equal."""
    old, new = two_editions(tmp_path)
    assert old.document.plain.etag != new.document.plain.etag
    status, _, body = ask_site(Site(new), "/")
    assert 200 == status
    assert f'{FOLDER}{new.name}/app.js"'.encode() in body


# ---- Left out -----------------------------------------------------------------------------


def test_a_server_may_go_without_a_page() -> None:
    """Then there is nothing at its paths, and everything else is as ever."""
    with serving("--in-memory", "--no-page") as server:
        for path in ("/", "/r/lobby", SCRIPT, "/qr"):
            told = over_http1(server, "GET", path, {})
            assert (404, f"there is nothing at {path}\n".encode()) == (told.status, told.body)
        assert 200 == over_http1(server, "GET", "/healthz", {}).status
