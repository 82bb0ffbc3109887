"""What a member says: one message, or the short way for many that are plainly right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from .denials import Muted
from .entry import Draft, Kind, Manner, Said, Settle
from .limits import Limits
from .member import Member
from .refusals import NonceInvalid
from .text import checked_text, may_all_be_said, may_be_said


def drafts_of(member: Member, said: Sequence[Said], limits: Limits) -> list[Draft]:
    """Drafts for `Room.add_all`, up to the first that `Room.post` is to look at."""
    plain = said
    if len(said) == 1:
        if not _is_plain(said[0], limits):
            return []
    elif not _are_plain(said, limits):  # one of them is not: which?
        plain = list(takewhile(lambda each: _is_plain(each, limits), said))
    kind, author, name = Kind.SAID, member.author, member.naming.pen
    return [Draft(kind, author, name, text, nonce, member) for text, nonce in plain]


def draft_of(
    member: Member,
    text: str,
    nonce: str,
    settle: Settle | None,
    manner: Manner | None,
    limits: Limits,
) -> Draft:
    """A draft of one message. Raises Muted, TextInvalid, TextTooLong, NonceInvalid."""
    if member.mark.muted:
        raise Muted
    text = checked_text(text, limit=limits.text_bytes)
    if nonce and len(nonce.encode()) > limits.nonce_bytes:
        raise NonceInvalid(f"a nonce may have {limits.nonce_bytes} bytes")
    name = member.naming.pen
    return Draft(Kind.SAID, member.author, name, text, nonce, member, settle, manner)


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
