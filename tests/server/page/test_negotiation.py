"""Which bytes a request's headers ask for."""

from __future__ import annotations

import pytest

from chatroom.server.page.negotiation import prefers_gzip, still_has


@pytest.mark.parametrize(
    ("accepted", "gzipped"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1, GZIP;q=0.8", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("gzip;q=nonsense", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_given_where_it_is_wanted(accepted: str, gzipped: bool) -> None:
    """RFC 9110, 12.5.3."""
    assert gzipped is prefers_gzip([(b"accept-encoding", accepted.encode())])


def test_who_says_nothing_gets_no_gzip() -> None:
    """A script may not know how to read it; and a header may come in two lines."""
    assert not prefers_gzip([])
    assert prefers_gzip([(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")])


@pytest.mark.parametrize(
    ("named", "has"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('W/"b",W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ('"a', False),
        ('"b*"', False),
        ("", False),
    ],
)
def test_what_the_browser_has(named: str, has: bool) -> None:
    """RFC 9110, 13.1.2: compared weakly, one of a list."""
    assert has is still_has([(b"if-none-match", named.encode())], b'"a"')
