"""What is typed or piped, as text: in the encoding that the locale names, or not at all."""

from __future__ import annotations

import re
import sys

UNDECODED = re.compile("[\udc80-\udcff]")
"""As which Python takes the bytes that it cannot decode (PEP 383)."""


class NotText(Exception):
    """Bytes that are no text in the encoding of the input."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"this is not {encoding.upper()}, in which the locale says text is (LANG, LC_ALL)"
        )


def input_encoding() -> str:
    """That of standard input; UTF-8 where there is none."""
    return (sys.stdin.encoding if sys.stdin is not None else "") or "utf-8"


def decoded(data: bytes, encoding: str) -> str:
    """The text. Raises NotText."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise NotText(encoding) from None


def check_decoded(text: str, encoding: str) -> None:
    """Raise NotText if the text was decoded and has a byte that could not be."""
    if UNDECODED.search(text):
        raise NotText(encoding)
