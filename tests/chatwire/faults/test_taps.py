"""Each fault against grpcio on both sides: what arrives is what the plan says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import grpc
import grpc.aio
import pytest

from chatroom.chatwire.decode import Kind, records
from chatroom.chatwire.decode.records import Frame
from chatroom.chatwire.faults.taps import FaultyRecordedTap, faulty, running
from chatroom.chatwire.passage import Side
from tests.chatwire.loops import LOOPS, run

from .echo import METHOD, OPTIONS, calling, echoing, ending

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with echoing() as address:
        yield address


async def said(address: str, *messages: bytes) -> list[bytes]:
    """What a client is answered that says these."""
    async with calling(address) as call:
        for message in messages:
            await call.write(message)
        await call.done_writing()
        return [answer async for answer in call]


def answers(
    server: str, *rules: str, says: tuple[bytes, ...] = (b"one", b"two", b"three")
) -> list[bytes]:
    """The same through a tap with these rules."""

    async def scene() -> list[bytes]:
        async with faulty(server, *rules) as tap:
            return await said(tap.address, *says)

    return run(scene())


async def failure(tap: FaultyRecordedTap, *messages: bytes) -> tuple[list[bytes], grpc.StatusCode]:
    """What is answered, one after the other, before the call fails, and how it does."""
    got: list[bytes] = []
    async with calling(tap.address) as call:
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for message in messages:
                await call.write(message)
                if (answer := await call.read()) is grpc.aio.EOF:
                    break
                got.append(answer)
        return got, (await ending(call))[0]


def fails(server: str, *rules: str) -> tuple[list[bytes], grpc.StatusCode]:
    """The same for two messages, through a tap with these rules."""

    async def scene() -> tuple[list[bytes], grpc.StatusCode]:
        async with faulty(server, *rules) as tap:
            return await failure(tap, b"one", b"two")

    return run(scene())


def of_kind(frames: list[Frame], kind: Kind) -> list[Frame]:
    return [frame for frame in frames if frame.kind is kind]


@pytest.mark.parametrize(
    ("rule", "expected"),
    {
        "drop up message 2": [b"one", b"three"],
        "drop down message 2": [b"one", b"three"],
        "double up message 1": [b"one", b"one", b"two", b"three"],
        "double down message 3: 3 times": [b"one", b"two", b"three", b"three", b"three"],
        "reorder up message 1": [b"two", b"one", b"three"],
        "reorder down message 1: behind 2": [b"two", b"three", b"one"],
        'drop up text "tw"': [b"one", b"three"],
        "delay up message 2: 50ms": [b"one", b"two", b"three"],
        "hold down message 2: key a at most 50ms": [b"one", b"two", b"three"],
        "throttle: 2000B/s": [b"one", b"two", b"three"],
        "delay: 20ms ± 20ms": [b"one", b"two", b"three"],
        "stop-reading down after 0s: 100ms": [b"one", b"two", b"three"],
        "withhold up: 50ms": [b"one", b"two", b"three"],
        "inject down message 1: ping": [b"one", b"two", b"three"],
        "inject up message 2: ping 0102030405060708": [b"one", b"two", b"three"],
        "inject down message 1: settings MAX_CONCURRENT_STREAMS=1": [b"one", b"two", b"three"],
        "drop method /another.*": [b"one", b"two", b"three"],
    }.items(),
)
def test_messages_of_a_call(server: str, rule: str, expected: list[bytes]) -> None:
    """What the client gets, when the call ends well."""
    assert expected == answers(server, rule)


def test_all_else_passes_byte_for_byte(server: str) -> None:
    """With a message dropped, each direction is what it is without, but for that message."""

    async def scene(*rules: str) -> dict[Side, list[tuple[Kind, int | None, bytes]]]:
        async with faulty(server, *rules) as tap:
            await said(tap.address, b"one", b"two", b"three")
            frames = [frame for frame in tap.frames if frame.kind is Kind.DATA]
        return {
            side: [
                (frame.kind, frame.stream, frame.detail.payload)  # type: ignore[union-attr]
                for frame in frames
                if frame.sender is side and frame.length
            ]
            for side in Side
        }

    plain, without = run(scene()), run(scene("drop down message 2"))
    assert plain[Side.CLIENT] == without[Side.CLIENT]
    payloads = b"".join(payload for _, _, payload in plain[Side.SERVER])
    assert payloads.replace(b"\0\0\0\0\3two", b"") == b"".join(
        payload for _, _, payload in without[Side.SERVER]
    )


@pytest.mark.parametrize(
    ("rule", "got", "status"),
    [
        ("cut down message 2: rst", [b"one"], UNAVAILABLE),
        ("cut down message 2: fin", [b"one"], UNAVAILABLE),
        ("cut idle 100ms: rst", [b"one", b"two"], UNAVAILABLE),
        ("inject down message 2: rst_stream REFUSED_STREAM", [b"one"], UNAVAILABLE),
        ("inject down message 2: rst_stream INTERNAL_ERROR", [b"one"], grpc.StatusCode.INTERNAL),
        ("inject down message 2: rst_stream ENHANCE_YOUR_CALM", [b"one"],
         grpc.StatusCode.RESOURCE_EXHAUSTED),
        ("inject down message 2: goaway NO_ERROR last 0", [b"one"], UNAVAILABLE),
    ],
)  # fmt: skip
def test_calls_that_end_badly(
    server: str, rule: str, got: list[bytes], status: grpc.StatusCode
) -> None:
    """What the client gets before, and the status that its library makes of it."""
    assert (got, status) == fails(server, rule)


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("missing", grpc.StatusCode.UNKNOWN),
        ("without grpc-status", grpc.StatusCode.UNKNOWN),
        ("status DATA_LOSS", grpc.StatusCode.DATA_LOSS),
        ("with grpc-status=10", grpc.StatusCode.ABORTED),
    ],
)
def test_trailers(server: str, what: str, status: grpc.StatusCode) -> None:
    """All messages come, and the call does not end well."""

    async def scene() -> tuple[list[bytes], grpc.StatusCode]:
        async with faulty(server, f"trailers: {what}") as tap, calling(tap.address) as call:
            await call.write(b"one")
            got = [await call.read()]
            await call.done_writing()
            return got, (await ending(call))[0]

    assert ([b"one"], status) == run(scene())


def test_an_answer(server: str) -> None:
    """The client gets its status and its words."""

    async def scene() -> tuple[grpc.StatusCode, str]:
        rule = 'answer: FAILED_PRECONDITION "not now, später"'
        async with faulty(server, rule) as tap, calling(tap.address) as call:
            return await ending(call)

    assert (grpc.StatusCode.FAILED_PRECONDITION, "not now, später") == run(scene())


def test_calls_after_an_answer_of_the_tap_are_right(server: str) -> None:
    """The server has not seen the first, and its compression table is not out of step."""

    async def scene() -> tuple[list[grpc.StatusCode], list[str | None]]:
        async with (
            faulty(server, "answer call 2: UNAVAILABLE") as tap,
            grpc.aio.insecure_channel(tap.address, OPTIONS) as channel,
        ):
            statuses = []
            for number in range(4):
                call = channel.stream_stream(METHOD)(metadata=(("x-number", f"number-{number}"),))
                await call.done_writing()
                statuses.append(await call.code())
            requests = [frame.detail for frame in of_kind(tap.frames, Kind.HEADERS)]
            return statuses, [
                one.value("x-number") for one in requests
                if isinstance(one, records.Headers) and one.value(":method")
            ]  # fmt: skip

    ok = grpc.StatusCode.OK
    assert ([ok, UNAVAILABLE, ok, ok], ["number-0", "number-2", "number-3"]) == run(scene())


def test_a_held_message_is_released_by_its_key(server: str) -> None:
    """Other calls go on meanwhile."""

    async def scene() -> list[bytes]:
        rule = "hold down message 1 connection 1: key a"
        async with faulty(server, rule) as tap, calling(tap.address) as call:
            await call.write(b"one")
            await tap.until(lambda frame: frame.kind is Kind.FAULT)
            assert [b"other"] == await said(tap.address, b"other")
            assert 1 == tap.release("a")
            return [await call.read()]

    assert [b"one"] == run(scene())


def test_a_side_that_is_not_read_fills_its_windows(server: str) -> None:
    """The server, which is not read, comes to a stop; afterwards nothing is missing."""
    count = 20_000
    expected = [b"%d" % number for number in range(1, count + 1)]
    rules = ("stop-reading down message 1: 300ms",)
    assert expected == answers(server, *rules, says=(b"count %d" % count,))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("side", list(Side))
def test_a_side_that_is_not_read_from_the_beginning(server: str, side: Side, loop: str) -> None:
    """Nothing of it passes before it is read again, whatever has come before."""

    async def scene() -> None:
        way = "up" if side is Side.CLIENT else "down"
        async with faulty(server, f"stop-reading {way}: 300ms") as tap:
            assert [b"one"] == await said(tap.address, b"one")
            stopped, reads = [one.number for one in tap.faults]
            first = next(
                one for one in of_kind(list(tap.frames), Kind.SETTINGS) if one.sender is side
            )
            assert stopped < reads < first.number

    run(scene(), loop)


def test_rules_that_nothing_fits_are_told(server: str) -> None:
    """So that a test can see that what it is about has happened."""

    async def scene() -> None:
        async with faulty(server, "double down message 1", "drop up message 7") as tap:
            await said(tap.address, b"one")
            assert ["drop up message 7"] == tap.unfitted

    run(scene())


def test_withheld_windows_stop_the_server(server: str) -> None:
    """It comes to the end of the stream's window; more follows when the updates pass."""

    async def scene() -> list[Frame]:
        async with faulty(server, "withhold up stream 1: 500ms") as tap:
            async with calling(tap.address, ("grpc.http2.lookahead_bytes", 1000)) as call:
                await call.write(b"x" * 100_000)
                await call.write(b"y" * 100_000)
                await call.done_writing()
                assert [100_000] * 2 == [len(answer) async for answer in call]
            return tap.faults

    faults = run(scene())
    assert {"withholds"} == {
        frame.detail.doing for frame in faults if isinstance(frame.detail, records.Fault)
    }
    assert "held" in {frame.altered.how for frame in faults if frame.altered}


