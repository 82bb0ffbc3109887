"""docs/operations.md, as an operator goes through it: each command does what is said of it."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.server_process import ROOT
from tests.interop.programs import SECONDS, tool

from .promtool import DEPLOYED, rules
from .unit import Unit

DOCUMENT = ROOT / "docs" / "operations.md"
OLD_FILE = ROOT / "tests" / "journal" / "databases" / "version-6.db.gz"
ELSEWHERE = {
    "pip install": "tests/release installs the wheel",
    "chatserver top": "it needs a terminal, which it has in tests/server/top",
}
"""Commands that are tried elsewhere."""


def free_ports(count: int) -> list[int]:
    """Ports that no system gives to who asks for any: so they are still free when they are used."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 1000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


def blocks() -> dict[str, list[str]]:
    """The commands of each section, by the section's title."""
    parts = re.split(r"^## (.+)\n", DOCUMENT.read_text(), flags=re.MULTILINE)
    found = {
        title: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {title: commands for title, commands in found.items() if commands}


def kept(command: str) -> str:
    """Without the lines that are tried elsewhere."""
    lines = [line for line in command.splitlines() if not any(e in line for e in ELSEWHERE)]
    return "\n".join(lines).replace("sleep 10", "sleep 0.1")


class Operator:
    """Somebody with a shell and the document."""

    def __init__(self, root: Path) -> None:
        port, ops = free_ports(2)
        self.unit = Unit(root, Path(sys.executable).parent, port=port, ops=ops)
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CHAT")},
            "PATH": f"{self.unit.commands}{os.pathsep}{os.environ['PATH']}",
            "CHATTER_HOST": f"127.0.0.1:{port}",
            "XDG_CONFIG_HOME": str(root),
            "HOME": str(root),
        }

    def does(self, command: str, say: str = "") -> str:
        """What the commands print, all of which work."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.unit.here(command)],
            input=say, capture_output=True, text=True, timeout=SECONDS, check=False,
            env=self._environment, cwd=self.unit.root,
        )  # fmt: skip
        assert 0 == ended.returncode, f"{command}\n{ended.stdout}{ended.stderr}"
        return ended.stdout + ended.stderr

    def follows(self, section: str, say: str = "") -> list[str]:
        """What each block of commands of a section prints."""
        return [self.does(kept(block), say) for block in blocks()[section]]


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """With a server that has been installed and started."""
    for program in ("bash", "curl", "setsid"):
        tool(program)
    found = Operator(tmp_path)
    try:
        found.does("systemctl start chatserver")
        yield found
    finally:
        found.does("systemctl stop chatserver")


def test_every_section_is_tried() -> None:
    """Those of this file, in this order."""
    expected = [
        "Install", "Configure", "Watch", "Look yourself", "A room that misbehaves", "Backup",
        "Restore", "Upgrade", "Roll back",
    ]  # fmt: skip
    assert expected == list(blocks())


@pytest.mark.slow
def test_from_the_installation_to_a_restored_backup(operator: Operator) -> None:
    (installed,) = operator.follows("Install")
    assert "listening on 127.0.0.1:" in installed
    _, checked = operator.follows("Configure")
    assert (
        operator.unit.here("keeps rooms and messages in /var/lib/chatroom/chatroom.db") in checked
    )
    assert checked.endswith("\nok\n")
    operator.does("/opt/chatroom/bin/chatter send --room lobby --name Ann 'before the backup'")

    (found,) = operator.follows("A room that misbehaves")
    assert '"room_id": "lobby"' in found
    assert '"connections": []' in found

    (checked,) = operator.follows("Backup")
    assert "nothing is wrong" in checked
    with pytest.raises(AssertionError, match=r"/backups/chatroom\.db"):
        operator.follows("Backup")  # which is there already
    operator.does("/opt/chatroom/bin/chatter send --room lobby --name Ann 'after the backup'")
    (restored,) = operator.follows("Restore")
    assert "Ann: before the backup" in restored
    assert "after the backup" not in restored


@pytest.mark.slow
def test_there_and_back(operator: Operator) -> None:
    """An upgrade of the file of an earlier version; and what is said since is lost on the way."""
    operator.follows("Configure")
    operator.does("systemctl stop chatserver && rm -r /var/lib/chatroom/*")
    data = Path(operator.unit.places["/var/lib/chatroom"])
    (data / "chatroom.db").write_bytes(gzip.decompress(OLD_FILE.read_bytes()))
    operator.does("systemctl start chatserver")
    (upgraded,) = operator.follows("Upgrade")
    assert upgraded.endswith("\nok\n")
    assert "chatroom.db.schema-6" in operator.does("ls /var/lib/chatroom")
    operator.does("/opt/chatroom/bin/chatter create since")
    operator.does("/opt/chatroom/bin/chatter send --room since --name Ann 'since the upgrade'")
    (back,) = operator.follows("Roll back", "y\n")
    assert "room since" in back
    assert "has schema version 6 again" in back
    assert "\nok\n" in back
    assert "since" not in operator.does("/opt/chatroom/bin/chatter list")


@pytest.mark.slow
def test_prometheus_takes_what_is_deployed(operator: Operator, tmp_path: Path) -> None:
    """It scrapes the server, and evaluates every rule without an error. Where it is installed its
    files are elsewhere, and it asks less often than here."""
    operator.follows("Configure")
    copied = tmp_path / "prometheus"
    copied.mkdir()
    for file in DEPLOYED.iterdir():
        text = operator.unit.here(file.read_text()).replace("15s", "1s")
        (copied / file.name).write_text(text)
    (port,) = free_ports(1)
    command = [
        tool("prometheus"), f"--config.file={copied / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'series'}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as prometheus:
        try:
            ask = f"curl -sf --retry 60 --retry-connrefused --retry-delay 1 localhost:{port}/api/v1"
            ready = "query?query=chatroom_ready"
            assert ready in "".join(blocks()["Watch"])
            while not (found := json.loads(operator.does(f"{ask}/{ready}"))["data"]["result"]):
                assert prometheus.poll() is None
            assert "1" == found[0]["value"][1]
            while True:
                groups = json.loads(operator.does(f"{ask}/rules"))["data"]["groups"]
                told = {rule["name"]: rule for group in groups for rule in group["rules"]}
                if all(rule["health"] != "unknown" for rule in told.values()):
                    break
            assert set(rules()) == set(told)
            assert {"ok"} == {rule["health"] for rule in told.values()}
        finally:
            prometheus.terminate()
