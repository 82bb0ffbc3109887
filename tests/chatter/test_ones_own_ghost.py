"""chatter killed and started again in a pipe: its name is waited for, or its place taken back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatroom.chatter.failures import Failure
from chatroom.chatter.kept_session import Whose, kept_session, read, written
from chatroom.client import Kind, Session, connect
from tests.client.servers import running
from tests.launch.quick_server import QUICK

SECONDS = 30.0
POLL_SECONDS = 0.02
BOB = Whose("localhost:8080", "lobby", "Bob")
SESSION = Session(secret="0123abcd", epoch="e1", after=7)


@pytest.fixture(scope="module")
def quick() -> Iterator[str]:
    """A server that keeps the place of a lost member for 1.5 s."""
    with running(["-m", *QUICK, "--bind", "127.0.0.1:0", "--in-memory"]) as address:
        yield address


@pytest.fixture
def room(server, chatter) -> str:
    return chatter("create", "--host", server).stdout.strip()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def at(server, room, state) -> tuple[str, ...]:
    """Bob of a room, with a state."""
    return ("--host", server, "--room", room, "--name", "Bob", "--state", str(state))


@pytest.fixture
def departed(server, room) -> Callable[[], list[str]]:
    """How Bob has gone, each time, as the room's log tells it."""

    async def scene() -> list[str]:
        async with connect(server) as chat:
            page = await chat.history(room)
            return [m.event.reason for m in page.messages if m.kind is Kind.LEFT]

    return lambda: asyncio.run(scene())


@pytest.fixture
def alice(server, room) -> Callable[[str], int]:
    """Have something said that is no arrival; its sequence."""

    async def scene(text: str) -> int:
        async with connect(server) as chat, chat.join(room, "Alice", history=0) as here:
            return (await here.send(text)).sequence

    return lambda text: asyncio.run(scene(text))


def until_kept(state: Path, after: int) -> None:
    """Wait until the file knows of an entry."""
    until = time.monotonic() + SECONDS
    while not state.exists() or json.loads(state.read_text())["after"] < after:
        assert time.monotonic() < until, "it was never kept"
        time.sleep(POLL_SECONDS)


# ---- Without a file: waiting ----------------------------------------------------------


def test_the_name_is_waited_for(quick, chatter, piped, present) -> None:
    """Until the server gives the place of the killed one up; what was piped in is said then."""
    room = chatter("create", "--host", quick).stdout.strip()
    at = ("--host", quick, "--room", room, "--name", "Bob")
    with piped(*at) as killed:
        present(quick, room, "Bob")
        killed.process.kill()
        killed.process.wait(SECONDS)
        again = chatter(*at, say="here again\n")
    taken = "chatter: the name tag 'Bob' is in use in this room; 'Bob 2' is free; "
    waiting = "waiting 30 s at most (it may be one's own place)\n"
    assert (0, taken + waiting) == (again.returncode, again.stderr)
    log = chatter("history", room, "--host", quick, "--json").stdout.splitlines()
    entries = [json.loads(line) for line in log]
    assert ["entered", "left", "entered", "said", "left"] == [entry["kind"] for entry in entries]
    assert ("lost", "quit") == (entries[1]["reason"], entries[-1]["reason"])


def test_waiting_can_be_ended(server, room, piped, present) -> None:
    """By a signal, at once; nobody has entered."""
    at = ("--host", server, "--room", room, "--name", "Bob")
    with piped(*at):
        present(server, room, "Bob")
        with piped(*at) as second:
            assert "waiting 30 s" in second.complaint()
            second.process.send_signal(signal.SIGTERM)
            assert -signal.SIGTERM == second.end()


def test_a_person_is_told_at_once(server, room, emulator, piped, present) -> None:
    """In a terminal there is somebody to choose; the exit code says that it is the name."""
    at = ("--host", server, "--room", room, "--name", "Bob")
    with piped(*at):
        present(server, room, "Bob")
        with emulator(*at, "--plain") as second:
            assert 3 == second.end()
            assert "waiting" not in second.text


# ---- With a file: going on ------------------------------------------------------------


def test_the_place_is_taken_back(at, alice, departed, state, server, room, piped, present) -> None:
    """At once after a kill, with what was said meanwhile, and nobody has seen it go."""
    with piped(*at) as killed:
        present(server, room, "Bob")
        sequence = alice("before")
        killed.hear("Alice: before\n")
        until_kept(state, sequence)
        killed.process.kill()
        killed.process.wait(SECONDS)
    alice("meanwhile")
    with piped(*at) as again:
        again.hear("Alice: meanwhile\n")
        again.say("here again\n")
        again.end_input()
        assert 0 == again.end()
        assert b"" == again.process.stderr.read()
        assert "Alice: before" not in again.lines
    assert ["quit"] * 3 == departed()


def test_whoever_has_left_goes_on_too(at, alice, chatter) -> None:
    """Where the last run was: what was said between two runs is printed, and once."""
    assert "Joining room\n" == chatter(*at).stdout
    alice("meanwhile")
    again = chatter(*at, "--wait", "0.2")
    assert ["Alice: meanwhile"] == [x for x in again.stdout.splitlines() if "mean" in x]
    assert "meanwhile" not in chatter(*at, "--wait", "0.2").stdout


