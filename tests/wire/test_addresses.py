"""Server addresses as people write them."""

from __future__ import annotations

import pytest

from chatroom.wire.addresses import Address, AddressInvalid, hostname


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", True), ("127.0.0.1", True), ("[::1]:1", True), ("chatserver:8080", True),
        ("chat.team.svc", True), ("chat.team.svc.cluster.local:80", True), ("Printer.LOCAL.", True),
        ("chat.example", False), ("svc.example", False), ("10.0.0.1", False), ("local.", True),
        ("chat.nosvc", False), ("[2001:db8::1]:8080", False),
    ],
)  # fmt: skip
def test_nearby_is_what_no_proxy_can_know(text: str, expected: bool) -> None:
    """This machine, and names that mean something only in this network."""
    assert expected == Address.parse(text).nearby


@pytest.mark.parametrize("text", ["localhost:8080", "[::1]:99", "10.0.0.1:443"])
def test_address_is_written_as_read(text: str) -> None:
    """An address is shown as a person would type it."""
    assert text == str(Address.parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:1", Address("localhost", 1)),
        (":8081", Address("0.0.0.0", 8081)),
        ("[::]:0", Address("::", 0)),
        ("[fe80::1%eth0]:99", Address("fe80::1%eth0", 99)),
    ],
)
def test_address_to_listen_on_is_read(text: str, expected: Address) -> None:
    """Its port must be written, and may be 0; without a host it is what the caller says."""
    assert expected == Address.parse(text, host="0.0.0.0", port=None, lowest=0)


@pytest.mark.parametrize(
    "text", ["", "x", "::1", "::1:80", "[::1]", "a b:1", "http://x:1", "x:-1", "x:y", "x:", ":"]
)
def test_address_without_a_port_is_refused(text: str) -> None:
    """Where none stands for it."""
    with pytest.raises(AddressInvalid) as error:
        Address.parse(text, port=None, lowest=0)
    assert text == error.value.text


def test_an_address_is_what_sockets_take() -> None:
    """A pair, as `getsockname` gives it."""
    assert ("::1", 80) == Address("::1", 80)
    assert "[::1]:80" == str(Address(*("::1", 80, 0, 0)[:2]))


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost", "localhost"), ("Chat.Example.:443", "chat.example"),
        ("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "::1"), ("[::1", "::1"), ("", ""),
    ],
)  # fmt: skip
def test_the_host_of_an_authority(authority: str, host: str) -> None:
    """In lower case; the port and the dot of a complete name make no other host of it."""
    assert host == hostname(authority)
