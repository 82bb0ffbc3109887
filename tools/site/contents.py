"""Which documents the site has, in which order, and where each of them is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]

SECTIONS: dict[str, tuple[str, ...]] = {
    "Chat": ("docs/chatter.md", "docs/page.md"),
    "Host it": (
        "docs/in-public.md", "docs/access.md", "docs/tls.md", "docs/proxies.md",
        "docs/moderation.md", "docs/limits.md", "docs/security.md",
    ),
    "Run it": (
        "docs/operations.md", "docs/service.md", "docs/container.md", "docs/server.md",
        "docs/traces.md", "docs/postgresql.md", "docs/many-nodes.md", "docs/promises.md",
    ),
    "Build on it": (
        "docs/embedding.md", "docs/clients.md", "docs/library.md", "docs/retrying.md",
    ),
    "Look at the wire": (
        "docs/experiments/README.md", "docs/wireshark.md", "docs/pictures.md", "docs/replay.md",
        "docs/faults.md",
    ),
    "Reference": (
        "reference/contract.md", "reference/library.rst", "reference/chatserver.md",
        "reference/chatter.md", "reference/chatwire.md",
    ),
    "How it is made": (
        "docs/architecture.md", "docs/decisions/README.md", "docs/benchmarks.md", "bench/README.md",
        "CHANGELOG.md", "CONTRIBUTING.md",
    ),
}  # fmt: skip
"""Documents that are not there are left out; those that are named nowhere come last."""

LAST = "More"
"""The section of documents that are named nowhere."""

FRONT = "README.md"
"""The first page."""


def documents() -> dict[str, str]:
    """Each document of the repository, and its page: paths from the root of either."""
    found = [ROOT / name for name in (FRONT, "CHANGELOG.md", "CONTRIBUTING.md", "bench/README.md")]
    found += sorted((ROOT / "docs").rglob("*.md"))
    names = [path.relative_to(ROOT).as_posix() for path in found]
    return {name: _page(name) for name in names}


def _page(name: str) -> str:
    if name == FRONT:
        return "index.md"
    path = PurePosixPath(name.removeprefix("docs/"))
    if path.name == "README.md":
        return (path.parent / "index.md").as_posix()
    return path.as_posix() if name.startswith("docs/") else path.as_posix().lower()


def sections(made: Iterator[str]) -> dict[str, list[str]]:
    """Pages by section; `made` are those that the build makes itself."""
    pages = {**documents(), **{name: name for name in made}}
    listed = {
        title: [pages[name] for name in names if name in pages] for title, names in SECTIONS.items()
    }
    named = {name for names in SECTIONS.values() for name in names} | {FRONT}
    others = [name for name in documents() if name not in named and not _beneath(name)]
    return {**listed, **({LAST: [pages[name] for name in others]} if others else {})}


def _beneath(name: str) -> bool:
    """Whether a document is in a folder whose own first page lists it."""
    folder = PurePosixPath(name).parent
    return folder.as_posix() != "docs" and f"{folder}/README.md" in documents()
