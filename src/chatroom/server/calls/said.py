"""What people say, read from its bytes: mostly a text, a nonce perhaps, and nothing else."""

from __future__ import annotations

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.entry import Manner, Said
from chatroom.wire.envelopes import HEAD_BYTES

_MESSAGE = 0x12
"""The key of `ChatMessage.message`: field 2, of wire type LEN (protobuf encoding guide)."""
_TEXT = 0x12
"""The key of `Message.message`: field 2, LEN."""
_NONCE = 0x2A
"""The key of `Message.nonce`: field 5, LEN."""

LONGEST = 0x81
"""Bytes of a message that is read here at most: the lengths in it have one byte each."""

_BEGIN_BYTES = HEAD_BYTES + 4
_PLAIN = {
    bytes((0, 0, 0, 0, size, _MESSAGE, size - 2, _TEXT, size - 4)): HEAD_BYTES + size
    for size in range(5, LONGEST + 1)
}
"""The bytes of an envelope whose message is a text and nothing else, by how it begins."""
_BESIDE = {begin[:-1]: size for begin, size in _PLAIN.items()}
"""The same with something beside the text, by how it begins up to the text's length."""


def said_in(run: bytes) -> tuple[list[Said], int]:
    """What is said by the envelopes at the front, up to one that is not just that; their bytes.

    A short one is read here in a seventh of the time that an envelope and protobuf's classes
    take (0.3 against 2 µs), which is much of what a message costs. Anything else is left to
    them: other fields, another order of fields, more than 127 bytes, what is no UTF-8.
    """
    found: list[Said] = []
    total = len(run)
    at = 0
    while True:
        text = at + _BEGIN_BYTES
        begin = run[at:text]
        size = _PLAIN.get(begin)
        try:
            if size is not None:
                end = at + size
                if end > total:
                    break
                found.append((run[text:end].decode(), ""))
            else:
                end = at + _BESIDE.get(begin[:-1], total + 1)
                nonce = text + begin[-1] if end <= total else end
                if end - nonce <= 2 or run[nonce] != _NONCE or run[nonce + 1] != end - nonce - 2:
                    break
                found.append((run[text:nonce].decode(), run[nonce + 2 : end].decode()))
        except UnicodeDecodeError:
            break
        at = end
    return found, at


def bytes_of(run: bytes, count: int) -> int:
    """The bytes of the first envelopes of a run that `said_in` has read."""
    end = 0
    for _ in range(count):
        end += HEAD_BYTES + run[end + HEAD_BYTES - 1]
    return end


def manner_of(message: pb.Message) -> Manner | None:
    """How it is said; None: plainly."""
    action, in_reply_to = message.action, message.in_reply_to
    return Manner(action, in_reply_to) if action or in_reply_to else None
