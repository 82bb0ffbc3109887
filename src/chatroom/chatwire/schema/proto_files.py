"""A schema from a file: a proto file, or a set of descriptors made of some."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from chatroom.chatwire.decode.schema import PoolSchema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor_pb2 import FileDescriptorProto


class SchemaUnusable(Exception):
    """A file is no schema; `str()` is a sentence that says what to do."""


def schema_of_file(path: Path) -> PoolSchema:
    """The methods that a `.proto` file, or a descriptor set, describes.

    A `.proto` file is compiled with grpcio-tools, or with protoc where that is on the
    path; what it imports is looked for beside it and above it. Raises SchemaUnusable.
    """
    try:
        content = _compiled(path) if path.suffix == ".proto" else path.read_bytes()
        described = FileDescriptorSet.FromString(content)
        if not described.file:
            raise SchemaUnusable(f"{path} holds no descriptors")
        pool = DescriptorPool()
        for file in in_order(described.file):
            pool.Add(file)
    except OSError as error:
        raise SchemaUnusable(f"cannot read {path}: {error.strerror}") from None
    except (DecodeError, TypeError) as error:
        raise SchemaUnusable(
            f"{path} is no descriptor set; make one with "
            f"protoc --include_imports --descriptor_set_out=FILE ({error})"
        ) from None
    return PoolSchema(pool)


def in_order(files: Iterable[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """The same files, each behind those it imports, which may be in a chain of any length."""
    of_name = {file.name: file for file in files}
    ordered: list[FileDescriptorProto] = []
    begun: set[str] = set()
    for first in of_name:
        waiting = [(first, False)]
        while waiting:
            name, imports_are_there = waiting.pop()
            if imports_are_there:
                ordered.append(of_name[name])
            elif name not in begun:
                begun.add(name)
                waiting.append((name, True))
                waiting += [(one, False) for one in of_name[name].dependency if one in of_name]
    return ordered


def _compiled(path: Path) -> bytes:
    import shutil
    import subprocess
    import sys
    from importlib.util import find_spec

    if find_spec("grpc_tools"):
        compiler = [sys.executable, "-P", "-m", "grpc_tools.protoc"]
    elif protoc := shutil.which("protoc"):
        compiler = [protoc]
    else:
        raise SchemaUnusable(
            f"to read {path}, install grpcio-tools or protoc, or give a descriptor set instead"
        )
    path = path.resolve()
    if not path.is_file():
        raise SchemaUnusable(f"there is no file {path}")
    with tempfile.TemporaryDirectory(prefix="chatwire-") as directory:
        made = Path(directory, "descriptors")
        run = subprocess.run(  # noqa: S603 - the compiler, on a file the user names
            [
                *compiler,
                *(f"-I{above}" for above in (path.parent, *list(path.parents)[1:4])),
                "--include_imports",
                f"--descriptor_set_out={made}",
                str(path),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise SchemaUnusable(f"{path} does not compile: {run.stderr.strip()}")
        return made.read_bytes()