def test_a_peer_that_vanishes(server: str) -> None:
    """Only a deadline, or a PING without an answer, tells the client."""

    async def scene() -> tuple[list[bytes], grpc.StatusCode]:
        # Of grpcio it is this time-out that counts, and not that of keepalive.
        pings = (("grpc.keepalive_time_ms", 1000), ("grpc.http2.ping_timeout_ms", 500))
        rule = "vanish message 2 down"
        async with faulty(server, rule) as tap, calling(tap.address, *pings) as call:
            await call.write(b"one")
            got = [await call.read()]
            await call.write(b"two")
            with contextlib.suppress(grpc.aio.AioRpcError):
                got.append(await call.read())
            return got, (await ending(call))[0]

    assert ([b"one"], UNAVAILABLE) == run(scene())


def test_everything_that_was_done_is_told(server: str) -> None:
    """Which rule, what it did, and to which message."""

    async def scene() -> list[tuple[str, str]]:
        async with faulty(server, "drop up message 1", "double down message 2") as tap:
            assert [b"two", b"three", b"three"] == await said(tap.address, b"one", b"two", b"three")
            found = []
            for frame in tap.faults:
                if isinstance(frame.detail, records.Fault) and frame.detail.rule:
                    found.append((frame.detail.doing, frame.detail.rule))
                elif frame.altered is not None and frame.altered.rule:
                    found.append((frame.altered.how, frame.altered.rule))
            return found

    assert [("drops", "drop up message 1"), ("invented", "double down message 2")] == run(scene())


def test_a_tap_in_a_thread(server: str) -> None:
    """For clients without an event loop."""
    with running(server, "drop down message 1", "hold down message 3: key a") as tap:
        with grpc.insecure_channel(tap.address, OPTIONS) as channel:
            call = channel.stream_stream(METHOD)(iter([b"one", b"two", b"three"]))
            assert b"two" == next(call)
            while not tap.release("a"):
                pass
            assert [b"three"] == list(call)
        assert {"drops", "holds"} == {
            one.detail.doing for one in tap.faults if isinstance(one.detail, records.Fault)
        }


def test_the_fixture(server: str, faulty_tap) -> None:  # type: ignore[no-untyped-def]
    """As others use it: one line in conftest.py."""
    tap = faulty_tap(server, "drop up message 1")
    with grpc.insecure_channel(tap.address, OPTIONS) as channel:
        assert [b"two"] == list(channel.stream_stream(METHOD)(iter([b"one", b"two"])))
