"""Whom proxies have forwarded a request for: `forwarded` and `x-forwarded-for`.

Source: RFC 7239 for the first; nobody has specified the second, which all proxies write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .ip import IpAddress, parsed

FORWARDED = b"forwarded"
X_FORWARDED_FOR = b"x-forwarded-for"

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
_PAIR = re.compile(rf"({_WORD})=({_WORD}|{_QUOTED})")
_SEPARATORS = re.compile(r"[ \t]*[;,][ \t;,]*|[ \t]+$")
"""Elements of a list, and pairs, may be empty (RFC 9110, 5.6.1.2; RFC 7239, 4)."""
_ESCAPE = re.compile(r"\\(.)")
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_NODE = re.compile(
    rf"\[(?P<v6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]{_PORT}"
    rf"|(?P<host>[0-9.]+|_[A-Za-z0-9._-]+|[Uu][Nn][Kk][Nn][Oo][Ww][Nn]){_PORT}"
    r"|(?P<bare>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)"
)
"""Without a zone: it means nothing on another machine. Without brackets `x-forwarded-for` alone
has IPv6 addresses, and never with a port."""


class ForwardedInvalid(ValueError):
    """A header does not say by the rules for whom a request is; the sentence says why."""


def hops(name: bytes, values: list[bytes]) -> Iterator[IpAddress | None]:
    """The addresses that a header's lines name, the last one first: the nearest hop.

    None for a hop whose address is hidden (`unknown`, `_x`, no `for`). Raises ForwardedInvalid,
    for `x-forwarded-for` only when it comes to the hop.
    """
    text = b",".join(values).decode("latin-1")
    if name == X_FORWARDED_FOR:
        while text:
            text, _, node = text.rpartition(",")
            if node := node.strip(" \t"):
                yield _address(node)
    else:
        for node in reversed(_nodes(text)):
            yield _address(node)


def _nodes(text: str) -> list[str]:
    """The `for` of each element (RFC 7239, 4); `unknown` where it has none."""
    nodes: list[str] = []
    said: dict[str, str] = {}
    at = 0
    while at < len(text):
        if pair := _PAIR.match(text, at):
            key, value = pair[1].lower(), pair[2]
            if key in said:
                raise ForwardedInvalid(f"it says {key} twice")
            said[key] = _ESCAPE.sub(r"\1", value[1:-1]) if value[0] == '"' else value
            at = pair.end()
        separators = _SEPARATORS.match(text, at)
        if separators is None:
            if at < len(text):
                raise ForwardedInvalid("it is no list of pairs")
            break
        if "," in separators[0] and said:
            nodes.append(said.get("for", "unknown"))
            said = {}
        at = separators.end()
    if said:
        nodes.append(said.get("for", "unknown"))
    return nodes


def _address(node: str) -> IpAddress | None:
    """Of `192.0.2.7`, `192.0.2.7:80`, `[2001:db8::7]:80` or `2001:db8::7` (RFC 7239, 6)."""
    found = _NODE.fullmatch(node)
    if found is None:
        raise ForwardedInvalid(f"{node!r} is no address")
    host: str = found["v6"] or found["host"] or found["bare"]
    if host.lower() == "unknown" or host.startswith("_"):
        return None
    address = parsed(host)
    if address is None:
        raise ForwardedInvalid(f"{node!r} is no address")
    return address
