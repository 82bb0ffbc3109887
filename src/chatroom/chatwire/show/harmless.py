"""Text from the wire, made fit for a terminal: shown, never obeyed."""

from __future__ import annotations


def harmless(text: str) -> str:
    r"""The text with everything but printable characters and the space escaped.

    Escapes are as in Python: an escape character is \x1b, a line feed \n, a
    right-to-left override (CVE-2021-42574) \u202e. Undecodable bytes, which come here as
    surrogate escapes, are \xNN. The result is one line; applied again it changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def shortened(text: str, limit: int) -> str:
    """At most about `limit` characters of the text; how many are left out is said."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (+{len(text) - limit} characters)"


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
