"""Origins as browsers say them, and the Hosts that their pages come from."""

from __future__ import annotations

import pytest

from chatroom.wire.origins import Origin, OriginInvalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://chat.example", Origin("https", "chat.example", 443)),
        ("https://chat.example:443", Origin("https", "chat.example", 443)),
        ("http://CHAT.example", Origin("http", "chat.example", 80)),
        ("http://chat.example.:8080", Origin("http", "chat.example", 8080)),
        ("https://[2001:db8::1]", Origin("https", "2001:db8::1", 443)),
        ("https://[::1]:8443", Origin("https", "::1", 8443)),
        ("app://chat", Origin("app", "chat", None)),
    ],
)
def test_an_origin_is_read(text: str, expected: Origin) -> None:
    """RFC 6454, 4: scheme and host in lower case, and the scheme's port if none is written."""
    assert expected == Origin.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "https://", "chat.example", "//chat.example", "https://chat.example/",
        "https://chat.example/page", "https://a@chat.example", "https://chat.example:port",
        "https://chat.example:123456", "https://a b", "https://[::1", "https://::1", "*",
        "https://:8080",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    """`null` above all, the origin of sandboxed frames and of local files."""
    with pytest.raises(OriginInvalid):
        Origin.parse(text)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://x", "x", True),
        ("https://x", "x:443", True),
        ("https://x:443", "x", True),
        ("http://x", "x:80", True),
        ("http://x:8080", "x:8080", True),
        ("http://X", "x.", True),
        ("https://x", "x:", True),
        ("https://[::1]", "[::1]:443", True),
        ("https://x", "x:80", False),
        ("http://x", "x:443", False),
        ("https://x", "x:8443", False),
        ("https://x:8443", "x", False),
        ("https://x", "y", False),
        ("https://x", "", False),
        ("https://x", ":443", False),
        ("app://x", "x", False),
    ],
)
def test_the_default_port_is_none(origin: str, host: str, same: bool) -> None:
    """A Host without a port has that of the origin's scheme; another port is another server."""
    assert same is Origin.parse(origin).is_at(host)
