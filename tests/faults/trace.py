"""What a program did to a directory: its system calls as strace records them.

Every call that could change a file is recorded; one that is met in the directory and not
understood is an error, so that nothing is left out of the picture in silence.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.interop.programs import SECONDS, tool

from .disk import Directory, Disk, File

CALLS = (
    "?open,?openat,?openat2,?creat,?write,?writev,?pwrite64,?pwritev,?pwritev2,?truncate,"
    "?ftruncate,?fallocate,?copy_file_range,?sendfile,?splice,?fsync,?fdatasync,?syncfs,"
    "?sync_file_range,?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat,"
    "?unlink,?unlinkat,?mkdir,?mkdirat,?rmdir"
)
"""A question mark: not every machine has it."""
WRITE_BYTES = 1 << 20
"""The longest write of which all bytes are recorded."""
SHARED_MEMORY = "-shm"
"""SQLite's index of its log: mapped into memory, and made anew from the log after a crash."""

_LINE = re.compile(rb"(?P<pid>\d+) +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_UNFINISHED = re.compile(rb"(?P<pid>\d+) +(?P<begin>.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(rb"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")


@dataclass(frozen=True)
class Done:
    """The program said `done N`."""

    step: int


@dataclass(frozen=True)
class Call:
    """A system call that has succeeded, on a path relative to the directory."""

    name: str
    path: PurePosixPath
    arguments: tuple[bytes, ...]

    def on(self, disk: Disk) -> None:
        """Do to the disk what it did."""
        match self.name:
            case "openat" | "open" | "creat":
                flags = self.arguments[-1 if self.arguments[-1].startswith(b"O_") else -2]
                if disk.find(self.path) is None and b"O_CREAT" in flags:
                    disk.parent(self.path).set(self.path.name, File())
                if b"O_TRUNC" in flags:
                    disk.file(self.path).since.append((0, None))
            case "pwrite64":
                written = _unhex(self.arguments[1])
                assert len(written) == int(self.arguments[2]), "strace cut a write short"
                disk.file(self.path).since.append((int(self.arguments[3]), written))
            case "ftruncate":
                disk.file(self.path).since.append((int(self.arguments[1]), None))
            case "fsync" | "fdatasync":
                found = disk.find(self.path)
                assert found is not None, self.path
                found.sync()
            case "unlink":
                disk.parent(self.path).set(self.path.name, None)
            case "mkdir":
                disk.parent(self.path).set(self.path.name, Directory())
            case _:
                raise AssertionError(f"what does {self.name} do to {self.path}?")


Event = Done | Call


def traced(directory: Path, record: Path, module: str, arguments: Sequence[str]) -> list[Event]:
    """Run a Python module under strace: what it did below `directory`, and its `done`s."""
    strace = tool("strace")
    options = f"-f -y -xx -s {WRITE_BYTES} -e signal=none -e trace={CALLS}".split()
    subprocess.run(
        [strace, *options, "-o", str(record), sys.executable, "-m", module, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=2 * SECONDS,
    )
    with record.open("rb") as lines:
        return list(_events(_whole(lines), str(directory).encode()))


def _whole(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The calls in the order in which they returned."""
    begun: dict[bytes, bytes] = {}
    for line in lines:
        if line.endswith(b"<unfinished ...>\n") and (unfinished := _UNFINISHED.match(line)):
            begun[unfinished["pid"]] = unfinished["begin"]
        elif resumed := _RESUMED.match(line):
            pid = resumed["pid"]
            yield pid + b" " + begun.pop(pid) + resumed["rest"]
        else:
            yield line


def _events(lines: Iterator[bytes], directory: bytes) -> Iterator[Event]:
    inside = _hexed(directory + b"/")
    itself = _hexed(directory)
    for line in lines:
        if (found := _LINE.match(line)) is None or int(found["result"]) < 0:
            continue
        name = found["call"].decode()
        arguments = tuple(found["arguments"].split(b", "))
        if name == "write" and _unhex(arguments[1]).startswith(b"done "):
            yield Done(int(_unhex(arguments[1]).split()[1]))
        elif inside in line or itself + b">" in line:
            # Calls by number carry the path with the number, others as their string.
            at = 1 if name.endswith("at") else 0
            text = _unhex(arguments[at])
            path = PurePosixPath(text.decode()).relative_to(PurePosixPath(directory.decode()))
            if not path.name.endswith(SHARED_MEMORY):
                yield Call(name, path, arguments)


def _hexed(text: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text)


def _unhex(argument: bytes) -> bytes:
    """The bytes of a string, or of the path that stands with a descriptor."""
    _, first, rest = argument.partition(b"\\x")
    text = (first + rest).partition(b'"')[0].partition(b">")[0]
    return bytes.fromhex(text.replace(b"\\x", b"").decode())
