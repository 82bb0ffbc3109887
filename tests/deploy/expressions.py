"""What expressions of Prometheus ask for: metrics, labels, and values of labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.server.ops.scrapes import Scrape

OF_PROMETHEUS = {"job", "instance"}
"""Labels that it adds to each sample; and `up` is its own."""
OURS = re.compile(r"\b((?:chatroom|grpc_server|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


@dataclass(frozen=True)
class Asked:
    """A metric, and what labels have to be."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


def asked(expression: str) -> Iterator[Asked]:
    """All metrics of an expression."""
    for name, matchers in OURS.findall(expression):
        yield Asked(name, tuple(MATCHER.findall(matchers)))


def wrong(expression: str, scrape: Scrape) -> list[str]:
    """What an expression asks for that a server does not say."""
    found: list[str] = []
    labels: set[str] = set(OF_PROMETHEUS)
    for each in asked(expression):
        samples = [dict(of) for name, of in scrape.samples if name == each.name]
        if not samples:
            found.append(each.name)
        labels |= {label for of in samples for label in of}
        for label, how, text in each.matchers:
            values = {of.get(label) for of in samples} if label not in OF_PROMETHEUS else set()
            for value in text.split("|") if how.endswith("~") else [text]:
                if label not in OF_PROMETHEUS and not value.startswith("$"):
                    known = any(v is not None and re.fullmatch(value, v) for v in values)
                    if not known:
                        found.append(f"{each.name}{{{label}{how}{value}}}")
    grouped = {each.strip() for group in GROUPED.findall(expression) for each in group.split(",")}
    return found + sorted(grouped - labels - {""})
