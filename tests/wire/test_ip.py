"""IP addresses as they are compared."""

from __future__ import annotations

import pytest

from chatroom.wire.ip import canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
        ("::", "::"),
    ],
)
def test_an_address_has_one_form(text: str, expected: str) -> None:
    """However it is written."""
    assert expected == canonical(text)


@pytest.mark.parametrize(
    "text", ["", "localhost", "192.0.2", "192.0.2.7:80", "[::1]", "192.0.2.07", "::g", "%eth0"]
)
def test_what_is_no_address_has_none(text: str) -> None:
    """Nothing is guessed."""
    assert "" == canonical(text)
