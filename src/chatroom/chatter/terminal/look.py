"""How the screen looks and calls for attention, as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatter.settings import TIME_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from chatroom.chatter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the settings say of the screen; see `[screen]` of the configuration file."""

    time_format: str = TIME_FORMAT
    mouse: bool = True
    notify: tuple[str, ...] = ("bell",)
    log: Path | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Look:
        """The look that the settings say."""
        return cls(
            time_format=settings.time_format,
            mouse=settings.mouse,
            notify=settings.notify,
            log=settings.log,
            colors=settings.colors,
            names=settings.names,
        )
