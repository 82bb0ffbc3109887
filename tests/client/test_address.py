"""Server addresses as people write them."""

from __future__ import annotations

import pytest

from chatroom.client import Address, AddressInvalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:8080", Address("localhost", 8080)),
        ("localhost", Address("localhost", 8080)),
        ("chat.example:443", Address("chat.example", 443)),
        ("10.0.0.1:99", Address("10.0.0.1", 99)),
        ("[::1]:99", Address("::1", 99)),
        ("[::1]", Address("::1", 8080)),
        ("::1", Address("::1", 8080)),
        (":8081", Address("localhost", 8081)),
        (" localhost:8080\n", Address("localhost", 8080)),
    ],
)
def test_address_is_read(text: str, expected: Address) -> None:
    """An address has a host, and port 8080 unless it says another."""
    assert expected == Address.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "http://localhost:8080", "localhost:", "localhost:0", "localhost:65536",
        "localhost:http", "localhost:-1", "[::1", "[::1]8080", "[::1]:", "[localhost]:8080",
        "a:b:c", "chat server:8080", "localhost:٣",
    ],
)  # fmt: skip
def test_address_is_refused(text: str) -> None:
    """What is not host:port is refused with a sentence, not handed to gRPC."""
    with pytest.raises(AddressInvalid):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("127.0.0.1", True), ("127.9.9.9:1", True),
        ("[::1]:8080", True), ("10.0.0.1", False), ("chat.example", False),
        ("localhost.example", False), ("0.0.0.0", False), ("[2001:db8::1]:8080", False),
    ],
)  # fmt: skip
def test_loopback_is_known(text: str, expected: bool) -> None:
    """Only addresses of this machine itself are loopback, and so plaintext."""
    assert expected == Address.parse(text).loopback


@pytest.mark.parametrize("text", ["localhost:8080", "[::1]:99", "10.0.0.1:443"])
def test_address_is_written_as_read(text: str) -> None:
    """An address is shown as a person would type it."""
    assert text == str(Address.parse(text))
