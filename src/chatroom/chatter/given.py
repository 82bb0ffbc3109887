"""What was said of the options that several commands have, wherever it was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import click

SHARED = frozenset(
    {
        "host", "server", "insecure", "ca", "cert", "key", "token_file", "config",
        "reconnect", "as_json", "room", "name", "color", "log",
    }
)  # fmt: skip
"""The parameters that `Given` collects; everything else a command is called with."""


ALL_ROOMS = "rooms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said of the shared parameters: on the command line, and in the environment.

    What stands after the name of a command wins over what stands before it.
    """

    flags: Mapping[str, Any]
    environment: Mapping[str, Any]

    @classmethod
    def to(cls, context: click.Context) -> Given:
        """What was given to the command of this context and to the program."""
        flags: dict[str, Any] = {}
        environment: dict[str, Any] = {}
        inner: click.Context | None = context
        while inner is not None:
            for name in SHARED & inner.params.keys():
                source = inner.get_parameter_source(name)
                if source is ParameterSource.COMMANDLINE:
                    _note(flags, name, inner.params[name])
                elif source is ParameterSource.ENVIRONMENT:
                    _note(environment, name, inner.params[name])
            inner = inner.parent
        return cls(flags=flags, environment=environment)

    def get(self, name: str) -> Any:
        """What was said of a parameter; None when nothing was."""
        return self.flags.get(name, self.environment.get(name))

    @property
    def rooms(self) -> Sequence[str]:
        """All rooms that the program was given; where there is to be one, the last counts."""
        return list(dict.fromkeys(self.get(ALL_ROOMS) or ()))

    @property
    def as_json(self) -> bool:
        """Whether output is for a program."""
        return bool(self.get("as_json"))

    @property
    def reconnect(self) -> float | None:
        """For how many seconds to reconnect; None: the library's default."""
        seconds: float | None = self.get("reconnect")
        return seconds


def _note(said: dict[str, Any], name: str, value: Any) -> None:
    """Keep what was said, unless a command has said it already; of several rooms the last."""
    if isinstance(value, tuple):
        if not value:  # a variable of spaces
            return
        said.setdefault(ALL_ROOMS, value)
        value = value[-1]
    said.setdefault(name, value)
