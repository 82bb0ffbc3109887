"""`chatwire lab` as a program."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import click
import pytest

from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.command import play
from chatroom.chatwire.lab.servers import Server
from chatroom.chatwire.lab.stage import Stage
from chatroom.chatwire.live import Failure
from chatroom.chatwire.show.filters import Filter, Kind
from chatroom.chatwire.show.printer import Show
from tests.chatwire.lab.forked import quick
from tests.launch.program import ran

SECONDS = 60.0
"""How long anything may take; it never decides a test that passes."""


def chatwire(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    others = {} if encoding == "utf-8" else {"PYTHONIOENCODING": encoding}
    return ran(
        ["-m", "chatroom.chatwire", *arguments],
        capture_output=True,
        encoding=encoding,
        env={**os.environ, **others},
        timeout=SECONDS,
    )


def test_the_list() -> None:
    """Every experiment, with one line of what there is to see."""
    listed = chatwire("lab")
    assert 0 == listed.returncode
    for experiment in experiments().values():
        assert f"{experiment.title}: {experiment.summary}\n" in listed.stdout


def test_an_experiment_that_there_is_not() -> None:
    """A sentence with those that there are."""
    ran = chatwire("lab", "teleport")
    assert 2 == ran.returncode
    assert "there is no experiment 'teleport'; there are join" in ran.stderr
    assert "" == ran.stdout


def test_a_run_with_every_frame() -> None:
    """In order, each under the titles of the steps that it shows and of no others."""
    ran = chatwire("lab", "join", "--all", "--summary")
    assert (0, "chatwire: playing the scene of join\n") == (ran.returncode, ran.stderr)
    places = [
        ran.stdout.index(text)
        for text in ("OPENED", "step 1, The client says", "PREFACE", "live { }", "Why\n", "summary")
    ]
    assert sorted(places) == places
    assert frames_by_step("join", ran.stdout)


def frames_by_step(name: str, printed: str) -> dict[int, list[str]]:
    """The kinds of the frames that are printed below each step's title."""
    lines = printed.splitlines()
    found: dict[int, list[str]] = {}
    for place, line in enumerate(lines):
        if match := re.match(r"  step (\d+), ", line):
            below = next(each for each in lines[place:] if not each.startswith("  step "))
            found.setdefault(int(match[1]), []).append(below.split()[5])
    for number, kinds in found.items():
        wanted = [str(one.kind) for one in experiments()[name].story[number - 1].shows]
        assert all(kind in wanted for kind in kinds), (number, kinds, wanted)
    return found


def test_filters_mean_every_frame_they_leave() -> None:
    """As for the tap; of a step whose frames are hidden there is no title."""
    ran = chatwire("lab", "join", "--stream", "0", "--hide", "settings")
    assert 0 == ran.returncode
    assert 2 <= ran.stdout.count("WINDOW_UPDATE +")
    assert " HEADERS       " not in ran.stdout
    assert {1: ["PREFACE"], 3: ["WINDOW_UPDATE"]} == frames_by_step("join", ran.stdout)
    times = [float(found) for found in re.findall(r"^ +(\d+\.\d{3}) ", ran.stdout, re.MULTILINE)]
    assert sorted(times) == times


def test_filters_that_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said."""
    show = Show(shown=Filter(kinds=frozenset((Kind.GOAWAY,))))
    assert 0 == play(quick("join"), show, everything=False)
    said = capsys.readouterr().out
    assert re.search(r"None of the \d+ frames that passed is one of those asked for\.", said)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line: the frames, then the story, which names frames by number."""
    assert 0 == play(quick("join"), Show(json=True), everything=False)
    *frames, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(range(1, len(frames) + 1)) == [frame["number"] for frame in frames]
    story = last["experiment"]
    assert "join" == story["name"]
    assert {"1": "Ann"} == story["clients"]
    for step in story["steps"]:
        for number in step["frames"]:
            assert step["number"] in frames[number - 1]["steps"]


def test_json_of_some_frames_and_the_summary() -> None:
    """The frames asked for; the story names all the same those that it shows."""
    ran = chatwire("lab", "join", "--json", "--summary", "--frame", "data")
    *frames, story, last = map(json.loads, ran.stdout.splitlines())
    assert {"DATA"} == {frame["kind"] for frame in frames}
    assert {frame["number"] for frame in frames} < {
        number for step in story["experiment"]["steps"] for number in step["frames"]
    }
    (stream,) = last["summary"]["streams"]
    assert "/rpc.ChatService/Chat" == stream["call"]


def test_what_is_typed_by_hand_is_printed_with_its_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each line of its listings, above the frames that it makes."""
    assert 0 == play(quick("join-by-hand"), Show(), everything=False)
    said = capsys.readouterr().out
    listings = [step.listing for step in experiments()["join-by-hand"].story if step.listing]
    assert listings
    for listing in listings:
        indented = "".join(f"      {line}\n" for line in listing.rstrip().splitlines())
        assert indented in said


def test_a_scene_that_does_not_show_its_story(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and a sentence; with --all also the frames that there were."""

    async def connects_only(stage: Stage) -> None:
        async with stage.client("Ann"):
            pass

    with pytest.raises(Failure) as caught:
        play(replace(quick("join"), scene=connects_only), Show(), everything=True)
    assert 1 == caught.value.exit_code
    assert caught.value.message.startswith("join did not show what it says: step 6, ")
    assert " PREFACE " in capsys.readouterr().out


def test_output_that_cannot_be_encoded() -> None:
    """Other characters are written as escapes."""
    ran = chatwire("lab", "join", encoding="ascii")
    assert 0 == ran.returncode
    assert r"\u2026 (+" in ran.stdout


def test_a_reader_that_goes_away() -> None:
    """As `| head -1` does: no traceback."""
    command = [sys.executable, "-m", "chatroom.chatwire", "lab", "join"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert b"chatwire: playing the scene of join\n" == process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_scene(number: int) -> None:
    """It ends like an interrupted command, and its server ends with it."""
    servers: list[Server] = []

    async def signalled(stage: Stage) -> None:
        servers.append(stage.server)
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()

    with pytest.raises(click.Abort):
        play(replace(experiments()["join"], scene=signalled), Show(), everything=False)
    assert servers[0].process
    assert servers[0].process.returncode is not None
