"""The tree is the architecture: imports point one way."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "chatroom"

MAY_IMPORT = {
    "api": {"api"},
    "core": {"core"},
    "journal": {"journal", "core", "locks"},
    "wire": {"wire", "api"},
    "server": {"server", "api", "core", "journal", "wire", "interrupts", "toml_text"},
    "client": {"client", "api", "wire"},
    "chatter": {"chatter", "client", "api", "wire", "interrupts", "locks", "toml_text"},
    "chatwire": {"chatwire", "api", "wire", "interrupts"},
}
"""Of our own packages; the table of docs/architecture.md."""

SERVER_MAY_IMPORT = {
    "port": {"port", "settings", "counters"},
    "calls": {"calls", "rooms", "port", "access", "counters", "traces"},
    "rooms": {"rooms", "counters", "traces"},
    "page": {"page", "port"},
    "ops": {"ops", "calls", "rooms", "port", "counters", "settings"},
    "access": {"access"},
    "top": {"top"},
}
"""Within the server, of its own folders and files: a message walks down this table. What
stands above the folders (service, settings, the command line) may import them all."""

JOURNALS = ("memory", "postgres", "sqlite")
"""The ways in which rooms are kept."""

CORE_MAY_IMPORT = {
    "__future__", "abc", "base64", "bisect", "collections", "confusable_homoglyphs", "contextlib",
    "dataclasses", "datetime", "enum", "functools", "hashlib", "importlib", "ipaddress",
    "itertools", "json", "math", "precis_i18n", "random", "re", "string", "typing", "unicodedata",
}  # fmt: skip
"""Nothing that awaits, does I/O when called, or knows a protocol."""


WIRE_MAY_IMPORT = {
    "__future__", "base64", "bisect", "collections", "dataclasses", "enum", "functools",
    "google.protobuf", "hpack", "ipaddress", "itertools", "math", "re", "struct", "typing",
    "urllib.parse", "zlib",
}  # fmt: skip
"""Nothing that waits, does I/O or looks at a clock."""


def modules(package: str) -> list[Path]:
    return sorted((SOURCE / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """The absolute name of a module or package of ours."""
    base = SOURCE.parent if path.is_relative_to(SOURCE) else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for top in (SOURCE, ROOT / "bench") for path in top.rglob("*.py")}


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, also for types alone, by its absolute name."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            within = [f"{module}.{alias.name}" for alias in node.names]
            yield from (name if name in FILES else module for name in within)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_one_way(package: str) -> None:
    """Each package imports only those below it."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.startswith("chatroom.") and name.split(".")[1] not in MAY_IMPORT[package]
    ]
    assert [] == wrong


@pytest.mark.parametrize("folder", sorted(SERVER_MAY_IMPORT))
def test_the_server_imports_as_a_message_walks(folder: str) -> None:
    """The rooms know no protocol, and the port knows no rooms."""
    allowed = {f"chatroom.server.{name}" for name in SERVER_MAY_IMPORT[folder]}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(f"server/{folder}")
        for name in imports(path)
        if name.startswith("chatroom.server")
        and not any(name == each or name.startswith(f"{each}.") for each in allowed)
    ]
    assert [] == wrong


def test_the_rooms_import_no_messages() -> None:
    """What they hand out has been encoded by somebody else."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("server/rooms")
        for name in imports(path)
        if name.startswith(("chatroom.api", "google.protobuf", "grpc", "connectrpc"))
    ]
    assert [] == wrong


def test_every_folder_of_the_server_is_in_the_table() -> None:
    """A new folder must be given its place."""
    folders = {path.parent.name for path in (SOURCE / "server").glob("*/__init__.py")}
    assert set(SERVER_MAY_IMPORT) == folders


def test_every_package_is_in_the_table() -> None:
    """A new package must be given its place."""
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert set(MAY_IMPORT) == packages


def test_the_core_is_pure() -> None:
    """No asyncio, no protobuf, no I/O."""
    wrong = [
        f"{path.name} imports {name}"
        for path in modules("core")
        for name in imports(path)
        if not name.startswith("chatroom.core") and name.split(".")[0] not in CORE_MAY_IMPORT
    ]
    assert [] == wrong


def test_the_wire_is_pure() -> None:
    """No asyncio, no sockets, no TLS, no threads, no clock."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("wire")
        for name in imports(path)
        if not name.startswith("chatroom.")
        and not any(name == each or name.startswith(f"{each}.") for each in WIRE_MAY_IMPORT)
    ]
    assert [] == wrong


def test_no_files_import_each_other() -> None:
    """Not in a circle either, and not for types alone: what both know is a third beneath."""
    knows = {
        name: (imports(path) & FILES.keys()) - {name}
        for name, path in FILES.items()
        if not name.startswith("chatroom.api")  # generated
    }
    try:
        TopologicalSorter(knows).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_only_the_composition_root_knows_which_journal_is_in_use() -> None:
    """Everything else has the port, but for the commands that are about where it is kept."""
    knows = {
        path.name
        for path in modules("server")
        for name in imports(path)
        if name.startswith(tuple(f"chatroom.journal.{each}" for each in JOURNALS))
    }
    commands = {
        "audit_command.py",
        "copy_command.py",
        "database_commands.py",
        "journal_commands.py",
    }
    assert {"service.py", *commands} == knows


def test_a_server_without_postgresql_needs_no_driver() -> None:
    """It is an extra: one folder imports it, and nobody imports that before it is used."""
    knows = {path.parent.name for path in FILES.values() if "asyncpg" in {*map(top, imports(path))}}
    assert {"postgres"} == knows
    early = [
        f"{path.relative_to(ROOT)} imports {alias}"
        for path in FILES.values()
        if path.parent.name != "postgres"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in [getattr(node, "module", None) or ""]
        if "postgres" in alias.split(".")
    ]
    assert [] == early


def test_who_does_not_trace_imports_no_tracer() -> None:
    """It is an extra: two files import it, and nobody imports the server's before it is used."""
    knows = {path.name for path in FILES.values() if "opentelemetry" in {*map(top, imports(path))}}
    assert {"otel.py", "propagation.py"} == knows
    early = [
        f"{path.relative_to(ROOT)} imports {alias}"
        for path in FILES.values()
        if path.name != "otel.py"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in [getattr(node, "module", None) or "", *(each.name for each in node.names)]
        if {"otel", "opentelemetry"} & {*alias.split(".")}
    ]
    assert [] == early


def top(module: str) -> str:
    """The package that a module is in."""
    return module.partition(".")[0]


def test_files_have_one_subject() -> None:
    """Above 400 lines a file has two."""
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in SOURCE.rglob("*.py")
        if "api" not in path.relative_to(SOURCE).parts
        and (count := len(path.read_text().splitlines())) > 400
    ]
    assert [] == long
