"""Servers that have to be made before they can be measured, below .tools/bench.

Each is made once: what it is made from is written beside it, last of all, so that an
interrupted build is begun again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".tools" / "bench"
GO_SOURCE = ROOT / "bench" / "peers" / "grpc_go"
GO_TOOLS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
)
"""Their versions are in go.mod."""
GO_SERVERS = ROOT / "bench" / "peers" / "go-servers.txt"
TOOLS = ROOT / ".tools" / "bin"
_building: list[bool] = []
GO_MODULE = "chatroom.test/bench"
PROTO = ROOT / "proto" / "rpc" / "chat.proto"


class UnavailableError(Exception):
    """A server cannot be measured on this machine; says why."""


class BuildError(Exception):
    """What should have been made could not be; has the tool's own words."""


def grpc_go() -> Path:
    """The room server on grpc-go, built. UnavailableError without Go or its modules."""
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("Go is not installed")
    if importlib.util.find_spec("grpc_tools") is None:
        raise UnavailableError("grpcio-tools is not installed (dependency group proto)")
    program, stamp = BUILT / "grpc-go", BUILT / "grpc-go.made-of"
    sources = [PROTO, *sorted(GO_SOURCE.glob("go.*")), *sorted(GO_SOURCE.glob("*.go"))]
    made_of = _digest(sources) + _output(go, "version")
    if program.exists() and stamp.exists() and stamp.read_text() == made_of:
        return program
    _say("building grpc-go's room server")
    BUILT.mkdir(parents=True, exist_ok=True)
    if subprocess.run([go, "mod", "download"], cwd=GO_SOURCE, check=False).returncode:
        raise UnavailableError(f"what {GO_SOURCE.relative_to(ROOT)}/go.mod requires is not there")
    build = (go, "build", "-mod=readonly", "-buildvcs=false", "-o")
    _run(*build, f"{BUILT}{os.sep}", *GO_TOOLS, cwd=GO_SOURCE)
    _generate()
    _run(*build, str(program), ".", cwd=GO_SOURCE)
    stamp.write_text(made_of)
    return program


def go_server(name: str) -> Path:
    """A server that the Go module proxy brings, in the version of go-servers.txt, built.

    It is only built where `build_missing` was called: that takes minutes.
    """
    module, version = next(
        line.split() for line in GO_SERVERS.read_text().splitlines() if f"/{name}" in line
    )
    program = TOOLS / name
    if program.exists():
        return program
    if found := shutil.which(name):
        return Path(found)
    if not _building:
        raise UnavailableError(f"{name} is missing (make benchmarks ARGS=--build builds it)")
    go = shutil.which("go")
    if go is None:
        raise UnavailableError(f"{name} is missing, and Go to build it")
    _say(f"building {module}@{version}")
    TOOLS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(TOOLS)}
    done = subprocess.run(
        [go, "install", f"{module}@{version}"],
        cwd=TOOLS,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"{name} cannot be built: {done.stderr.strip()[-300:]}")
    return program


def go_version(name: str) -> str:
    """The version of the module that a Go program was built from."""
    go = shutil.which("go")
    if go is None:
        return "of unknown version"
    found = re.search(r"\tmod\t\S+\tv(\S+)", _output(go, "version", "-m", str(go_server(name))))
    return found[1] if found else "of unknown version"


def build_missing() -> None:
    """From now on servers that are missing are built."""
    _building.append(True)


def c_program(source: Path) -> Path:
    """A program of one C file, compiled. UnavailableError without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise UnavailableError("cc is missing (Debian's gcc and libc6-dev)")
    program, stamp = BUILT / source.stem, BUILT / f"{source.stem}.made-of"
    made_of = _digest([source])
    if program.exists() and stamp.exists() and stamp.read_text() == made_of:
        return program
    BUILT.mkdir(parents=True, exist_ok=True)
    _run(compiler, "-O2", "-Wall", "-Werror", "-o", str(program), str(source), cwd=ROOT)
    stamp.write_text(made_of)
    return program


def _generate() -> None:
    """Write the Go package of the contract, which names none itself."""
    options = f"module={GO_MODULE},Mrpc/chat.proto={GO_MODULE}/chatpb"
    _run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO.parents[1]}"),
        *(f"--go_out={GO_SOURCE}", f"--go_opt={options}"),
        *(f"--go-grpc_out={GO_SOURCE}", f"--go-grpc_opt={options}"),
        "rpc/chat.proto",
        cwd=ROOT,
        path=BUILT,
    )


def revision(name: str) -> Path:
    """A clone of this repository at a revision, with a .venv of its own to run it."""
    git = shutil.which("git")
    if git is None:
        raise UnavailableError("git is not installed")
    found = subprocess.run(
        [git, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise UnavailableError(f"there is no revision {name} in this repository")
    commit = found.stdout.strip()
    clone = BUILT / "before" / commit[:12]
    stamp = clone / ".venv" / "made"
    if stamp.exists():
        return clone
    _say(f"making {commit[:12]} runnable, in a virtual environment of its own")
    shutil.rmtree(clone, ignore_errors=True)
    _run(git, "clone", "--quiet", "--no-checkout", str(ROOT), str(clone), cwd=ROOT)
    _run(git, "checkout", "--quiet", "--detach", commit, cwd=clone)
    _run(sys.executable, "-m", "venv", ".venv", cwd=clone)
    python = str(clone / ".venv" / "bin" / "python")
    installing = ("-m", "pip", "install", "--quiet", "--constraint", "constraints.txt")
    _run(python, *installing, "--editable", ".", cwd=clone)
    stamp.touch()
    return clone


def _digest(files: list[Path]) -> str:
    together = hashlib.sha256()
    for file in files:
        together.update(file.read_bytes())
    return together.hexdigest()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _run(*command: str, cwd: Path, path: Path | None = None) -> None:
    """Run a tool, found in `path` first; BuildError with its last lines when it fails."""
    searched = [str(path)] if path else []
    env = {**os.environ, "PATH": os.pathsep.join([*searched, *os.get_exec_path()])}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BuildError(f"{' '.join(command)}:\n{last}")


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
