"""Two PostgreSQL servers, of which one follows the other until it takes its place."""

from __future__ import annotations

import contextlib
import shutil
import signal
from pathlib import Path

from tests.journal.postgres_server import Server

NAME = "follower"
"""Of whichever follows: what only copies is not to be waited for."""
SETTINGS = (
    "max_wal_size=64MB", "wal_keep_size=64MB", f"cluster_name={NAME}",
    "wal_retrieve_retry_interval=100ms",
)  # fmt: skip
"""Of a database that keeps what it has acknowledged: the defaults, but for room and patience."""


class Pair:
    """A primary, and a standby; if they are `synchronous`, a commit waits until both have it."""

    def __init__(
        self, directory: Path, *, synchronous: bool = True, host: str = "127.0.0.1"
    ) -> None:
        self._directory = directory
        self._synchronous = synchronous
        self._host = host
        self._made = 0
        self.primary = self._server()
        self.standby = self._server()

    def _server(self, port: int = 0) -> Server:
        self._made += 1
        directory = self._directory / f"postgres{self._made}"
        return Server(directory, *SETTINGS, port=port, host=self._host)

    def url(self) -> str:
        """Of whichever of the two is the primary."""
        hosts = ",".join(f"{self._host}:{each.port}" for each in (self.primary, self.standby))
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def start(self) -> None:
        """Make both, and have one follow the other."""
        self.primary.make()
        self.primary.start()
        self._follow()

    def _follow(self) -> None:
        self.standby.copy(self.primary)
        self.standby.start()
        if self._synchronous:
            self.primary.set("synchronous_standby_names", NAME)
            self.primary.wait("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        else:
            self.primary.wait("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")

    def restart(self) -> None:
        """Have the primary crash, and start it again."""
        self.primary.stop(how=signal.SIGQUIT)
        self.primary.start()

    def fail_over(self) -> None:
        """Have the primary crash for good, the standby take its place, and get one of its own."""
        old = self.primary
        old.stop(how=signal.SIGQUIT)
        self.standby.promote()
        self.primary, self.standby = self.standby, self._server(old.port)
        shutil.rmtree(old.directory)
        self._follow()

    def fall_behind(self) -> None:
        """Have the standby receive nothing more, until it is promoted."""
        self.standby.set("primary_conninfo", "")
        self.primary.wait("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_replication)")

    def stop(self) -> None:
        """End both."""
        for each in (self.standby, self.primary):
            with contextlib.suppress(ProcessLookupError):
                each.stop(how=signal.SIGQUIT)
