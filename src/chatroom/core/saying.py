"""What a member says, many messages at once: the short way for what is plainly right."""

from __future__ import annotations

from collections.abc import Iterable

from .entry import Draft, Kind, Said
from .limits import Limits
from .member import Member
from .text import may_be_said


def drafts_of(member: Member, said: Iterable[Said], limits: Limits) -> list[Draft]:
    """Drafts for `Room.add_all`, up to the first that `Room.post` is to look at."""
    text_bytes, nonce_bytes = limits.text_bytes, limits.nonce_bytes
    kind, author, name = Kind.SAID, member.author, member.tag.text
    drafts: list[Draft] = []
    for text, nonce in said:
        if not may_be_said(text, text_bytes) or (
            nonce and not (nonce.isascii() and len(nonce) <= nonce_bytes)
        ):
            break
        drafts.append(Draft(kind, author, name, text, nonce, member))
    return drafts
