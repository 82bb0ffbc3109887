"""What people say, read from its bytes: text, a nonce perhaps, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from chatroom.core.entry import Said

_MESSAGE = 0x12
"""The key of `ChatMessage.message`: field 2, of wire type LEN (protobuf encoding guide)."""
_TEXT = 0x12
"""The key of `Message.message`: field 2, LEN."""
_NONCE = 0x2A
"""The key of `Message.nonce`: field 5, LEN."""


def said_in(payloads: Iterable[bytes]) -> list[Said]:
    """What is said by the ChatMessages at the front, up to one that is not just that.

    A short one is read here in a fifth of the time that protobuf's classes take (0.3 against
    1.6 µs), which is much of what a message costs. Anything else is left to them: other fields,
    another order of fields, more than 127 bytes, what is no UTF-8.
    """
    found: list[Said] = []
    for payload in payloads:
        size = len(payload)
        if not (
            4 < size < 0x82
            and payload[0] == _MESSAGE
            and payload[1] == size - 2
            and payload[2] == _TEXT
        ):
            break
        end = 4 + payload[3]
        try:
            if end == size:
                found.append((payload[4:].decode(), ""))
            elif size - end > 2 and payload[end] == _NONCE and payload[end + 1] == size - end - 2:
                found.append((payload[4:end].decode(), payload[end + 2 :].decode()))
            else:
                break
        except UnicodeDecodeError:
            break
    return found
