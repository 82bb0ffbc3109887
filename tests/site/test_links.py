"""What the build of the site finds wrong: links that lead nowhere, and requests to other hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.site.check import faults
from tools.site.contents import ROOT, documents
from tools.site.links import Broken, rewritten
from tools.site.stage import Stage

PAGES = {"docs/a.md": "a.md", "docs/deep/b.md": "deep/b.md", "README.md": "index.md"}


def written(text: str, name: str = "docs/a.md") -> str:
    return rewritten(name, text, PAGES.get, PAGES[name])


def site(tmp_path: Path, **pages: str) -> list[str]:
    """What is wrong with a site of these pages; each is what its body has."""
    for name, body in pages.items():
        (tmp_path / f"{name}.html").write_text(f"<!doctype html><body>{body}</body>")
    return list(faults(tmp_path))


def test_links_between_documents_are_links_between_pages() -> None:
    assert "[b](deep/b.md#x)\n" == written("[b](deep/b.md#x)\n")
    assert "[a](../a.md), [front](../index.md)" == written(
        "[a](../a.md), [front](../../README.md)", "docs/deep/b.md"
    )
    assert "![two\nlines](index.md)" == written("![two\nlines](../README.md)")


@pytest.mark.parametrize(
    "text",
    [
        "[far](https://example.com/docs/gone.md)", "[here](#gone)", "`[a](gone.md)`",
        "``[a](`gone.md)``", "```md\n[a](gone.md)\n```\n", "~~~\n```\n[a](gone.md)\n~~~\n",
        "1. item\n   ```sh\n   [a](gone.md)\n   ```\n",
    ],
)  # fmt: skip
def test_what_is_no_link_to_a_document_stays(text: str) -> None:
    assert text == written(text)


def test_a_link_to_nothing_is_named_with_its_place() -> None:
    with pytest.raises(Broken, match=r"^docs/a\.md:5: gone\.md#x is not there$"):
        written("# A\n```\n[a](gone.md)\n```\n[a](gone.md#x)\n")


def test_a_name_in_the_middle_of_a_page_is_one_in_the_site() -> None:
    assert "**6.** []{#whose}Behind" == written('**6.** <a id="whose"></a>Behind')


def test_the_documents_have_no_link_to_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Also without a build of the site, which looks at anchors too."""
    Stage(tmp_path / "source").fill()
    assert (tmp_path / "source" / "index.md").is_file()


def test_every_document_has_a_page_of_its_own() -> None:
    pages = documents()
    assert len(pages) == len(set(pages.values()))
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert there < pages.keys()


def test_a_site_whose_links_lead_somewhere_is_right(tmp_path: Path) -> None:
    assert [] == site(
        tmp_path,
        a='<a href="b.html#there">b</a><a href="#here">here</a><p id="here">'
        '<a href="https://example.com/x">elsewhere</a><a href="mailto:a@b.example">write</a>'
        '<img src="data:image/png;base64,AA"><link rel="canonical" href="https://example.com/a">',
        b='<h1 id="there">b</h1><a href="a.html">a</a><a href="./">front</a>',
        index="",
    )


@pytest.mark.parametrize(
    "wrong",
    ['<a href="c.html">', '<a href="b.html#gone">', '<a href="#gone">', '<img src="c.png">',
     '<script src="c.js"></script>', '<a href="../c.html">'],
)  # fmt: skip
def test_a_link_to_nothing_is_found(tmp_path: Path, wrong: str) -> None:
    (found,) = site(tmp_path, a=wrong, b="")
    assert found.startswith("a.html has a link to ")


@pytest.mark.parametrize(
    "wrong",
    [
        '<script src="https://example.com/a.js"></script>',
        '<link rel="stylesheet" href="//example.com/a.css">',
        '<link rel="preconnect" href="https://example.com">',
        '<img src="HTTP://example.com/a.png">',
        '<img srcset="//example.com/a.png 2x">',
        '<iframe src="https://example.com"></iframe>',
        '<form action="https://example.com"></form>',
        '<p style="background: url(https://example.com/a.png)">',
        '<style>@import "https://example.com/a.css";</style>',
        '<meta http-equiv="refresh" content="0; url=https://example.com">',
    ],
)
def test_a_request_to_another_host_is_found(tmp_path: Path, wrong: str) -> None:
    (found,) = site(tmp_path, a=wrong)
    assert found.startswith("a.html asks for ")


def test_a_request_of_a_style_sheet_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url('https://example.com/a.woff2') }")
    assert ["a.css asks for https://example.com/a.woff2"] == list(faults(tmp_path))
