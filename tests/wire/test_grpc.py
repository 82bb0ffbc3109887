"""What gRPC writes into paths, headers and trailers."""

from __future__ import annotations

import base64

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2
from chatroom.wire.grpc import (
    CHAT,
    CHAT_METHODS,
    MODERATION_METHODS,
    SUBSCRIBE,
    UNARY,
    Code,
    TimeoutInvalid,
    binary_octets,
    binary_value,
    is_native,
    media_type,
    percent_decoded,
    percent_encoded,
    status_trailers,
    timeout_seconds,
    timeout_value,
)
from tests.texts import CHARACTERS


def test_the_paths_are_those_of_the_contract() -> None:
    """Every method has one, and none is left over."""
    methods = pb.DESCRIPTOR.services_by_name["ChatService"].methods
    orders = moderation_pb2.DESCRIPTOR.services_by_name["ModerationService"].methods
    streams = {m.name for m in methods if m.client_streaming or m.server_streaming}
    assert {f"/rpc.ChatService/{name}" for name in streams} == {CHAT, SUBSCRIBE}
    assert {f"/rpc.ChatService/{m.name}" for m in methods} == {CHAT, SUBSCRIBE, *CHAT_METHODS}
    assert {f"/rpc.ModerationService/{m.name}" for m in orders} == set(MODERATION_METHODS)
    assert UNARY == (*CHAT_METHODS, *MODERATION_METHODS)


def test_the_codes_are_those_of_grpc() -> None:
    """By name and number, as another implementation has them."""
    assert {code.name: code.value[0] for code in grpc.StatusCode} == {c.name: int(c) for c in Code}


@pytest.mark.parametrize(
    ("content_type", "native"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc+json", True),
        (b"Application/GRPC; charset=utf-8", True),
        (b"application/grpc-web", False),
        (b"application/grpc-web+proto", False),
        (b"application/grpcx", False),
        (b"application/json", False),
        (b"", False),
    ],
)
def test_native_grpc_is_known_by_its_type(content_type: bytes, native: bool) -> None:
    """gRPC-Web begins with the same letters."""
    assert native is is_native(media_type(content_type))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1H", 3600.0), (b"2M", 120.0), (b"3S", 3.0), (b"250m", 0.25),
        (b"50u", 0.00005), (b"99999999n", 0.099999999), (b"0n", 0.0),
    ],
)  # fmt: skip
def test_a_timeout_is_read(value: bytes, seconds: float) -> None:
    """Up to eight digits and a unit."""
    assert seconds == pytest.approx(timeout_seconds(value))


@pytest.mark.parametrize(
    "value", [b"", b"1", b"S", b"-1S", b"1.5S", b"123456789S", b"1s", b"1 S", b"\xff", b"+1S"]
)
def test_what_is_no_timeout_is_refused(value: bytes) -> None:
    """With the value, and a sentence that shows it."""
    with pytest.raises(TimeoutInvalid, match="grpc-timeout") as error:
        timeout_seconds(value)
    assert value == error.value.value


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (0.0, b"0n"), (-1.0, b"0n"), (0.05, b"50000000n"), (0.2, b"200000u"), (2.0, b"2000000u"),
        (100.0, b"100000m"), (100_000.5, b"100001S"), (1e12, b"99999999H"),
    ],
)  # fmt: skip
def test_a_timeout_is_written_in_the_finest_unit_that_has_room(
    seconds: float, value: bytes
) -> None:
    """Rounded up: a call is not given less time than was asked for."""
    assert value == timeout_value(seconds)


@given(st.floats(0, 99_999_999 * 3600))
def test_a_timeout_survives_its_encoding(seconds: float) -> None:
    """To within one of the unit that it is written in, and never shorter."""
    read = timeout_seconds(timeout_value(seconds))
    assert seconds * 0.999999 - 1e-9 <= read <= seconds * 1.0001 + 1e-9


@given(st.text(CHARACTERS))
def test_messages_survive_their_encoding(text: str) -> None:
    """Percent-encoded they are printable ASCII, and decode to what they were."""
    encoded = percent_encoded(text)
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert text == percent_decoded(encoded.decode())


@pytest.mark.parametrize(
    ("value", "message"),
    [("100%", "100%"), ("a%zzb", "a%zzb"), ("%C3%A4%", "ä%"), ("%C3", "\\xc3"), ("%25", "%")],
)
def test_nothing_is_thrown_away_of_a_broken_message(value: str, message: str) -> None:
    """As "Percent-Encoded" asks: a peer's mistake still says what it says."""
    assert message == percent_decoded(value)


def test_a_status_is_three_trailers_at_most() -> None:
    """No sentence and no details: one."""
    assert [(b"grpc-status", b"0")] == status_trailers(Code.OK)
    assert [
        (b"grpc-status", b"5"),
        (b"grpc-message", b"no room %C3%A4"),
        (b"grpc-status-details-bin", b"AAE"),
    ] == status_trailers(Code.NOT_FOUND, "no room ä", b"\0\1")


@given(st.binary())
def test_binary_values_are_read_with_and_without_padding(octets: bytes) -> None:
    """ "Binary-Header": senders should not pad, receivers take both."""
    assert octets == binary_octets(binary_value(octets))
    assert octets == binary_octets(base64.b64encode(octets).decode())


@pytest.mark.parametrize("value", [b"A", b"A!==", "\u00ff", b"AA AA"])
def test_what_is_no_base64_is_refused(value: bytes | str) -> None:
    """Nothing is skipped in silence."""
    with pytest.raises(ValueError):
        binary_octets(value)
