"""Every command of the documents is run, or there is a reason why not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.interop.programs import ROOT, missing, tool

from .pages import commands, documents

PLAYED: Mapping[str, tuple[str, ...]] = {
    "README.md": (),
    "docs/access.md": (),
    "docs/chatter.md": (
        "chatserver --in-memory --room ops",
        "mkdir -p ~/.local/state ~/.config/fish/completions",
    ),
    "docs/clients.md": (),
    "docs/embedding.md": (),
    "docs/moderation.md": (
        "chatserver --data kept --room lobby",
        "chatter --room lobby --name Bob --wait --json",
    ),
    "docs/server.md": ("chatserver --in-memory --room lobby --ops-bind 127.0.0.1:9090",),
    "docs/page.md": (),
    "docs/proxies.md": (
        "chatserver keys create --keys keys.toml --id home",
        "chatserver dev-cert --dir made chat",
        "cp made/dev-cert.pem chat.pem && cp made/dev-key.pem chat-key.pem",
    ),
    "docs/tls.md": (
        "chatserver keys create --keys keys.toml --id home",
        "chatserver dev-cert --dir made",
        "cp made/dev-cert.pem fullchain.pem && cp made/dev-key.pem privkey.pem",
    ),
}
"""Documents whose commands are run in order, after those that the page takes for granted."""

FIRST: Mapping[str, tuple[str, ...]] = {
    r"grpcurl .*126859": ("chatter create 126859",),
    r"node examples/room\.mjs": ("chatter create lobby",),
}
"""What the page leaves to its reader to do before a command."""

LASTING = {
    r"chatserver(?! (audit|backup|check|config|copy|dev-cert|keys|token|top)\b)": "listening on",
    r"make run\b": "listening on",
    r"python examples/embedded\.py": "listens on",
    r"node examples/room\.mjs": "hello from JavaScript",
    r"chatter watch": "",
    r"chatter --room lobby .*--json": "Has entered the chat",
    r"chatter --room ops .*--wait": "",
}
"""Commands that go on, and what they say once they are ready."""

WIRE = "tests/chatwire/test_wireshark.py and test_capture_round_trip.py beside it do it"
NODES = "tests/interop/test_many_nodes.py starts this very set-up, on ports of its own"
BASE = "needs a PostgreSQL server by this name; tests/server/test_database_commands.py has its own"

EXCUSED: Mapping[str, Mapping[str, str]] = {
    "": {
        r"make (test|asyncio|soak|check|bench(marks)?|proto|picture|man|dist|site|experiments)\b":
            "this run is part of one of them; .ci/run runs those that a change needs",
        r"(python3 -m venv|.*/bin/pip install|pip install)":
            "needs an index of packages; make dist installs the wheel, tests/release tries it",
        r"sudo ": "changes the machine; tests/deploy has systemd read the units",
    },
    "docs/chatter.md": {
        r'eval "\$\(chatter completion zsh': "is for zsh; tests/chatter/test_completion.py has it",
    },
    "docs/clients.md": {
        r"(cd examples|python -m grpc_tools|echo .* go run|npm|cp|npx|echo .* node)":
            "tests/examples/test_clients.py runs these blocks, where packages can be had",
    },
    "docs/container.md": {
        r"(docker|kubectl|openssl) ": "needs an engine; tests/deploy carries out the image's steps",
    },
    "docs/many-nodes.md": {
        r"(export|PG=|\"\$PG|chatserver|chatter|sed|haproxy|rm) ?": NODES,
    },
    "docs/moderation.md": {
        r"chatserver audit --data /var/lib": "that directory; tests/server/test_audit.py",
    },
    "docs/server.md": {
        r"chatserver config check --config /etc": "that file; tests/server/test_config_commands.py",
        r"chatserver --journal-file .* --workers": BASE,
    },
    "docs/faults.md": {r"chatwire fault": "tests/chatwire/faults/test_worked_example.py"},
    "docs/operations.md": {
        r"": "tests/deploy/test_operations.py does them, with a unit in place of systemd",
    },
    "docs/pictures.md": {
        r"chatwire read": "needs a capture; tests/chatwire/test_diagrams.py makes one",
    },
    "docs/postgresql.md": {
        r"(createdb|echo|chatserver --journal|chatserver copy|chatserver new-epochs) ?": BASE,
    },
    "docs/traces.md": {
        r"(export|opentelemetry-instrument)":
            "needs what an operator installs; tests/server/test_traces.py sets a provider itself",
    },
    "docs/replay.md": {r"chatwire (--write|replay|diff)": "tests/chatwire/test_replay.py"},
    "docs/wireshark.md": {
        r"(make (wireshark|tshark)|chatwire|tshark|tcpdump|python tools/wireshark)": WIRE,
    },
}  # fmt: skip
"""Why a command is not run here, by its beginning; in all documents, and in one."""


def excuse(document: str, command: str) -> str | None:
    """Why a command of a document is not run, or None."""
    reasons = {**EXCUSED[""], **EXCUSED.get(document, {})}
    return next((why for what, why in reasons.items() if re.match(what, command)), None)


def test_every_command_is_run_or_excused() -> None:
    assert [] == [
        f"{name}: {command}"
        for name, path in documents().items()
        if name not in PLAYED
        for command in commands(path.read_text())
        if excuse(name, command) is None
    ]


def test_every_excuse_is_for_a_command() -> None:
    """And names no test that is not there."""
    for document, reasons in EXCUSED.items():
        said = [
            command
            for name, path in documents().items()
            if document in ("", name)
            for command in commands(path.read_text())
        ]
        for what, why in reasons.items():
            assert any(re.match(what, command) for command in said), what
            for path in re.findall(r"\b(?:tests|bench|tools)/[\w/.]*\w", why):
                assert (ROOT / path).exists(), path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the repository, with the programs installed as `make install` does."""
    copy = tmp_path / "chatroom"
    copy.mkdir()
    for name in ("deploy", "docs", "examples", "proto"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        (copy / ".venv" / part.name).symlink_to(part)
    (copy / ".venv" / ".installed").unlink(missing_ok=True)
    (copy / ".venv" / ".installed").touch()
    return copy


def _with_what_comes_first(document: str, said: list[str]) -> Iterator[str]:
    for command in said:
        if excuse(document, command) is None:
            for what, first in FIRST.items():
                if re.match(what, command):
                    yield from first
            yield command


@pytest.mark.timeout(600)  # some twenty programs, one after another
@pytest.mark.parametrize("document", PLAYED)
def test_the_commands_of_a_page_do_what_it_says(document: str, tree: Path) -> None:
    """One after the other, in a network of their own, with nothing but what the page has said."""
    said = commands(documents()[document].read_text())
    steps = [
        (command, next((ready for what, ready in LASTING.items() if re.match(what, command)), None))
        for command in [*PLAYED[document], *_with_what_comes_first(document, said)]
    ]
    assert len(steps) > len(PLAYED[document])
    for program in {"grpcurl", "curl", "jq", "node", "tcpdump"} & {
        word for command, _ in steps for word in re.findall(r"\w+", command)
    }:
        tool(program)
    home = tree.parent / "home"
    home.mkdir()
    path = [str(tree / ".venv" / "bin"), str(ROOT / ".tools" / "bin"), os.environ["PATH"]]
    environment = {name: value for name, value in os.environ.items() if "CHAT" not in name}
    environment |= {"HOME": str(home), "PATH": os.pathsep.join(path)}
    for name in [name for name in environment if name.startswith("XDG_")]:
        del environment[name]
    apart = [tool("unshare"), "--map-root-user", "--net"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        missing("a namespace of networks")
    ended = subprocess.run(
        [*apart, sys.executable, str(Path(__file__).with_name("player.py"))],
        input=json.dumps(steps), cwd=tree, env=environment,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert 0 == ended.returncode, ended.stderr
    wrong = json.loads(ended.stdout)
    assert [] == wrong, "\n\n".join(wrong)
