"""What an experiment is: a scene, and a story whose every step points at frames of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatroom.chatwire.lab.servers import chatserver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from chatroom.chatwire.lab.finding import Find
    from chatroom.chatwire.lab.references import Reference
    from chatroom.chatwire.lab.servers import Server
    from chatroom.chatwire.lab.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that can be seen.

    The frames of a step come after those of the step before; several of one step come
    in the order in which they are given here.
    """

    title: str
    prose: str
    """Paragraphs with an empty line between; ends of lines inside one mean nothing."""
    shows: tuple[Find, ...]
    not_before: tuple[Find, ...] = ()
    """What does not pass between the last frame of the step before and the first of this."""
    not_after: tuple[Find, ...] = ()
    """What does not pass from the last frame of this step to the end."""
    out_of_turn: bool = False
    """Its frames may come anywhere among those of other steps: nothing orders them, or
    only chance. The step after it goes on from the one before it."""
    verbose: bool = False
    """Show its frames with every field."""
    bare: bool = False
    """Show its frames without their messages: it is about bytes, and there are many."""
    listing: str = ""
    """Lines shown as they are before the frames: bytes, code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A scene that is played through the tap, and what it shows. Texts are as in `Step`."""

    name: str
    """As in `chatwire lab NAME` and docs/experiments/NAME.md."""
    title: str
    summary: str
    """One line: what there is to see."""
    intro: str
    scene: Callable[[Stage], Awaitable[None]]
    story: tuple[Step, ...]
    why: str
    try_next: str
    """Each paragraph is one thing to try."""
    references: tuple[Reference, ...]
    server: Callable[[], AbstractAsyncContextManager[Server]] = chatserver
    """What the scene is played against."""
    faults: tuple[str, ...] = ()
    """Rules of what goes wrong in the tap, as docs/faults.md has them."""
