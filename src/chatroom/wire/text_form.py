"""gRPC-Web's text form: base64 around a body of envelopes.

Source: grpc/grpc, doc/PROTOCOL-WEB.md, `application/grpc-web-text`: a sender pads wherever it
flushes, so padding may stand between any two groups of four characters.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

GROUP = 4
"""Characters that stand for three bytes, or padded for fewer."""
_PADDING = ord("=")


class TextInvalid(Exception):
    """A body in the text form is not base64, or ends within a group."""


def as_text(octets: bytes) -> bytes:
    """Bytes in the text form, padded: what follows may be joined to it."""
    return b64encode(octets)


class TextReader:
    """Reads a body in the text form as it comes, cut anywhere; at most a group is kept."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""

    def feed(self, characters: bytes) -> bytes:
        """The bytes that `characters` complete.

        Raises TextInvalid; the bytes before what is wrong are then lost.
        """
        characters = self._left + characters
        whole = len(characters) - len(characters) % GROUP
        self._left = characters[whole:]
        try:
            return _plain(characters[:whole])
        except ValueError as error:
            raise TextInvalid(f"the body is not base64: {error}".lower()) from None

    def end(self) -> None:
        """The body is over; raises TextInvalid if it ended within a group."""
        if self._left:
            raise TextInvalid("the body is not whole base64")


def _plain(groups: bytes) -> bytes:
    """What whole groups stand for. Raises ValueError.

    Decoded at once, and what padding stood for is cut out: to decode each padded group by
    itself takes twice as long, and who sends decides how many there are.
    """
    octets = b64decode(groups.replace(b"=", b"A"), validate=True)
    pieces: list[bytes] = []
    start = 0
    at = groups.find(b"=")
    while at >= 0:
        group, place = divmod(at, GROUP)
        last = group * GROUP + GROUP - 1
        if place < 2 or groups[last] != _PADDING:  # two characters are a byte
            raise ValueError("padding within a group")
        pieces.append(octets[start : group * 3 + place - 1])
        start = group * 3 + 3
        at = groups.find(b"=", last + 1)
    pieces.append(octets[start:])
    return b"".join(pieces)
