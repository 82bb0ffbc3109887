"""The wheel, in an environment of its own: its programs, the page, and what it brings.

`make dist` builds it and installs it there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.interop.programs import ROOT, SECONDS, missing, output

INSTALLED = ROOT / ".tools" / "installed"
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
PROGRAMS = ("chatserver", "chatter", "chatwire")


def made(pattern: str) -> Path:
    """A file of dist."""
    found = sorted((ROOT / "dist").glob(pattern))
    if not found:
        missing("the wheel (make dist)")
    (path,) = found
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are installed; nothing of the sources can be found from here."""
    made("*.whl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return INSTALLED / "bin"


@contextlib.contextmanager
def serving(*command: str | Path) -> Iterator[int]:
    """A program that listens until the end of the block; its port."""
    with subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                    yield int(found[1])
                    return
            raise AssertionError("".join(said))
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_says_its_version(programs: Path, program: str) -> None:
    assert f"{program}, version {VERSION}\n" == output(str(programs / program), "--version")


def test_it_is_the_wheel_that_runs(programs: Path) -> None:
    code = "import chatroom; print(chatroom.__file__)"
    where = Path(output(str(programs / "python"), "-c", code).strip())
    assert INSTALLED in where.parents


def test_people_chat_and_look_at_the_wire(programs: Path) -> None:
    with (
        serving(programs / "chatserver", "--bind", "127.0.0.1:0", "--room", "lobby") as port,
        serving(
            programs / "chatwire", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{port}"
        ) as tap,
        contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as browser,
    ):
        said = subprocess.run(
            [programs / "chatter", "--host", f"127.0.0.1:{tap}", "--room", "lobby",
             "--name", "Bob"],
            input="hello from the wheel\n", capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        assert 0 == said.returncode, said.stderr
        history = output(
            str(programs / "chatter"), "history", "lobby", "--host", f"127.0.0.1:{port}"
        )
        assert "hello from the wheel" in history
        browser.request("GET", "/")
        answer = browser.getresponse()
        page = answer.read().decode()
        assert (200, "<!doctype html>") == (answer.status, page[:15].lower())
        files = re.findall(r'(?:src|href)="(/?[\w./-]+\.(?:js|css|svg))"', page)
        assert files
        for file in files:
            browser.request("GET", "/" + file.lstrip("/"))
            answer = browser.getresponse()
            assert 200 == answer.status, file
            assert answer.read()


def test_an_experiment_runs(programs: Path) -> None:
    assert "GOAWAY" in output(str(programs / "chatwire"), "lab", "drain")


def test_nothing_that_it_needs_is_missing(programs: Path) -> None:
    assert "No broken requirements found." in output(str(programs / "python"), "-m", "pip", "check")


def test_each_program_has_its_manual(programs: Path) -> None:
    pages = INSTALLED / "share" / "man" / "man1"
    assert {f"{program}.1" for program in PROGRAMS} <= {page.name for page in pages.iterdir()}


def test_the_bill_of_materials_is_what_was_installed(programs: Path) -> None:
    bill = json.loads(made("*.cdx.json").read_text())
    assert ("CycloneDX", "chatroom", VERSION) == (
        bill["bomFormat"],
        bill["metadata"]["component"]["name"],
        bill["metadata"]["component"]["version"],
    )
    listed = {
        each["name"].lower().replace("_", "-"): each["version"] for each in bill["components"]
    }
    frozen = json.loads(output(str(programs / "python"), "-m", "pip", "list", "--format", "json"))
    there = {each["name"].lower().replace("_", "-"): each["version"] for each in frozen}
    for own in ("chatroom", "pip", "setuptools"):
        there.pop(own, None)
        listed.pop(own, None)
    assert there == listed
    assert "grpcio" in listed


def test_the_wheel_is_the_program_alone() -> None:
    with zipfile.ZipFile(made("*.whl")) as wheel:
        names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {"chatroom", f"chatroom-{VERSION}.dist-info", f"chatroom-{VERSION}.data"} == tops
    assert "chatroom/py.typed" in names
    assert f"chatroom-{VERSION}.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".db"))]


def test_the_sdist_has_what_packagers_want() -> None:
    with tarfile.open(made("*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "constraints.txt",
        "proto/rpc/chat.proto", "deploy/systemd/chatserver.service", "tests/conftest.py",
        "Makefile",
    } <= names  # fmt: skip
    assert os.sep + "node_modules" not in "".join(names)


def test_the_changelog_begins_with_this_version_or_what_comes_after_it() -> None:
    """By the form of keepachangelog.com: newest first, a date for each that was released."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(f"{VERSION} - ")
    for heading in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading), heading
