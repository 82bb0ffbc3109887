"""What a member says, many messages at once: the short way for what is plainly right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from .entry import Draft, Kind, Said
from .limits import Limits
from .member import Member
from .text import may_all_be_said, may_be_said


def drafts_of(member: Member, said: Sequence[Said], limits: Limits) -> list[Draft]:
    """Drafts for `Room.add_all`, up to the first that `Room.post` is to look at."""
    plain = said
    if len(said) == 1:
        if not _is_plain(said[0], limits):
            return []
    elif not _are_plain(said, limits):  # one of them is not: which?
        plain = list(takewhile(lambda each: _is_plain(each, limits), said))
    kind, author, name = Kind.SAID, member.author, member.tag.text
    return [Draft(kind, author, name, text, nonce, member) for text, nonce in plain]


def _is_plain(said: Said, limits: Limits) -> bool:
    text, nonce = said
    return may_be_said(text, limits.text_bytes) and (
        not nonce or (nonce.isascii() and len(nonce) <= limits.nonce_bytes)
    )


def _are_plain(said: Sequence[Said], limits: Limits) -> bool:
    nonces = [nonce for _, nonce in said if nonce]
    return may_all_be_said([text for text, _ in said], limits.text_bytes) and (
        not nonces or ("".join(nonces).isascii() and max(map(len, nonces)) <= limits.nonce_bytes)
    )
