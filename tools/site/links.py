"""Links of a document, made right for its page: to other pages, and to files of the repository."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath

FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
TARGET = re.compile(r"(`+)(?:(?!\1).)+\1|(\]\()([^)\s]+)(?=[)\s])")
"""Code within a line, which is passed over; or where a link leads."""
NAME = re.compile(r'<a id="([\w-]+)"></a>')
"""A name in the middle of a page, as a forge wants it."""
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#")


class Broken(Exception):
    """A link leads nowhere; the sentence says where it stands."""


def rewritten(name: str, text: str, page_of: Callable[[str], str | None], page: str) -> str:
    """The text of a document for its page.

    `name` and `page` are its paths, from the root of the repository and of the site; `page_of`
    says which page a path of the repository has. Raises Broken where it has none.
    """

    def replaced(number: int, match: re.Match[str]) -> str:
        target = match[3]
        if target is None or ELSEWHERE.match(target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        wanted = os.path.normpath(PurePosixPath(name).parent / path)
        found = page_of(wanted)
        if found is None:
            raise Broken(f"{name}:{number}: {target} is not there")
        relative = os.path.relpath(found, PurePosixPath(page).parent)
        return f"{match[2]}{relative}{hash_}{anchor}"

    return "".join(
        line if code else TARGET.sub(partial(replaced, number), NAME.sub(r"[]{#\1}", line))
        for number, (line, code) in enumerate(_lines(text), 1)
    )


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        opening = FENCE.match(line)
        if opening and not fence:
            fence = opening[1]
            yield line, True
        elif fence:
            yield line, True
            if opening and opening[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        else:
            yield line, False
