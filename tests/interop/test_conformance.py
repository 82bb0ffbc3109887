"""Connect's conformance suite against our own gRPC stream code.

Only what we wrote ourselves is tried: native gRPC on `chatroom.server.calls.grpcstream`, by
conformance_server.py. No case is known to fail.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import grpc_tools
import pytest

from .programs import HERE, missing, tool

MODULE = "connectrpc.com/conformance"
LEAST_CASES = 374
"""In v1.0.7; fewer would mean that the configuration leaves some out."""


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's proto files, out of its Go module, as a FileDescriptorSet."""
    place = tmp_path_factory.mktemp("conformance")
    lines = (HERE / "go-tools.txt").read_text().splitlines()
    version = next(line.split()[1] for line in lines if line.startswith(MODULE))
    download = subprocess.run(
        [tool("go"), "mod", "download", "-json", f"{MODULE}@{version}"],
        cwd=place, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if download.returncode:
        missing(f"the Go module {MODULE}")
    protos = Path(json.loads(download.stdout)["Dir"], "proto")
    written = place / "descriptors.binpb"
    subprocess.run(
        [
            sys.executable, "-m", "grpc_tools.protoc",
            f"-I{protos}",
            f"-I{Path(grpc_tools.__file__).with_name('_proto')}",
            "--include_imports",
            f"--descriptor_set_out={written}",
            "connectrpc/conformance/v1/service.proto",
            "connectrpc/conformance/v1/server_compat.proto",
        ],
        check=True, timeout=60,
    )  # fmt: skip
    return written


def test_the_grpc_stream_passes_the_conformance_suite(descriptors: Path) -> None:
    """Every case of native gRPC passes: all stream kinds, errors, metadata, deadlines, gzip."""
    run = subprocess.run(
        [
            tool("connectconformance"),
            "--mode", "server",
            "--conf", str(HERE / "conformance.yaml"),
            "--", sys.executable, str(HERE / "conformance_server.py"), str(descriptors),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    output = run.stdout + run.stderr
    failed = re.findall(r"^FAILED: (.*):$", output, re.MULTILINE)
    assert [] == failed, output
    assert 0 == run.returncode, output
    passed = re.search(r"^(\d+) passed, 0 failed", output, re.MULTILINE)
    assert passed is not None, output
    assert LEAST_CASES <= int(passed[1])
