"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

from chatroom.core import names
from tests.faults.scale import BRIEF, scaled
from tests.launch.program import end_fork_server
from tests.turns import long_turns

os.environ.pop("PYTHONUNBUFFERED", None)  # programs buffer what they write, as people's do
for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)  # what `make test` was called with is not for the makes of tests
SHOWN_TURNS = 20

settings.register_profile(
    "scaled",
    max_examples=scaled(40, 500, brief=15),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # so is everything on a busy machine
)
settings.load_profile("scaled")

MAY_BLOCK = {
    # Read once, before a server listens.
    "chatroom/server/otel.py": {"<module>"},
    # Commands in processes of their own. Only a test runs them beside a server, in its loop.
    "chatroom/journal/sqlite/backup.py": {"backup"},
    "chatroom/journal/sqlite/check.py": {"check"},
    "chatroom/journal/sqlite/moving.py": {
        "open",
        "rooms",
        "members",
        "entries",
        "records",
        "moved",
        "close",
        "room",
        "notes",
        "commit",
    },
    # A file of one line, read before the server listens and at SIGHUP.
    "chatroom/server/access/admin.py": {"read"},
    # A file of keys, likewise.
    "chatroom/server/access/key_file.py": {"read"},
    # Certificates, read before a server listens and at SIGHUP, or before a client's first call.
    "chatroom/server/port/certificates.py": {"_read", "_signatures"},
    "chatroom/client/security.py": {"_read"},
    # What a connection string leaves open: ~/.pgpass, certificates. A few small files, where a
    # connection is made.
    "asyncpg/connect_utils.py": {"_parse_connect_dsn_and_args"},
    # Where a log goes is decided by whoever runs the program; here pytest keeps it.
    "logging/__init__.py": {"emit"},
}
"""Functions that block an event loop, and why they may."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also the tests that are marked as slow")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Whoever names a file or a folder wants all of it."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or not BRIEF:
        config.option.slow = True  # which is handed on to the processes of xdist


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` takes at most five minutes, also where all tools are installed."""
    if not config.option.slow:
        leave = pytest.mark.skip(reason="slow: CI runs it, and `make test ARGS=--slow`")
        for item in items:
            if item.get_closest_marker("slow") is not None:
                item.add_marker(leave)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays: nobody looks for garbage in it, which takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def heed_signals() -> None:
    """Undo what tests in the background inherit, and hand on: signals that are ignored.

    A shell has its background jobs ignore SIGINT, nohup what it starts ignore SIGHUP.
    """
    for name, heeded in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heeded)


@pytest.fixture(autouse=True, scope="session")
def programs() -> Iterator[None]:
    """In the end the process ends from which programs were forked."""
    yield
    end_fork_server()


@pytest.fixture(autouse=True, scope="session")
def tables() -> None:
    """Read the tables of names, as a service does before it listens."""
    names.load()


@pytest.fixture(autouse=True, scope="session")
def blocking_calls() -> Iterator[BlockBuster]:
    """A blocking call that the project makes in an event loop is an error."""
    with blockbuster_ctx("chatroom") as blockbuster:
        # Finalizers take locks, and the garbage collector runs them anywhere.
        blockbuster.functions["threading.Lock.acquire"].deactivate()
        for function in blockbuster.functions.values():
            for file, names in MAY_BLOCK.items():
                function.can_block_in(file, names)
        yield blockbuster


@pytest.fixture(autouse=True)
def turns(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep how long the longest turn of an event loop took, if that is long."""
    long_turns.clear()
    yield
    if long_turns:
        request.node.user_properties.append(("longest turn", max(long_turns)))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each processor: many tests wait."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the longest turns of event loops."""
    found = [
        (value, report.nodeid)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, value in report.user_properties
        if name == "longest turn"
    ]
    if found:
        terminalreporter.section("turns of an event loop above 50 ms")
        for seconds, test in sorted(found, reverse=True)[:SHOWN_TURNS]:
            terminalreporter.line(f"{seconds * 1000:6.0f} ms  {test}")
