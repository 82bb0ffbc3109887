"""Generate src/chatroom/api from proto/: `python tools/generate.py [--check]`.

Two generators read the one contract:

- grpcio-tools: Google's protobuf classes and the grpcio stubs,
- protoc-gen-connectrpc: the Connect service over those same classes.

With --check nothing is written; the exit code is 1 when what is there is stale.
"""

from __future__ import annotations

import filecmp
import importlib.resources
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
API = ROOT / "src" / "chatroom" / "api"
PACKAGE = '"""Generated from proto/; see tools/generate.py."""\n'


def protoc(*arguments: str | Path) -> None:
    """Run grpcio-tools' protoc; its own error messages reach standard error."""
    bin_dir = Path(sys.executable).parent
    include = importlib.resources.files("grpc_tools") / "_proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{include}"]
    subprocess.run(
        [*command, *map(str, arguments)],
        check=True,
        env={"PATH": f"{bin_dir}:/usr/bin:/bin"},
    )


def generate(into: Path) -> None:
    """Write the whole generated package below `into`, which must be empty."""
    ours = sorted((PROTO / "rpc").glob("*.proto"))
    protoc(
        f"--python_out={into}",
        f"--pyi_out={into}",
        f"--grpc_python_out={into}",
        f"--connectrpc_out={into}",
        "--connectrpc_opt=protobuf=google",
        *ours,
    )
    # The health service's own proto file is installed with grpcio-health-checking's
    # descriptors; it is written from those so that no copy is kept here.
    with tempfile.TemporaryDirectory() as temporary:
        health = write_health_proto(Path(temporary))
        protoc(
            f"-I{temporary}",
            f"--connectrpc_out={into}",
            "--connectrpc_opt=protobuf=google",
            health,
        )
    # grpcio-tools writes absolute imports from the proto root; the package is not
    # at the top of sys.path, so they are made relative.
    for stub in (into / "rpc").glob("*_pb2_grpc.py"):
        stub.write_text(stub.read_text().replace("from rpc import ", "from . import "))
    # The health classes themselves are the installed package's.
    connect = into / "grpc" / "health" / "v1" / "health_connect.py"
    connect.write_text(
        connect.read_text().replace(
            "from .health_pb2 import", "from grpc_health.v1.health_pb2 import"
        )
    )
    for directory in [into, *(path for path in into.rglob("*") if path.is_dir())]:
        init = directory / "__init__.py"
        if not init.exists() or not init.read_text().strip() or directory == into:
            init.write_text(PACKAGE)


def write_health_proto(directory: Path) -> Path:
    """Write grpc/health/v1/health.proto as its standard defines it (messages and methods).

    Source: the gRPC health checking protocol (grpc/grpc, doc/health-checking.md).
    """
    path = directory / "grpc" / "health" / "v1" / "health.proto"
    path.parent.mkdir(parents=True)
    path.write_text(HEALTH_PROTO)
    return path


HEALTH_PROTO = """\
syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
message HealthListRequest {}
message HealthListResponse { map<string, HealthCheckResponse> statuses = 1; }
service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
  rpc List(HealthListRequest) returns (HealthListResponse);
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
}
"""


def differences(old: Path, new: Path) -> list[str]:
    """Name every file that is missing, left over or different."""
    names = {
        str(path.relative_to(root))
        for root in (old, new)
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return sorted(
        name
        for name in names
        if not (old / name).exists()
        or not (new / name).exists()
        or not filecmp.cmp(old / name, new / name, shallow=False)
    )


def main() -> int:
    """Generate, or with --check compare."""
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary) / "api"
        fresh.mkdir()
        generate(fresh)
        if "--check" in sys.argv[1:]:
            stale = differences(API, fresh)
            for name in stale:
                print(f"stale: src/chatroom/api/{name} (run: make proto)", file=sys.stderr)
            return 1 if stale else 0
        shutil.rmtree(API, ignore_errors=True)
        shutil.copytree(fresh, API)
    return 0


if __name__ == "__main__":
    sys.exit(main())
