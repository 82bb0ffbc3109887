"""What people see and do: browsers and a terminal in one room, whatever happens to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.client.certificates import authority
from tests.interop.programs import running, tool
from tests.launch.program import ran

from .line import Line
from .mortal import Mortal
from .playing import HERE, packages, play

CHATTER = ["-m", "chatroom.chatter"]


def terminal(address: str, *arguments: str, stdin: str = "") -> str:
    """Run chatter to its end: "ok", or what it said instead; what it printed for `history`."""
    command = [*CHATTER, *arguments, "--host", address]
    run: subprocess.CompletedProcess[str] = ran(
        command, input=stdin, capture_output=True, text=True, timeout=60
    )
    return run.stdout or run.stderr or "ok"


def test_two_browsers_and_a_terminal_talk() -> None:
    """Everybody is shown the same in the same order; links, code, mentions, typing, free names."""
    with running("--room", "lobby") as address:
        acts = {
            "terminal": lambda text: terminal_says(address, text),
            "history": lambda: terminal(address, "history", "lobby"),
        }
        play("talk", address, acts)


def terminal_says(address: str, text: str) -> str:
    said = terminal(address, "send", "--room", "lobby", "--name", "Cat", text)
    return "ok" if said.strip() else said


@pytest.mark.slow
def test_another_name_is_the_same_person(tmp_path: Path) -> None:
    """Everybody is told; after a reload, in other tabs, over a lost line the session goes on."""
    with (
        Mortal("--data", str(tmp_path), "--room", "lobby") as mortal,
        Line(mortal.address) as line,
    ):
        play("renamed", line.address, line.acts, DIRECT=f"http://{mortal.address}")


@pytest.mark.slow
def test_an_answer_leads_to_what_it_answers(tmp_path: Path) -> None:
    """Loaded or not; what is gone says so, and what is withdrawn is in no quote either."""
    with running("--room", "lobby", "--message-rate", "0") as address:
        play("replies", address, PICTURES=os.environ.get("PICTURES", str(tmp_path)))


@pytest.mark.slow
def test_what_was_said_is_found(tmp_path: Path) -> None:
    """Marked, page by page, and shown where it was said. PICTURES: a folder for pictures."""
    with running("--room", "lobby", "--message-rate", "0") as address:
        play("searched", address, PICTURES=os.environ.get("PICTURES", str(tmp_path)))


@pytest.mark.slow
def test_a_killed_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What is said before, while and after it is away comes once and in order; nobody leaves."""
    with Mortal("--data", str(tmp_path), "--room", "lobby") as server:
        play("kill", server.address, server.acts)


def test_a_deleted_room_says_so() -> None:
    """And leads to its successor; a room that never was leads to the others."""
    with running("--room", "lobby", "--room", "old") as address:
        play("closed", address)


def test_the_lobby_touches_only_what_has_changed() -> None:
    """Rooms come, go and change; focus and selection stay where they are."""
    with running() as address:
        play("lobby", address)


@pytest.mark.slow
def test_a_closed_tab_leaves() -> None:
    """The others are told within seconds; a reload, and a tab beside others, they do not see."""
    with running("--room", "lobby") as address:
        play("left", address)


@pytest.mark.slow
def test_a_link_opened_again_leads_back() -> None:
    """Without a SharedWorker a closed tab holds its name for 15 s; who comes back waits for it."""
    with running("--room", "lobby") as address:
        play("closed_tab", address)


def test_hostile_texts_are_texts() -> None:
    """Markup, links of other kinds, turned directions and huge words change nothing else."""
    with running("--room", "lobby") as address:
        play("hostile", address, {"terminal": lambda text: terminal_says(address, text)})


@pytest.mark.slow
def test_over_tls_every_room_is_live(tmp_path: Path) -> None:
    """HTTP/2 carries more rooms than six connections would."""
    pair = authority(tmp_path, "localhost")
    rooms = [argument for number in range(1, 8) for argument in ("--room", f"r{number}")]
    with running(*rooms, "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)) as where:
        play("encrypted", f"https://{where}")


@pytest.mark.slow
def test_a_long_history_is_a_window() -> None:
    """Scrolled back to the first of many messages, the view stays put and the page stays small."""

    def many(count: int) -> None:
        lines = "".join(f"line {number}\n" for number in range(1, count + 1))
        terminal(address, "--room", "lobby", "--name", "ci", "--history", "0", stdin=lines)

    with running("--room", "lobby", "--message-rate", "0") as address:
        play("history", address, {"many": many})


def test_the_linkifier_links_http_alone() -> None:
    """Whatever it is given: the pieces are the text, and only http and https become links."""
    play("pieces", "")


@pytest.mark.slow
def test_every_state_is_for_everyone(tmp_path: Path) -> None:
    """axe-core finds nothing in any state, light or dark. PICTURES: a folder for pictures."""
    pictures = os.environ.get("PICTURES", str(tmp_path))
    with Mortal("--data", str(tmp_path / "data"), "--room", "lobby", "--room", "tea") as server:
        play("states", server.address, server.acts, PICTURES=pictures)


def test_the_types_of_the_page_hold() -> None:
    """tsc, strict, finds nothing in the page's modules."""
    tsc = packages() / ".bin" / "tsc"
    checked = subprocess.run(
        [tool("node"), str(tsc), "-p", str(HERE)], capture_output=True, text=True, timeout=60
    )
    assert "" == checked.stdout + checked.stderr
