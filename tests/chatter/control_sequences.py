"""What a program sends to its terminal, cut into texts and control sequences (ECMA-48)."""

from __future__ import annotations

import re

SEQUENCE = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)(?P<function>[ -/]*[@-~])"  # CSI
    r"|\x1b\](?P<osc>\d*)(?P<string>[^\x00-\x1f\x7f-\x9f]*)(?:\x07|\x1b\\)"  # OSC
    r"|\x1b(?P<escape>[ -/]*[0-Z^-~])"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
)
COLOURS = re.compile(r"\b[34]8;(?:5;\d+|2;\d+;\d+;\d+)|\b(?:[349]|10)[0-79]\b")


def kinds(raw: bytes) -> set[str]:
    """The kinds of control sequences in what was sent.

    Two are of a kind if they differ in numbers (places, sizes, colours), or in the text
    of a title. Each rendition (bold, concealed) is a kind of its own, in whatever
    combination. Raises ValueError for what is not UTF-8, and for an escape that begins no
    sequence.
    """
    return {kind for found in SEQUENCE.finditer(raw.decode()) for kind in _kinds(found)}


def text(raw: bytes) -> str:
    """What was sent, without control sequences but with newlines and tabs."""
    return SEQUENCE.sub(lambda found: _kept(found["control"]), raw.decode())


def _kept(control: str | None) -> str:
    return control if control in ("\n", "\t") else ""


def _kinds(found: re.Match[str]) -> list[str]:
    if found["function"] == "m":
        parameters = COLOURS.sub("colour", found["parameters"]).split(";")
        return [f"CSI {parameter} m" for parameter in parameters]
    return [_kind(found)]


def _kind(found: re.Match[str]) -> str:
    if found["control"] == "\x1b":
        raise ValueError(f"not a sequence: {found.string[found.start() :][:40]!r}")
    if found["control"]:
        return repr(found["control"])
    if found["escape"]:
        return f"ESC {found['escape']}"
    if found["osc"] is not None:
        return f"OSC {found['osc']}"
    if found["function"] in ("h", "l"):
        return f"CSI {found['parameters']} {found['function']}"
    return f"CSI {re.sub(r'[0-9]+', 'N', found['parameters'])} {found['function']}"
