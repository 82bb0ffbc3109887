"""A data directory that cannot be used: one sentence, exit code 1, nothing touched."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.launch.program import ran, started
from tests.server.test_command_line import COMMAND, serving


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory as a server leaves it."""
    directory = tmp_path / "data"
    with serving("--data", str(directory), "--room", "lobby") as (process, _):
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=30)
    return directory


def refusal(directory: Path, *, command: Sequence[str] = COMMAND) -> str:
    """What a server says that does not start; the journal's file is as it was."""
    file = directory / "chatroom.db"
    before = file.read_bytes() if file.exists() else None
    done = ran(
        [*command, "--bind", "127.0.0.1:0", "--data", str(directory)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert before == (file.read_bytes() if file.exists() else None)
    assert 1 == done.returncode, done.stderr
    said = done.stderr.splitlines()
    assert 1 == len(said), said
    assert said[0].startswith("chatserver: ")
    return said[0]


UNPRIVILEGED = """
import os, sys
sys.argv.append("--no-page")  # its files are read later
import encodings.idna, uvloop  # else imported later
import chatroom.server.cli
from chatroom.core import names
names.load()  # else read later
if not os.geteuid():  # only now: what is imported may be root's alone
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
chatroom.server.cli.main()
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that anybody may enter; pytest's own are their user's alone."""
    if sys.platform == "win32":
        pytest.skip("directories have no modes")
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


def test_a_directory_that_cannot_be_written(directory: Path) -> None:
    """It was made by somebody else."""
    directory.chmod(0o555)
    said = refusal(directory, command=["-c", UNPRIVILEGED])
    assert f"cannot open {directory / 'chatroom.db'}: Permission denied" in said
    assert "make the directory and the file writable for this user" in said
    assert [] == list(directory.iterdir())


def test_a_file_that_cannot_be_written(directory: Path, data: Path) -> None:
    """It was restored by root, say; the directory is the server's."""
    directory.chmod(0o777)
    shutil.copyfile(data / "chatroom.db", directory / "chatroom.db")
    (directory / "chatroom.db").chmod(0o444)
    said = refusal(directory, command=["-c", UNPRIVILEGED])
    assert f"cannot open {directory / 'chatroom.db'}: Permission denied" in said


def test_a_file_that_is_no_database(data: Path) -> None:
    """Something else has that name."""
    (data / "chatroom.db").write_bytes(b"What people say\n" * 1_000)
    assert "is not a database; move it away to start anew" in refusal(data)


def test_a_database_with_overwritten_pages(data: Path) -> None:
    """A bad disk, a bad copy."""
    file = data / "chatroom.db"
    size = file.stat().st_size
    with file.open("r+b") as writing:
        writing.seek(4096)
        writing.write(os.urandom(size - 4096))
    assert "put a backup in its place" in refusal(data)


def test_a_database_that_was_cut_off(data: Path) -> None:
    """The disk was full while it was copied."""
    os.truncate(data / "chatroom.db", 10_000)
    assert "put a backup in its place" in refusal(data)


def test_a_database_of_something_else(data: Path) -> None:
    """It is not made ours."""
    (data / "chatroom.db").unlink()
    with closing(sqlite3.connect(data / "chatroom.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute("INSERT INTO theirs VALUES (1)")
        connection.commit()
    assert "a database of something else; choose another --data directory" in refusal(data)


def test_a_database_of_a_newer_chatserver(data: Path) -> None:
    """Somebody went back to an older one."""
    with closing(sqlite3.connect(data / "chatroom.db")) as connection:
        connection.execute("UPDATE schema SET version = 1000")
        connection.commit()
    assert "use a newer chatserver" in refusal(data)


LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_database_that_another_program_has_locked(data: Path) -> None:
    """A sqlite3 shell with a transaction open.

    Not in this process: `refusal` reads the file, and closing it ends the locks of whoever reads
    it (fcntl, 2).
    """
    pipe = subprocess.PIPE
    locks = ["-c", LOCKS, str(data / "chatroom.db")]
    with started(locks, stdin=pipe, stdout=pipe, text=True) as program:
        try:
            assert "locked\n" == program.stdout.readline()
            assert "is locked by another program" in refusal(data)
        finally:
            program.kill()


def test_a_read_only_file_system(tmp_path: Path, data: Path) -> None:
    """As a container with a read-only root has it."""
    mount, unshare = shutil.which("mount"), shutil.which("unshare")
    if mount is None or unshare is None:
        pytest.skip("no mount or unshare here")
    prefix = [unshare, "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
    probe = subprocess.run([*prefix, "sh", "-c", script, data], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"cannot mount here: {probe.stderr.decode().strip()}")
    done = subprocess.run(
        [
            *prefix, "sh", "-c", f'{script} && shift && exec "$@"', data, "-",
            sys.executable, *COMMAND, "--bind", "127.0.0.1:0", "--data", str(data),
        ],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert 1 == done.returncode, done.stderr
    assert "Read-only file system" in done.stderr
    assert "choose another --data directory" in done.stderr
    assert "Traceback" not in done.stderr
