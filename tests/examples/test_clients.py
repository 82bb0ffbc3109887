"""The clients of examples/clients, started as docs/clients.md says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.servers import OURS, running
from tests.interop.programs import ROOT, missing, tool

PAGE = (ROOT / "docs" / "clients.md").read_text()
BUILD_SECONDS = 300
"""The first build compiles grpc-go; later ones come from Go's cache."""
LINES = 45
"""Of code, without comments and empty lines."""
SAID = "one\n\u00e7a va?\n"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--room", "lobby"]) as address:
        yield address


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the page's commands use."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "examples", copy / "examples")
    shutil.copytree(ROOT / "proto", copy / "proto")
    return copy


def commands(heading: str) -> str:
    """What the page says to type below this heading."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (found,) = [each for each in section if each.startswith(f"{heading}\n")]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", found, re.MULTILINE | re.DOTALL))


def bash(script: str, cwd: Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    here = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd, input=stdin, capture_output=True, text=True, timeout=BUILD_SECONDS,
        env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", **env}, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def go(tree: Path, server: str) -> list[str]:
    """The Go client, made by the page's commands, which end by saying something with it."""
    folder = tree / "examples" / "clients" / "go"
    downloaded = subprocess.run([tool("go"), "mod", "download"], cwd=folder, check=False)
    if downloaded.returncode:
        missing("what examples/clients/go/go.mod requires")
    script = commands("Go").replace("127.0.0.1:8080", server).replace("go run .", "go run -v .")
    ended = bash(script, tree, GOFLAGS="-mod=readonly")
    assert (0, True) == (ended.returncode, "Gopher: hello from Go\n" in ended.stdout), ended
    return ["go", "run", "-C", str(folder), ".", server]


@pytest.fixture(scope="module")
def typescript(tree: Path, server: str) -> list[str]:
    """The TypeScript client, likewise, but for what npm brings: that is here already."""
    grpc_js = ROOT / "tests" / "interop" / "node" / "node_modules"
    compiler = ROOT / "tests" / "page" / "node_modules"
    if not (grpc_js / "@grpc" / "grpc-js").is_dir() or not (compiler / ".bin" / "tsc").exists():
        missing("what npm brings (npm install in tests/interop/node and tests/page)")
    tool("node")
    work = tree / "typescript"
    (work / "node_modules").mkdir(parents=True)
    for package in grpc_js.iterdir():
        if package.name != "@types":
            (work / "node_modules" / package.name).symlink_to(package)
    (work / "node_modules" / "@types").symlink_to(compiler / "@types")
    (work / "package.json").write_text('{"type": "module"}')
    lines = commands("TypeScript").splitlines()
    assert ["npm", "npm"] == [line.split()[0] for line in lines[:2]]
    script = "\n".join(lines[2:]).replace("npx tsc", str(compiler / ".bin" / "tsc"))
    script = script.replace("127.0.0.1:8080", server).replace("~/chatroom", str(tree))
    ended = bash(script, work)
    assert (0, True) == (ended.returncode, "Tess: hello from TypeScript\n" in ended.stdout), ended
    return ["env", f"PROTO={work / 'proto'}", "node", str(work / "chat.js"), server]


@pytest.fixture(scope="module")
def curl(tree: Path, server: str) -> list[str]:
    """The client of curl, likewise."""
    for program in ("curl", "jq"):
        tool(program)
    ended = bash(commands("curl").replace("127.0.0.1:8080", server), tree)
    assert (0, True) == (ended.returncode, "Curly: hello from curl\n" in ended.stdout), ended
    assert '"room_id":"lobby"' in ended.stdout.replace(" ", "")
    return [str(tree / "examples" / "clients" / "chat.sh"), f"http://{server}"]


CLIENTS = ("go", "typescript", "curl")


@pytest.mark.parametrize("language", CLIENTS)
def test_what_one_says_is_stored_and_comes_back(
    language: str, request: pytest.FixtureRequest
) -> None:
    """Also what is not ASCII; an empty line is refused in words, and the rest goes on."""
    client: list[str] = request.getfixturevalue(language)
    name = f"{language} 1"
    ended = subprocess.run(
        [*client, "lobby", name], input=f"{SAID}\nlast\n", capture_output=True, text=True,
        timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    assert 0 == ended.returncode, ended
    for text in ("Has entered the chat", "one", "\u00e7a va?", "last"):
        assert 1 == ended.stdout.splitlines().count(f"{name}: {text}"), ended
    assert "a message needs at least one character" in ended.stdout + ended.stderr


@pytest.mark.parametrize("language", CLIENTS)
def test_a_refused_join_is_told(language: str, request: pytest.FixtureRequest) -> None:
    client: list[str] = request.getfixturevalue(language)
    ended = subprocess.run(
        [*client, "nowhere", "Bob"], input="unheard\n", capture_output=True, text=True,
        timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    assert (1, "") == (ended.returncode, ended.stdout)
    assert "there is no room nowhere" in ended.stderr


def test_a_long_message_goes_through_curl(curl: list[str]) -> None:
    """Its envelope's length takes two bytes, there and back, with bytes that look like JSON."""
    text = "{" * 3000
    ended = subprocess.run(
        [*curl, "lobby", "Long"], input=f"{text}\n", capture_output=True, text=True,
        timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    assert (0, True) == (ended.returncode, f"Long: {text}\n" in ended.stdout), ended.stderr


@pytest.mark.parametrize("name", ["go/main.go", "chat.ts", "chat.sh"])
def test_a_client_is_small(name: str) -> None:
    lines = (ROOT / "examples" / "clients" / name).read_text().splitlines()
    code = [line for line in map(str.strip, lines) if line and not line.startswith(("//", "#"))]
    assert len(code) <= LINES
