"""Whether every link of a built site leads somewhere, and none of its pages asks another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "audio": ("src",), "embed": ("src",), "form": ("action",), "iframe": ("src",),
    "image": ("href", "xlink:href"), "img": ("src", "srcset"), "input": ("src",),
    "object": ("data",), "script": ("src",), "source": ("src", "srcset"), "track": ("src",),
    "use": ("href", "xlink:href"), "video": ("src", "poster"),
}  # fmt: skip
"""What a browser asks for by itself, or sends something to; links that a person follows are not."""
NOT_LOADED = {"author", "canonical", "help", "index", "license", "next", "prev", "search", "top"}
"""What a <link> may be without being asked for."""
ABROAD = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page has: the names in it, where it leads, what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.leads: list[str] = []
        self.asks: list[str] = []
        self._style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what the tag names, leads to and asks for."""
        given = {name: value or "" for name, value in attributes}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        self._style = tag == "style"
        self.asks += _addresses(given.get("style", ""))
        for name in LOADED.get(tag, ()):
            if name in given:
                found = given[name]
                self.asks += (
                    [each.split()[0] for each in found.split(",")] if name == "srcset" else [found]
                )
        if tag == "link" and not NOT_LOADED & set(given.get("rel", "").split()):
            self.asks.append(given.get("href", ""))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.asks.append(given.get("content", "").partition("=")[2])
        if tag in ("a", "area", "link") and "href" in given:
            self.leads.append(given["href"])

    def handle_data(self, data: str) -> None:
        """Styles within the page."""
        if self._style:
            self.asks += _addresses(data)


def _addresses(styles: str) -> list[str]:
    return [either or other for either, other in IN_STYLES.findall(styles)]


def faults(site: Path) -> Iterator[str]:
    """A sentence for each link that leads nowhere, and for each request to another host."""
    pages = {
        path: Page(path.read_text()) for path in sorted(site.rglob("*.html")) if path.is_file()
    }
    for path, page in pages.items():
        at = path.relative_to(site)
        for address in page.asks:
            if ABROAD.match(address):
                yield f"{at} asks for {address}"
        for address in {*page.leads, *page.asks}:
            if not _leads_somewhere(site, pages, path, address):
                yield f"{at} has a link to {address}, which is not there"
    for path in sorted(site.rglob("*.css")):
        for address in _addresses(path.read_text()):
            if ABROAD.match(address):
                yield f"{path.relative_to(site)} asks for {address}"


def _leads_somewhere(site: Path, pages: dict[Path, Page], path: Path, address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(site):
        return False
    name = unquote(parts.fragment)
    return not name or target not in pages or name in pages[target].names
