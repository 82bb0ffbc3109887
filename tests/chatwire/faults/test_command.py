"""`chatwire fault` as a program: what it does, prints, captures and refuses."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from chatroom.chatwire.cli import run as run_command
from tests.chatwire.programs import chatwire

from .echo import METHOD, OPTIONS, echoing

FAULT = ("fault",)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with echoing() as address:
        yield address


def said(address: str, *messages: bytes) -> list[bytes]:
    """What a client is answered that says these."""
    with grpc.insecure_channel(address, OPTIONS) as channel:
        return list(channel.stream_stream(METHOD)(iter(messages), timeout=30))


def test_a_rule_of_the_command_line(server: str) -> None:
    """It is said at the start, done, and shown with the frames."""
    with chatwire(server, "--drop", 'up text "two"', command=FAULT) as tap:
        assert [b"one", b"three"] == said(tap.address, b"one", b"two", b"three")
        printed = tap.stop()
        assert 'chatwire: fault: drop up text "two"\n' in tap.errors
    assert 'FAULT         the tap drops (drop up text "two")' in printed
    assert "two" in next(line for line in printed.splitlines() if "FAULT" in line)
    assert "[invented, for bytes that do not pass]" in printed


def test_a_plan_in_a_file_and_a_rule(server: str, tmp_path: Path) -> None:
    """Both are done, with what they do in JSON and in the capture."""
    plan, capture = tmp_path / "plan.toml", tmp_path / "bad.pcapng"
    plan.write_text("seed = 3\nrules = ['double down message 1']\n")
    options = ("--plan", str(plan), "--delay", "up: 10ms", "--json", "--write", str(capture))
    with chatwire(server, *options, command=FAULT) as tap:
        assert [b"one", b"one"] == said(tap.address, b"one")
        frames = [json.loads(line) for line in tap.stop().splitlines()]
    altered = [frame["altered"] for frame in frames if "altered" in frame]
    assert {"how": "invented", "rule": "double down message 1", "note": "copy 2 of 2"} in altered
    held = {one["rule"] for one in altered if one["how"] == "held"}
    assert "delay up: 10ms" in held
    assert b"fault, stream 1: invented, copy 2 of 2 (double down message 1)" in capture.read_bytes()
    assert 0 == run_command(["read", str(capture)])


def test_keys_are_typed(server: str) -> None:
    """A line with the key lets go; another is answered with those that there are."""
    options = ("--hold", "down message 1: key go")
    with chatwire(server, *options, command=FAULT, stdin=subprocess.PIPE) as tap:
        with grpc.insecure_channel(tap.address, OPTIONS) as channel:
            call = channel.stream_stream(METHOD)(iter([b"one"]), timeout=30)
            assert tap.process.stdout is not None
            while "FAULT" not in tap.process.stdout.readline():
                pass
            assert tap.process.stdin is not None
            tap.process.stdin.write("no\ngo\n")
            tap.process.stdin.flush()
            assert [b"one"] == list(call)
        tap.stop()
        assert '"no" is no key of this plan: go' in tap.errors
        assert 'key "go": 1 message let go' in tap.errors


def test_checking_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its rules and its seed; nothing listens."""
    plan = tmp_path / "plan.toml"
    plan.write_text("rules = ['cut idle 1m: rst']\n")
    assert 0 == run_command(["fault", "--check-plan", "--plan", str(plan), "--drop", "up"])
    assert "cut idle 1m: rst\ndrop up\n2 rules, seed 0\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules = ['drop up mesage 2']", "rule 1 is none:\ndrop up mesage 2\n        ^ column 9: "),
        ("rules = []", "has no rules"),
        ("rules = [1]", "rule 1 is no text"),
        ("rules = 'drop'", "has no rules"),
        ("seed = -1\nrules = ['drop']", "seed is a whole number"),
        ("seeds = 1", "'seeds', which a plan does not: rules or seed"),
        ("rules = [", "is not TOML"),
    ],
)
def test_a_file_that_is_no_plan(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and where it is wrong."""
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    assert 2 == run_command(["fault", "--check-plan", "--plan", str(plan)])
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing is to go wrong"),
        (["--delay", "up: 3"], "delay up: 3\n          ^ column 11: "),
        (["--check-plan"], "nothing is to go wrong"),
        (["--plan", __file__, "--plan", __file__], "one --plan is enough"),
        (["--drop", "", "--to-insecure"], "are for --tls"),
    ],
)
def test_wrong_usage(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything listens."""
    assert 2 == run_command(["fault", *arguments])
    assert sentence in capsys.readouterr().err


def test_http1_says_what_does_not_apply(server: str) -> None:
    """By name, once for a connection; faults of bytes apply."""

    async def speak(address: str) -> bytes:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    options = ("--drop", "up", "--answer", ": INTERNAL", "--delay", "up: 10ms")
    with chatwire(server, *options, command=FAULT) as tap:
        asyncio.run(speak(tap.address))
        printed = tap.stop()
    assert "of calls and frames there is no drop, answer here" in printed


@pytest.mark.parametrize(
    ("rule", "ending"),
    [
        ("cut down message 2: rst", "reset by a fault"),
        ("cut down message 2: fin", "ended by a fault"),
        ("inject down message 2: rst_stream CANCEL", "RST_STREAM CANCEL by a fault"),
    ],
)
def test_the_summary_says_what_the_faults_did(server: str, rule: str, ending: str) -> None:
    """Nobody else is blamed for it; and how many there were, of a stream and of the connection."""
    kind, _, rest = rule.partition(" ")
    with chatwire(server, f"--{kind}", rest, "--summary", command=FAULT) as tap:
        with pytest.raises(grpc.RpcError):
            said(tap.address, b"one", b"two")
        summary = tap.stop().partition("\nsummary\n")[2]
    assert ending in summary
    assert "    of the tap: " in summary
    assert kind == "inject" or " by the client" not in summary


def test_the_summary_says_that_the_tap_has_ended(server: str) -> None:
    """With a call under way, that is: nobody has reset anything."""
    with (
        chatwire(server, "--summary") as tap,
        grpc.insecure_channel(tap.address, OPTIONS) as channel,
    ):
        call = channel.stream_stream(METHOD)(iter([b"one"]), timeout=30)
        next(call)
        going = channel.stream_stream(METHOD)(forever(), timeout=30)
        next(going)
        summary = tap.stop().partition("\nsummary\n")[2]
    assert "reset by the tap" in summary
    assert "of the tap: " not in summary


def forever() -> Iterator[bytes]:
    """A message, and no end."""
    yield b"one"
    threading.Event().wait()
