"""What Sphinx reads: the documents with their links made right, and the pages made from code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from . import contract, programs
from .contents import FRONT, ROOT, documents, sections
from .links import rewritten

LIBRARY = Path(__file__).with_name("library.rst")
LANGUAGES = {
    ".cfg": "text", ".conf": "nginx", ".go": "go", ".js": "javascript", ".mjs": "javascript",
    ".mod": "text", ".proto": "protobuf", ".py": "python", ".sh": "sh", ".toml": "toml",
    ".ts": "typescript", ".yaml": "yaml", ".yml": "yaml", ".json": "json",
}  # fmt: skip
"""By the end of a file's name, how its page is coloured."""
MADE = {"__pycache__", "node_modules"}
"""Folders that are no part of the repository."""
PICTURES = {".png", ".svg"}
NAVIGATION = ":hidden:\n:maxdepth: 2\n"


class Stage:
    """The directory that Sphinx reads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pages = documents()
        self._files: dict[str, str] = {}
        """Pages of files of the repository to which a document has a link."""
        self._written: set[str] = set()
        """Those of them that have been written."""

    def fill(self) -> None:
        """From nothing; raises Broken if a document has a link that leads nowhere."""
        shutil.rmtree(self._directory, ignore_errors=True)
        made = {
            "reference/contract.md": contract.page(),
            "reference/library.rst": LIBRARY.read_text(),
            **{f"reference/{name}.md": programs.page(name) for name in programs.PROGRAMS},
        }
        for name in contract.FILES:
            self._page_of(f"proto/{name}")
        for name, page in self._pages.items():
            text = rewritten(name, (ROOT / name).read_text(), self._page_of, page)
            self._write(page, text + "".join(self._navigation(name, made)))
        for page, text in made.items():
            self._write(page, text)
        while self._files.keys() - self._written:  # a folder's page has links to more
            for name in sorted(self._files.keys() - self._written):
                self._write(self._files[name], self._source(name))
                self._written.add(name)

    def _write(self, page: str, text: str) -> None:
        path = self._directory / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _navigation(self, name: str, made: dict[str, str]) -> Iterator[str]:
        """What the page of a document leads to, if it is the first one of all or of a folder."""
        if name == FRONT:
            for title, pages in sections(iter(made)).items():
                yield f"\n```{{toctree}}\n:caption: {title}\n{NAVIGATION}\n"
                yield from (f"/{page}\n" for page in pages)
                yield "```\n"
        elif PurePosixPath(name).name == "README.md":
            folder = PurePosixPath(name).parent.as_posix()
            beneath = [
                p for n, p in self._pages.items() if n.startswith(f"{folder}/") and n != name
            ]
            if beneath:
                yield f"\n```{{toctree}}\n{NAVIGATION}\n"
                yield from (f"/{page}\n" for page in beneath)
                yield "```\n"

    def _page_of(self, name: str) -> str | None:
        """Where a path of the repository is in the site; None: there is no such path."""
        path = ROOT / name
        if name in self._pages:
            return self._pages[name]
        if f"{name}/README.md" in self._pages:
            return self._pages[f"{name}/README.md"]
        if name == "." or not path.exists() or not path.is_relative_to(ROOT):
            return None
        if path.suffix in PICTURES:
            into = name.removeprefix("docs/")
            (self._directory / into).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self._directory / into)
            return into
        return self._files.setdefault(name, f"files/{name}.md")

    def _source(self, name: str) -> str:
        """The page of a file, or of a folder, that is no document."""
        path = ROOT / name
        if path.is_dir():
            listed = [
                each.relative_to(ROOT).as_posix()
                for each in sorted(path.rglob("*"))
                if each.is_file() and not MADE & {*each.parts}
            ]
            pages = [(each, self._page_of(each)) for each in listed]
            lines = [f"- [{each}](/{page})" for each, page in pages if page]
            return "\n".join(["---", "orphan: true", "---", f"# {name}", "", *lines, ""])
        text = path.read_text()
        language = LANGUAGES.get(path.suffix, "text")
        fence = "`" * 6
        return f"---\norphan: true\n---\n# {name}\n\n{fence}{language}\n{text}{fence}\n"