def test_the_file_is_its_owners_alone(at, chatter, state) -> None:
    """Also where something was planted in the place of its successor."""
    planted = state.with_name("state.new")
    planted.touch(0o666)
    with planted.open() as open_by_others:
        assert 0 == chatter(*at).returncode
        assert "" == open_by_others.read()
    assert 0o600 == stat.S_IMODE(state.stat().st_mode)
    assert 0o600 == stat.S_IMODE(state.with_name("state.lock").stat().st_mode)
    assert not planted.exists()


def test_the_file_is_replaced_as_a_whole(at, chatter, state, alice) -> None:
    """Whoever reads it meanwhile has the one from before."""
    chatter(*at)
    before = state.read_text()
    with state.open() as reader:
        alice("meanwhile")
        assert 0 == chatter(*at, "--wait", "0.2").returncode
        assert before == reader.read()
    assert before != state.read_text()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_may_read_is_refused(at, chatter, state, mode) -> None:
    """Before anybody joins, with what to do."""
    chatter(*at)
    state.chmod(mode)
    ended = chatter(*at)
    sentence = f"others may read the session in {state}, or write it; chmod 600 {state}"
    assert (1, "", f"chatter: {sentence}\n") == (ended.returncode, ended.stdout, ended.stderr)


def test_one_process_at_a_time(at, chatter, piped, present, server, room, state) -> None:
    """The second one says so; the first goes on."""
    with piped(*at) as first:
        present(server, room, "Bob")
        second = chatter(*at)
        sentence = f"chatter: another chatter keeps its session in {state}\n"
        assert (1, "", sentence) == (second.returncode, second.stdout, second.stderr)
        first.end_input()
        assert 0 == first.end()


@pytest.mark.parametrize("other", [("--room", "other"), ("--name", "Eve")])
def test_the_file_of_another_place(at, chatter, state, other) -> None:
    """Says whose it is, and is left alone."""
    chatter(*at)
    before = state.read_text()
    option, value = other
    elsewhere = list(at)
    elsewhere[elsewhere.index(option) + 1] = value
    ended = chatter(*elsewhere)
    assert (1, "") == (ended.returncode, ended.stdout)
    assert f"{state} keeps the place of 'Bob' in " in ended.stderr
    assert "name another file" in ended.stderr
    assert before == state.read_text()


def test_a_damaged_file(at, chatter, state) -> None:
    """Says so and what to do; an empty one is as good as none."""
    chatter(*at)
    state.write_text(state.read_text()[:-3])
    ended = chatter(*at)
    sentence = f"{state} is damaged, or no state of chatter (delete {state} to join anew; "
    assert (1, "") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith(f"chatter: {sentence}")
    state.write_text("")
    assert 0 == chatter(*at).returncode


def test_every_damage_is_seen() -> None:
    """Wherever the text is cut, or has something else in it."""
    text = written(BOB, SESSION)
    assert SESSION == read(text, BOB, Path("state"))
    cut = [text[:end] for end in range(1, len(text))]
    values = [text.replace("7", each) for each in ("-1", "7.0", "true", "null", str(1 << 64))]
    other = ["[]", "null", "7", "[" * 100_000, text.replace("0123abcd", "\\u00e9"), " " + text]
    for damaged in (*cut, *values, *other):
        with pytest.raises(Failure, match="damaged"):
            read(damaged, BOB, Path("state"))


def test_what_is_no_file_is_not_waited_for(state: Path) -> None:
    """Such as a pipe that nobody writes into; nor is a directory that is not there."""
    os.mkfifo(state, 0o600)
    with pytest.raises(Failure, match="not a file"), kept_session(state, BOB):
        pytest.fail("a pipe was held")
    with pytest.raises(Failure, match="No such"), kept_session(state.parent / "no" / "s", BOB):
        pytest.fail("nothing was held")


def test_who_was_removed_joins_anew(at, chatter, piped, present, server, room, state) -> None:
    """Else they would be refused as the one who was removed, as long as the file is there."""
    with piped(*at) as bob:
        present(server, room, "Bob")
        until_kept(state, 1)
        chatter("remove", room, "Bob", "--host", server)
        assert 1 == bob.end()
    assert not state.exists()
    assert 0 == chatter(*at).returncode


def test_what_cannot_be_kept_is_told_once(at, piped, present, server, room, state, alice) -> None:
    """The conversation goes on without."""
    with piped(*at) as bob:
        present(server, room, "Bob")
        until_kept(state, 1)
        for file in state.parent.iterdir():
            file.unlink()
        state.parent.rmdir()
        alice("one")
        assert f"cannot keep the session in {state}: No such file" in bob.complaint()
        alice("two")
        bob.hear("Alice: two\n")
        bob.end_input()
        assert 0 == bob.end()
        assert b"" == bob.process.stderr.read()


def test_the_session_of_somebody_else(at, chatter, piped, present, server, room, state) -> None:
    """What the server does not take as this member's is told with what to do."""
    with piped(*at, "--name", "Eve") as eve:
        present(server, room, "Eve")
        until_kept(state, 1)
        eve.process.kill()
        eve.process.wait(SECONDS)
    state.write_text(state.read_text().replace("Eve", "Bob"))
    ended = chatter(*at)
    assert 1 == ended.returncode
    assert f"(delete {state} to join anew; " in ended.stderr


def test_a_file_is_for_one_place(chatter, emulator, server, state) -> None:
    """Wrong usage without a room and a name, and on the screen."""
    ended = chatter("--host", server, "--room", "lobby", "--state", str(state))
    assert 2 == ended.returncode
    assert "--state is for one place: give --room ID and --name NAME" in ended.stderr
    with emulator("--host", server, "--state", str(state)) as screen:
        assert 2 == screen.end()
