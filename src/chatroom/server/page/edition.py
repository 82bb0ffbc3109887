"""The edition: all files of the page as they were when the server started.

A document names the modules of its own edition: their paths contain a hash of everything. So
a browser that has loaded a document never mixes files of two editions, however long it keeps
them, and however it comes by them: a module imports the others by relative paths.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

DOCUMENT = "index.html"
FOLDER = "/page/"
"""The path of the files; in the document it is written without the edition's name."""
TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
}
"""By a name's ending. A file with another ending is not served."""
NAME_DIGITS = 20
"""80 bits: two editions have one name by accident never."""
GZIP_LEVEL = 9
WORTH = 0.9
"""What is not smaller than so much of itself stays as it is."""


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes as they are sent, and what they are called (RFC 9110, 8.8.3)."""

    content: bytes
    etag: bytes


@dataclass(frozen=True, slots=True)
class File:
    """One file; `gzipped` is None where that would not make it smaller."""

    content_type: bytes
    plain: Body
    gzipped: Body | None


@dataclass(frozen=True, slots=True)
class Edition:
    """The page's files, by the whole path at which each is served, and its document."""

    name: str
    document: File
    files: Mapping[str, File]

    @classmethod
    def read(cls, folder: Traversable | None = None) -> Edition:
        """Read and compress the files of `folder`; None: those of the package.

        It takes some milliseconds, and reads the disk. Raises FileNotFoundError where there is
        no document.
        """
        if folder is None:
            folder = resources.files("chatroom") / "page"
        contents = dict(sorted(_walk(folder)))
        if DOCUMENT not in contents:
            raise FileNotFoundError(f"the page has no {DOCUMENT}")
        name = _name(contents)
        own = f"{FOLDER}{name}/"
        document = contents.pop(DOCUMENT).replace(FOLDER.encode(), own.encode())
        return cls(
            name,
            _file(DOCUMENT, document),
            {own + each: _file(each, content) for each, content in contents.items()},
        )


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, bytes]]:
    """Relative paths, with `/` on every system, and contents."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{above}{each.name}/")
        elif _ending(each.name) in TYPES:
            yield above + each.name, each.read_bytes()


def _name(contents: Mapping[str, bytes]) -> str:
    """The same for the same files, on every machine."""
    digest = hashlib.sha256()
    for path, content in contents.items():
        digest.update(b"%d %d %s%s" % (len(path.encode()), len(content), path.encode(), content))
    return digest.hexdigest()[:NAME_DIGITS]


def _file(path: str, content: bytes) -> File:
    tag = hashlib.sha256(content).hexdigest()[:NAME_DIGITS].encode()
    compressed = gzip.compress(content, GZIP_LEVEL, mtime=0)
    smaller = len(compressed) < WORTH * len(content)
    return File(
        TYPES[_ending(path)],
        Body(content, b'"%s"' % tag),
        Body(compressed, b'"%s-gzip"' % tag) if smaller else None,
    )


def _ending(name: str) -> str:
    return name[name.rfind(".") :]
