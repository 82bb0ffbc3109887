"""The file: whole after every call, and no harm when it cannot be written."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dpkt.pcapng import EnhancedPacketBlockLE

from chatroom.chatwire.capture import CaptureWriter, Comment, read_capture
from chatroom.chatwire.capture.writer import LONGEST_COMMENT
from chatroom.chatwire.passage import Chunk, Opened, Side

OPENED = Opened(connection=1, time=1, client=("::1", 40000), server=("::1", 7))


def chunk(content: bytes) -> Chunk:
    return Chunk(connection=1, time=2, sender=Side.CLIENT, content=content)


def comments(path: Path) -> list[str]:
    """Every packet's comments, in order."""
    content, texts, at = path.read_bytes(), [], 0
    while at < len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if content[at : at + 4] == b"\x06\0\0\0":
            block = EnhancedPacketBlockLE(content[at : at + length])
            texts += [option.text for option in block.opts if option.code == 1]
        at += length
    return texts


def test_a_killed_process_leaves_a_whole_capture(tmp_path: Path) -> None:
    """Everything that was handed over is in the file."""
    path = tmp_path / "killed.pcapng"
    script = """if True:
        import sys, time
        from chatroom.chatwire.capture import CaptureWriter
        from chatroom.chatwire.passage import Chunk, Opened, Side
        writer = CaptureWriter(sys.argv[1], print)
        writer.write(Opened(connection=1, time=1, client=("::1", 40000), server=("::1", 7)))
        writer.write(Chunk(connection=1, time=2, sender=Side.CLIENT, content=b"kept"))
        print("written", flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "written\n" == process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert chunk(b"kept") == list(read_capture(path))[-1]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process end at `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_once_and_leaves_whole_packets(tmp_path: Path) -> None:
    """Nothing raises; what had room can be read."""
    path = tmp_path / "full.pcapng"
    said: list[str] = []
    with CaptureWriter(path, said.append) as writer:
        writer.write(OPENED)
        writer.write(chunk(b"kept"))
        with largest_file(path.stat().st_size + 50):
            writer.write(chunk(b"lost"))
        writer.write(chunk(b"later"))
    assert 1 == len(said)
    assert f"cannot write to {path} any more: File too large" in said[0]
    assert [b"kept"] == [each.content for each in read_capture(path) if isinstance(each, Chunk)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not there")
def test_a_device_without_room_is_said(tmp_path: Path) -> None:
    """From the first byte on, and in words."""
    said: list[str] = []
    with CaptureWriter("/dev/full", said.append) as writer:
        writer.write(OPENED)
    assert [
        "cannot write to /dev/full any more: No space left on device; it ends after 0 bytes"
    ] == said


def test_a_closed_writer_writes_nothing_and_says_nothing(tmp_path: Path) -> None:
    """Forwarding may go on for a moment after it."""
    path = tmp_path / "closed.pcapng"
    said: list[str] = []
    writer = CaptureWriter(path, said.append)
    writer.close()
    size = path.stat().st_size
    writer.write(OPENED)
    writer.close()
    assert ([], size) == (said, path.stat().st_size)


def test_a_path_that_cannot_be_written_raises(tmp_path: Path) -> None:
    """Before anything is forwarded, so that it can be said at the start."""
    with pytest.raises(OSError, match="No such file or directory"):
        CaptureWriter(tmp_path / "nowhere" / "x.pcapng", print)


def test_comments_are_written_and_cut_to_what_a_comment_holds(tmp_path: Path) -> None:
    """65,535 bytes, never within a character; what cannot be encoded is replaced."""
    path = tmp_path / "comments.pcapng"
    with CaptureWriter(path, print) as writer:
        writer.write(OPENED)
        texts = ["Hey Älice", "Ä" * 40_000, "lone \ud800 surrogate"]
        writer.write(chunk(b"x"), [Comment(each) for each in texts])
    _, short, long, lone = comments(path)
    assert "Hey Älice" == short
    assert "lone ? surrogate" == lone
    assert LONGEST_COMMENT - 1 <= len(long.encode()) <= LONGEST_COMMENT
    assert long.endswith("Ä … (cut)")
