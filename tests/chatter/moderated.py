"""A server where only tokens count, and people to keep in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.client.servers import OURS, running
from tests.server.access.tokens_for import key_file, token


@dataclass(frozen=True)
class Moderated:
    """Where it is, and files of tokens: of an admin, of a moderator, of somebody who may talk."""

    address: str
    folder: Path

    def shown(self, subject: str, **claims: object) -> list[str]:
        """The options of chatter that show a token of somebody."""
        return self.with_token(token(subject, **claims), subject)

    def with_token(self, shown: str, name: str = "token") -> list[str]:
        path = self.folder / f"{name}.token"
        path.write_text(shown)
        path.chmod(0o600)
        return ["--host", self.address, "--token-file", str(path)]

    @property
    def admin(self) -> list[str]:
        return self.shown("admin", chat={"admin": True})

    @property
    def moderator(self) -> list[str]:
        return self.shown("mo", chat={"moderate": True})

    @property
    def member(self) -> list[str]:
        return self.shown("bob", chat={"rooms": ["*"]})


@contextlib.contextmanager
def moderated(folder: Path, *options: str) -> Iterator[Moderated]:
    keys = key_file(folder / "keys")
    with running([*OURS, "--keys", str(keys), "--room", "lobby", *options]) as address:
        yield Moderated(address, folder)
