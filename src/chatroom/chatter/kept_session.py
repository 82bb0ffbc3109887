"""The file of `--state`: a conversation's place in its room, for the process that follows.

It holds a secret: whoever reads it can speak for the member. So it is its owner's alone. It is
replaced as a whole, and never written to; a crash of the machine may leave an empty one, which is
as good as none.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from chatroom.chatter.failures import Failure, complain
from chatroom.chatter.running import sentence_of
from chatroom.client import ChatError, Removed, Session, SessionReplaced
from chatroom.locks import locked

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from chatroom.client import Room

PAUSE_SECONDS = 0.5
"""Between two looks at how far the conversation is. What was read in this time is read again
after a crash."""
STATE_BYTES = 16 * 1024
"""The longest file that is looked into; it has some hundred bytes."""
VERSION = 1
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Whose(NamedTuple):
    """The member that a file is about."""

    server: str
    room_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.name!r} in {self.room_id!r} at {self.server}"


class KeptSession:
    """One file, held by this process; `session` is what it had in it."""

    def __init__(self, path: Path, whose: Whose, session: Session | None) -> None:
        self.session = session
        self._path = path
        self._whose = whose
        self._written = session
        self._complained = False

    @asynccontextmanager
    async def entered(self, room: Room) -> AsyncGenerator[Room, None]:
        """The room, entered; the file follows it, and has its last state when it is left.

        Not that of a member who may not come back. Raises what entering does, and Failure.
        """
        over = asyncio.Event()
        try:
            async with room:
                following = asyncio.create_task(self._follow(room, over))
                try:
                    yield room
                finally:
                    over.set()
                    await following
        except (Removed, SessionReplaced):
            self._path.unlink(missing_ok=True)
            raise
        except ChatError as error:
            self._keep(room.session)
            if error.reason != "SESSION_MISMATCH":
                raise
            raise Failure(f"{sentence_of(error)} ({anew(self._path)})") from error
        except BaseException:
            self._keep(room.session)
            raise
        self._keep(room.session)

    async def _follow(self, room: Room, over: asyncio.Event) -> None:
        while not over.is_set():
            await asyncio.to_thread(self._keep, room.session)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), PAUSE_SECONDS)

    def _keep(self, session: Session | None) -> None:
        if session is None or session == self._written:
            return
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.unlink(missing_ok=True)  # whoever made it may read it
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(new, flags, 0o600), "w", encoding="ascii") as file:
                file.write(written(self._whose, session))
            new.replace(self._path)
        except OSError as error:
            if not self._complained:
                self._complained = True
                complain(f"cannot keep the session in {self._path}: {error.strerror}")
        else:
            self._written = session


@contextmanager
def kept_session(path: Path, whose: Whose) -> Generator[KeptSession, None, None]:
    """Hold a file, whether it is there or not, for as long as the block. Raises Failure."""
    path = path.resolve()
    try:
        lock = locked(path.with_name(f"{path.name}.lock"))
    except BlockingIOError:
        raise Failure(f"another chatter keeps its session in {path}") from None
    except OSError as error:
        raise Failure(f"cannot keep the session in {path}: {error.strerror}") from None
    try:
        text = _text_of(path)
        yield KeptSession(path, whose, read(text, whose, path) if text else None)
    finally:
        if lock is not None:
            os.close(lock)


def _text_of(path: Path) -> str:
    """What is in the file; empty if there is none. Raises Failure."""
    try:
        # Not to wait for who writes into a pipe; Windows has no such flag.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failure(f"cannot read the session in {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Failure(f"cannot keep the session in {path}: it is not a file")
        if os.name == "posix" and status.st_uid != os.geteuid():
            raise Failure(f"the session in {path} is not to be trusted: the file is not yours")
        if os.name == "posix" and status.st_mode & OTHERS:
            raise Failure(f"others may read the session in {path}, or write it; chmod 600 {path}")
        return file.read(STATE_BYTES + 1).decode("ascii", "replace")


def written(whose: Whose, session: Session) -> str:
    """What a file has in it."""
    found = {
        "version": VERSION,
        **whose._asdict(),
        "session": session.secret,
        "epoch": session.epoch,
        "after": session.after,
    }
    return json.dumps(found, indent=1) + "\n"


def read(text: str, whose: Whose, path: Path) -> Session:
    """The session in a file. Raises Failure for one that is damaged, or of somebody else."""
    found = _parsed(text)
    if found is None:
        raise Failure(f"{path} is damaged, or no state of chatter ({anew(path)})")
    kept, session = found
    if kept != whose:
        raise Failure(f"{path} keeps the place of {kept}, and not of {whose}; name another file")
    return session


def _parsed(text: str) -> tuple[Whose, Session] | None:
    """Whose session it is; None for what nothing here has written."""
    try:
        found: Any = json.loads(text)
        kept = Whose(found["server"], found["room_id"], found["name"])
        session = Session(secret=found["session"], epoch=found["epoch"], after=found["after"])
        as_written = len(text) <= STATE_BYTES and written(kept, session) == text
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    texts = all(isinstance(each, str) for each in (*kept, session.secret, session.epoch))
    number = type(session.after) is int and 0 <= session.after < 1 << 64
    if not (as_written and texts and number and session.secret.isascii()):
        return None
    return kept, session


def anew(path: Path) -> str:
    """What to do about a file that is of no use."""
    return f"delete {path} to join anew; for 15 s the name may be in use"
