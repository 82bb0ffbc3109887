"""What chatter goes by, shown: each setting, its value, and where it is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter import json_lines
from chatroom.chatter.configuration import default_path
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import show
from chatroom.chatter.settings import configuration_of, settings
from chatroom.chatter.tables import print_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatroom.chatter.given import Given
    from chatroom.chatter.settings import Setting

MASKED = "(not shown)"
NOT_SHOWN = frozenset({"as_json", "colors", "names"})
"""How this is printed is no setting to print; and colours are seen on the screen."""


def print_path(given: Given) -> None:
    """Print where the configuration file is, or would be."""
    show(one_line(str(given.get("config") or default_path())))


def print_settings(given: Given) -> None:
    """Print the settings, the token masked. Raises Failure, UsageError."""
    found = settings(given, configuration_of(given), warn=True)
    values = shown_settings(found)
    if given.as_json:
        for name, (value, source) in values.items():
            show(json_lines.line({"setting": name, "value": value, "source": source}))
        return
    print_rows(
        ("SETTING", "VALUE", "FROM"),
        [(name, one_line(value), one_line(source)) for name, (value, source) in values.items()],
    )


def shown_settings(found: Mapping[str, Setting]) -> dict[str, tuple[str, str]]:
    """The value of each that is a setting to show, and where it is from, the token masked."""
    return {
        name.replace("_", "-"): (_shown(name, setting.value), setting.source)
        for name, setting in found.items()
        if name not in NOT_SHOWN
    }


def _shown(name: str, value: object) -> str:
    if name == "token" and value:
        return MASKED
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
