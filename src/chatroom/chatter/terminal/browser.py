"""Opens a link in the person's browser."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from chatroom.chatter.terminal.links import address

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_SECONDS = 5.0
"""What goes wrong does so within a moment; a browser may run for days."""
OPENERS = {"darwin": "open"}
"""What each system has; elsewhere it is that of freedesktop.org."""


class NotOpened(Exception):
    """A link could not be opened; `str()` says why."""


def command_for(link: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The program and what it is given: the first of $BROWSER that there is, else the system's.

    $BROWSER has programs with a colon between them; %s in one stands for the link. No shell
    sees the link, and only http and https are opened. Raises NotOpened.
    """
    target = address(link)
    if not target.lower().startswith(("http://", "https://")):
        raise NotOpened("only http and https links are opened")
    path = environment.get("PATH")
    for program in environment.get("BROWSER", "").split(os.pathsep):
        try:
            words = shlex.split(program)
        except ValueError:
            continue
        if words and shutil.which(words[0], path=path):
            given = [word.replace("%s", target) for word in words]
            return given if given != words else [*words, target]
    opener = OPENERS.get(sys.platform, "xdg-open")
    if shutil.which(opener, path=path):
        return [opener, target]
    raise NotOpened(f"no browser: $BROWSER names none that is here, and there is no {opener}")


async def open_link(link: str) -> None:
    """Open a link; what the browser prints is not seen. Raises NotOpened."""
    command = command_for(link)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # it outlives chatter, and Ctrl-C is not for it
        )
    except OSError as error:
        raise NotOpened(f"cannot run {command[0]}: {error.strerror}") from None
    try:
        code = await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        return
    if code:
        raise NotOpened(f"{command[0]} has failed, with exit code {code}")
