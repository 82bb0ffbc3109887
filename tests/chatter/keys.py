"""What a terminal sends for a key: xterm's sequences, as prompt_toolkit reads them."""

from __future__ import annotations

CSI = "\x1b["
SS3 = "\x1bO"
PLAIN = {
    "enter": "\r",
    "tab": "\t",
    "s-tab": CSI + "Z",
    "backspace": "\x7f",
    "esc": "\x1b",
    "space": " ",
    "c-space": "\x00",
}
CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "end": "F", "home": "H"}
"""Keys whose sequence depends on the mode of the cursor keys (DECCKM)."""
NUMBERED = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6}
MODIFIERS = {"s": 1, "a": 2, "c": 4}
"""xterm's bits for shift, alt and control; a sequence tells their sum plus one."""
FUNCTION = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}


def sequence(key: str, *, application_cursor: bool = False) -> str:
    """What is sent for "enter", "pageup", "c-c", "a-enter", "s-up", or a character.

    Raises KeyError for a key that there is not.
    """
    if key in PLAIN:
        return PLAIN[key]
    if len(key) == 1:
        return key
    *modifiers, name = key.split("-")
    if not modifiers:
        if name in CURSOR:
            return (SS3 if application_cursor else CSI) + CURSOR[name]
        return SS3 + FUNCTION[name] if name in FUNCTION else f"{CSI}{NUMBERED[name]}~"
    if name in CURSOR or name in NUMBERED:
        held = 1 + sum(MODIFIERS[modifier] for modifier in modifiers)
        number, final = (1, CURSOR[name]) if name in CURSOR else (NUMBERED[name], "~")
        return f"{CSI}{number};{held}{final}"
    if modifiers == ["a"]:
        return "\x1b" + sequence(name)
    if modifiers == ["c"] and len(name) == 1 and "@" <= name.upper() <= "_":
        return chr(ord(name.upper()) - ord("@"))
    raise KeyError(key)
