"""The one grammar of rules: `KIND WHERE: WHAT`, on the command line, in plans and in Python.

    delay message 3 up: 2s ± 500ms
    drop down method /pkg.Service/* text "hello" chance 10%
    cut idle 60s: rst

WHERE is any of the words of `WORDS` that the kind allows, in any order, each once (`field`
more often). docs/faults.md has all of it with examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatroom.chatwire.faults import values
from chatroom.chatwire.faults.kinds import Fault, Inject, RstStream, Withhold
from chatroom.chatwire.faults.scanner import Scanner, Token, listed
from chatroom.chatwire.faults.what import BARE, FIELDS_MOST, KINDS, WAY, Kind
from chatroom.chatwire.faults.where import Where
from chatroom.chatwire.passage import Side
from chatroom.wire.http2.frames import LARGEST_STREAM_ID


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault, where it is to happen, and the text that says so."""

    text: str
    fault: Fault
    where: Where


def rule_of(text: str) -> Rule:
    """Read a rule. Raises RuleInvalid."""
    scan = Scanner(text)
    token = scan.take(f"a fault ({listed(KINDS)})")
    if token.quoted or token.text not in KINDS:
        raise scan.wrong(token, f'"{token.text}" is no fault; there are {listed(KINDS)}')
    kind = KINDS[token.text]
    where = _where(scan, token.text, kind)
    fault = _what(scan, token, kind)
    _check(scan, token, fault, where)
    return Rule(text.strip(), fault, where)


def _what(scan: Scanner, token: Token, kind: Kind) -> Fault:
    bare = token.text in BARE
    if not scan.skip(":"):
        if not bare and not kind.optional:
            raise scan.wrong(None, f'":" must follow, as in "{token.text} {kind.example}"')
        return kind.read(scan)
    if bare:
        raise scan.wrong(scan.peek(), f'nothing follows the ":": {token.text} has no more to say')
    if scan.peek() is None:
        raise scan.wrong(
            None, f'something must follow the ":", as in "{token.text} {kind.example}"'
        )
    fault = kind.read(scan)
    scan.end()
    return fault


WORDS: dict[str, Callable[[Scanner], Any]] = {
    "connection": lambda scan: values.number(scan, "the number of a connection"),
    "stream": lambda scan: values.number(scan, "the number of a stream", 0, LARGEST_STREAM_ID),
    "method": values.path,
    "call": lambda scan: values.numbers(scan, "call"),
    "message": lambda scan: values.numbers(scan, "message"),
    "text": lambda scan: values.text(scan, "a text"),
    "chance": values.chance,
    "after": values.seconds,
    "idle": lambda scan: values.seconds(scan, 0.001),
}
"""What follows each word of WHERE, but for `up`, `down` and `field`."""


def _where(scan: Scanner, name: str, kind: Kind) -> Where:
    found: dict[str, Any] = {}
    fields = []
    while (token := scan.peek()) is not None and not scan.sees(":"):
        left = [
            word for word in kind.words
            if word not in found and not (word in WAY and "sender" in found)
        ]  # fmt: skip
        if token.quoted or token.text not in left:
            raise scan.wrong(token, _why_not(token, kind, name, left))
        scan.take("")
        if token.text in WAY:
            found["sender"] = Side.CLIENT if token.text == "up" else Side.SERVER
        elif token.text == "field":
            fields.append(values.field(scan))
            if len(fields) > FIELDS_MOST:
                raise scan.wrong(token, f"a rule may have {FIELDS_MOST} fields")
        else:
            found[token.text] = WORDS[token.text](scan)
    if kind.directed and "sender" not in found:
        raise scan.wrong(scan.peek(), f"{name} needs up or down: who is meant to have sent it")
    return Where(fields=tuple(fields), **found)


def _why_not(token: Token, kind: Kind, name: str, left: list[str]) -> str:
    allowed = f"allowed here: {listed([*left, ':'] if left else [':'])}"
    if token.quoted:
        return f"a text needs the word before it that says what it is; {allowed}"
    if token.text in kind.words:
        twice = "up and down exclude each other" if token.text in WAY else "it is said already"
        return f'"{token.text}": {twice}; {allowed}'
    if token.text in WORDS or token.text in (*WAY, "field"):
        return f'"{token.text}" says nothing for {name}; {allowed}'
    return f'"{token.text}" is not known; {allowed}'


def _check(scan: Scanner, token: Token, fault: Fault, where: Where) -> None:
    """What no single word can tell."""
    if where.after is not None and where.idle is not None:
        raise scan.wrong(token, "after and idle exclude each other")
    if where.of_time and (where.of_messages or where.of_calls):
        raise scan.wrong(token, "after and idle are about a connection: without calls and messages")
    of_a_call = where.of_calls or where.of_messages
    if isinstance(fault, Inject) and isinstance(fault.frame, RstStream) and not of_a_call:
        raise scan.wrong(token, "rst_stream needs a stream, method, call or message: of which")
    if where.stream == 0 and not isinstance(fault, Withhold):
        raise scan.wrong(token, "stream 0 is the connection itself: only withhold knows it")
