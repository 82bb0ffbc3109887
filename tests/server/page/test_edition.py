"""The edition: names, types and bytes of the page's files."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from chatroom.server.page.edition import FOLDER, TYPES, Edition, File

PACKAGED = Path(__file__).parents[3] / "src" / "chatroom" / "page"
MOST_BYTES = 106_000
"""The page is small enough to be read. docs/page.md says what it has grown by."""

SCRIPT = b"export const here = import.meta.url;\n" * 10
FILES = {
    "index.html": b'<script type="module" src="/page/app.js"></script>\n',
    "app.js": b'import "./parts/one.js";\n',
    "parts/one.js": SCRIPT,
    "icon.png": b"\x89PNG",
}


def edition(folder: Path, **changed: bytes) -> Edition:
    """The edition of `FILES`, with some changed: `app_js` is app.js."""
    contents = FILES | {name.replace("_", "."): content for name, content in changed.items()}
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return Edition.read(folder)


def test_the_document_names_the_modules_of_its_edition(tmp_path: Path) -> None:
    """By paths under which they are served; the document itself is at none of them."""
    read = edition(tmp_path)
    assert {f"{FOLDER}{read.name}/{each}" for each in FILES if each != "index.html"} == set(
        read.files
    )
    named = re.findall(rb'"(/page/[^"]*)"', read.document.plain.content)
    assert [f"{FOLDER}{read.name}/app.js".encode()] == named
    assert SCRIPT == read.files[f"{FOLDER}{read.name}/parts/one.js"].plain.content


def test_the_same_files_are_the_same_edition(tmp_path: Path) -> None:
    """Wherever they are: two servers of one version share it."""
    one, two = edition(tmp_path / "one"), edition(tmp_path / "two")
    assert one == two


@pytest.mark.parametrize(
    "changed",
    [
        {"app_js": b'import "./parts/one.js";'},
        {"index_html": b"<title></title>"},
        {"more_css": b""},
    ],
)
def test_other_files_are_another_edition(tmp_path: Path, changed: dict[str, bytes]) -> None:
    """A byte less, another document, an empty file more: all its paths are new."""
    one, two = edition(tmp_path / "one"), edition(tmp_path / "two", **changed)
    assert set() == set(one.files) & set(two.files)


def test_what_becomes_smaller_is_compressed(tmp_path: Path) -> None:
    """Once, with a name of its own: the bytes differ (RFC 9110, 8.8.3)."""
    read = edition(tmp_path)
    script = read.files[f"{FOLDER}{read.name}/parts/one.js"]
    icon = read.files[f"{FOLDER}{read.name}/icon.png"]
    assert icon.gzipped is None
    assert script.gzipped is not None
    assert SCRIPT == gzip.decompress(script.gzipped.content)
    assert script.gzipped.etag != script.plain.etag


def test_a_page_without_a_document_is_none(tmp_path: Path) -> None:
    """The server does not start with it."""
    (tmp_path / "app.js").write_bytes(SCRIPT)
    with pytest.raises(FileNotFoundError, match=r"index\.html"):
        Edition.read(tmp_path)


def test_the_package_has_the_page() -> None:
    """Every file of it has a type, so is served, and together they are small."""
    there = [path for path in PACKAGED.rglob("*") if path.is_file()]
    assert set() == {path.name for path in there if path.suffix not in TYPES}
    read = Edition.read()
    assert len(there) == 1 + len(read.files)
    served: list[File] = [read.document, *read.files.values()]
    assert sum(len(file.plain.content) for file in served) <= MOST_BYTES


def test_the_documents_files_are_there() -> None:
    """Whatever the page's document names."""
    read = Edition.read()
    named = set(re.findall(r'"(/page/[^"]*)"', read.document.plain.content.decode()))
    assert named
    assert set() == named - set(read.files)


def test_modules_name_no_other_edition() -> None:
    """They reach each other by relative paths: an absolute one would leave the edition."""
    read = Edition.read()
    assert [] == [path for path, file in read.files.items() if b'"/page/' in file.plain.content]
