"""Naming: what a member is called now, was called before, and is to be called."""

from __future__ import annotations

from dataclasses import dataclass, field

from .names import NameTag

RECORDED = 32
"""Former names that are kept of a member: its first, and the latest others. Each rename stores
them all, and a name has up to 128 bytes."""


@dataclass(slots=True, eq=False)
class Naming:
    """The names of one member. All its streams share it, so that a rename is one everywhere.

    A rename is drafted, then it is stored or undone.
    """

    tag: NameTag
    """As the room shows it."""
    former: tuple[str, ...] = ()
    """Others that its session has had: a resume may give any of them."""
    due: float = 0.0
    """When it may rename again, in seconds of a clock that never goes back."""
    drafted: NameTag | None = None
    """The name that it is to have, by a rename that is not stored yet."""
    pen: str = field(init=False)
    """Under which name what the member says is drafted: once a rename is, under the new one."""

    def __post_init__(self) -> None:
        self.pen = self.tag.text

    @property
    def known(self) -> tuple[str, ...]:
        """Its former names, once the rename that is drafted is stored."""
        if self.drafted is None:
            return self.former
        others = [name for name in self.former if name != self.drafted.text]
        if self.tag.text != self.drafted.text and self.tag.text not in others:
            others.append(self.tag.text)
        if len(others) > RECORDED:
            del others[1 : len(others) + 1 - RECORDED]
        return tuple(others)

    def begin(self, tag: NameTag) -> None:
        """A rename is drafted; none was."""
        self.drafted, self.pen = tag, tag.text

    def finish(self) -> None:
        """The rename is stored."""
        assert self.drafted is not None
        self.former, self.tag, self.drafted = self.known, self.drafted, None

    def undo(self) -> None:
        """The rename was not stored."""
        self.pen, self.due = self.tag.text, 0.0
        self.drafted = None
