"""grpc-go before our server, with things going wrong between them by a plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatroom.chatwire.faults.taps import running as faulty

from .programs import output, running
from .test_go import TRANSCRIPT, client, descriptors

__all__ = ["client", "descriptors"]

HARMLESS = (
    "delay up: 5ms ± 5ms",
    "throttle: 200kB/s",
    "withhold up: 20ms",
    "stop-reading down after 100ms: 100ms",
    "inject down: ping",
    "inject up: ping",
    "inject up stream 3: settings INITIAL_WINDOW_SIZE=1000",
    "inject down stream 5: settings HEADER_TABLE_SIZE=0",
    "hold down message 3 call 3: key a at most 50ms",
    "delay method */Chat message 2: 20ms",
    'drop text "nobody says this"',
)


@pytest.fixture
def server() -> Iterator[str]:
    with running("--room", "lobby") as address:
        yield address


def conversation(server: str, client: str, descriptors: Path, *rules: str) -> list[str]:
    """What the program prints."""
    with faulty(server, *rules) as tap:
        return output(client, str(descriptors), tap.address).splitlines()


@pytest.mark.parametrize("rules", [HARMLESS, *((rule,) for rule in HARMLESS[:3])], ids=str)
def test_what_only_takes_time(
    server: str, client: str, descriptors: Path, rules: tuple[str, ...]
) -> None:
    """grpc-go notices nothing, with all of them at once."""
    assert TRANSCRIPT.splitlines() == conversation(server, client, descriptors, *rules)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ('reorder down field message="line 1" method */Chat',
         "Bob sees Alice: line 1\nBob sees Alice: line 2\n",
         "Bob sees Alice: line 2\nBob sees Alice: line 1\n"),
        ('answer method */CreateChatRoom call 2: RESOURCE_EXHAUSTED "enough"',
         "CreateChatRoom InvalidArgument, ROOM_ID_INVALID of rpc.ChatService, field room_id\n",
         "CreateChatRoom ResourceExhausted\n"),
        ("trailers method */Shout: status DATA_LOSS", "Shout Unimplemented", "Shout DataLoss"),
    ],
    ids=["reorder", "answer", "trailers"],
)  # fmt: skip
def test_what_goes_wrong_is_what_the_plan_says(
    server: str, client: str, descriptors: Path, rule: str, before: str, after: str
) -> None:
    """And nothing else: every other line is as without."""
    assert before in TRANSCRIPT
    expected = TRANSCRIPT.replace(before, after)
    assert expected.splitlines() == conversation(server, client, descriptors, rule)
