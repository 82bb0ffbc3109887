"""The units of deploy/systemd: systemd understands them, and they fit the server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from chatroom.core.limits import Limits
from chatroom.server.cli import chatserver
from chatroom.server.environment import check_environment
from chatroom.server.service import GOODBYE_SECONDS
from tests.faults.server_process import ROOT
from tests.interop.programs import tool

UNITS = ROOT / "deploy" / "systemd"
MOST_EXPOSED = 2.0
"""Of the ten that systemd gives to a service that is not confined at all."""


def settings() -> dict[str, str]:
    """What the service unit sets; each name once, or for good reason several times."""
    text = (UNITS / "chatserver.service").read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """With the program where it is here in place of where it is installed."""
    program = Path(sys.executable).with_name("chatserver")
    for unit in UNITS.iterdir():
        text = unit.read_text()
        (tmp_path / unit.name).write_text(
            text.replace("/opt/chatroom/bin/chatserver", str(program))
        )
    units = sorted(map(str, tmp_path.iterdir()))
    assert 2 == len(units)
    ended = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    ours = [line for line in ended.stderr.splitlines() if "chatserver" in line]
    assert (0, []) == (ended.returncode, ours), ended.stderr


def test_it_is_confined() -> None:
    unit = str(UNITS / "chatserver.service")
    ended = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", unit],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ended.stdout)
    assert found is not None, ended.stdout
    assert float(found[1]) < MOST_EXPOSED


def test_the_server_knows_what_the_unit_sets() -> None:
    variables = dict(
        re.findall(
            r"^Environment=(\w+)=(.*)$", (UNITS / "chatserver.service").read_text(), re.MULTILINE
        )
    )
    assert {"CHATSERVER_DATA"} == set(variables)
    with chatserver.make_context("chatserver", [], auto_envvar_prefix="CHATSERVER") as context:
        check_environment(context, variables)


def test_systemd_waits_as_long_as_a_stop_may_take() -> None:
    stop = Limits().drain_wait + GOODBYE_SECONDS
    assert float(settings()["TimeoutStopSec"]) > stop


def test_wrong_options_are_not_tried_again() -> None:
    """2 is what the server ends with then."""
    assert "on-failure" == settings()["Restart"]
    assert "2" == settings()["RestartPreventExitStatus"]


def test_what_it_asks_the_scheduler_for_is_let_through() -> None:
    text = (UNITS / "chatserver.service").read_text()
    lines = re.findall(r"^SystemCallFilter=(.*)$", text, re.MULTILINE)
    assert "~@privileged @resources" in lines[:-1]
    assert {"sched_setattr", "sched_getscheduler"} == set(lines[-1].split())
