"""The options of `chatserver` for its limits."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from chatroom.core.limits import Limits
from chatroom.core.rate import Pace

from .amounts import Amount
from .sizes import Size

_DEFAULTS = Limits()
_PACE = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,9}) ?([smh]))?", re.IGNORECASE)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class PaceType(click.ParamType[Pace]):
    """So many in so long; 0: any number."""

    name = "pace"

    def convert(
        self, value: str | Pace, param: click.Parameter | None, ctx: click.Context | None
    ) -> Pace:
        if isinstance(value, Pace):
            return value
        found = _PACE.fullmatch(value.strip())
        if found is not None and not int(found[1]):
            return Pace(0, 0.0)
        seconds = int(found[2]) * _UNITS[found[3].lower()] if found and found[2] else 0.0
        if found is None or not seconds:
            self.fail(
                f"{value!r} is not how often something may be done: write 600/1m, 200/1h or 0",
                param,
                ctx,
            )
        return Pace(int(found[1]), seconds)

    @staticmethod
    def written(pace: Pace) -> str:
        """A text that is read as this pace."""
        if not pace.count:
            return "0"
        seconds = int(pace.seconds)
        letter = next(unit for unit in "hms" if not seconds % _UNITS[unit])
        return f"{pace.count}/{seconds // int(_UNITS[letter])}{letter}"


def _option(field: str, flag: str, **said: Any) -> tuple[str, str, Any]:
    """An option for a field of Limits: that, the name of its parameter, and the option."""
    said.setdefault("default", getattr(_DEFAULTS, field))
    return field, flag.removeprefix("--").replace("-", "_"), click.option(flag, **said)


class Bound(click.IntRange):
    """A limit that there always is: it is of what all take together, or of what one keeps here."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__(1, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            to = "on" if self.max is None else f"to {self.max}"
            self.fail(
                f"{str(value)!r} is not a whole number from 1 {to}; this limit cannot be turned"
                " off",
                param,
                ctx,
            )


_COUNT = click.IntRange(0)
_SOME = Bound()
_OPTIONS = (
    _option(
        "message_rate",
        "--message-rate",
        type=Amount(0),
        help="Messages a second from one member; 0: no limit.",
    ),
    _option(
        "message_burst",
        "--message-burst",
        type=_SOME,
        help="Messages that one member may send at once.",
    ),
    _option(
        "room_message_rate",
        "--room-message-rate",
        type=Amount(0),
        show_default="100 times --message-rate",
        help="Messages a second from all members of a room together; 0: no limit.",
    ),
    _option(
        "room_capacity",
        "--room-capacity",
        type=_SOME,
        help="How many members one room may have.",
    ),
    _option(
        "server_members",
        "--max-members",
        type=_SOME,
        help="How many members all rooms may have together.",
    ),
    _option(
        "server_rooms",
        "--max-rooms",
        type=_SOME,
        help="How many rooms there may be.",
    ),
    _option(
        "server_connections",
        "--max-connections",
        type=_COUNT,
        help="How many connections there may be; above that nobody is accepted. 0: as many as "
        "the system lets this process open.",
    ),
    _option(
        "connection_streams",
        "--connection-streams",
        type=Bound(_DEFAULTS.connection_streams),
        help="How many streams of members one connection may have.",
    ),
    _option(
        "address_connections",
        "--address-connections",
        type=_COUNT,
        help="How many connections may come from one address; 0: any number. What is said of "
        "addresses is not for this machine, and of IPv6 it is for the whole /64.",
    ),
    _option(
        "address_members",
        "--address-members",
        type=_COUNT,
        help="How many members may come from one address; 0: any number.",
    ),
    _option(
        "identity_members",
        "--identity-members",
        type=_COUNT,
        help="How often one identity, the sub of a token, may be in rooms; 0: any number.",
    ),
    _option(
        "address_joins",
        "--address-joins",
        type=PaceType(),
        metavar="N/TIME",
        default="600/1m",
        help="How often may be joined from one address: so often at once, and on average; 0: any "
        "number.",
    ),
    _option(
        "identity_joins",
        "--identity-joins",
        type=PaceType(),
        metavar="N/TIME",
        default="600/1m",
        help="The same by one identity.",
    ),
    _option(
        "address_creations",
        "--address-creations",
        type=PaceType(),
        metavar="N/TIME",
        default="200/1h",
        help="How often rooms may be created from one address.",
    ),
    _option(
        "identity_creations",
        "--identity-creations",
        type=PaceType(),
        metavar="N/TIME",
        default="200/1h",
        help="The same by one identity.",
    ),
    _option(
        "address_searches",
        "--address-searches",
        type=PaceType(),
        metavar="N/TIME",
        default="300/1m",
        help="How often may be searched in rooms from one address.",
    ),
    _option(
        "identity_searches",
        "--identity-searches",
        type=PaceType(),
        metavar="N/TIME",
        default="300/1m",
        help="The same by one identity.",
    ),
    _option(
        "identity_orders",
        "--identity-orders",
        type=PaceType(),
        metavar="N/TIME",
        default="600/1m",
        help="How often an identity that is no admin may change rooms, members and messages.",
    ),
    _option(
        "history_entries",
        "--keep-entries",
        type=_SOME,
        help="Messages, arrivals and departures kept in one room; older ones are deleted.",
    ),
    _option(
        "history_bytes",
        "--keep-bytes",
        type=Size(),
        default="16M",
        help="The same in bytes; the bound that is reached first counts.",
    ),
    _option(
        "server_bytes",
        "--keep-total",
        type=Size(),
        default="1G",
        help="Bytes kept in all rooms together; above that the oldest entries of the largest "
        "rooms are deleted.",
    ),
)


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and hand the command what they say: `limits`, fields of Limits by name."""

    @functools.wraps(command)
    def with_limits(*args: Any, **given: Any) -> None:
        limits = {field: given.pop(parameter) for field, parameter, _ in _OPTIONS}
        command(*args, limits=limits, **given)

    for _, _, option in reversed(_OPTIONS):
        with_limits = option(with_limits)
    return with_limits
