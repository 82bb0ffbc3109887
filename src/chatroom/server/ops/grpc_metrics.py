"""Calls, under the names and labels that every dashboard of gRPC servers knows.

Source: the metrics of grpc-ecosystem/go-grpc-middleware, providers/prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric

from chatroom.server.counters import Counters, Streamed
from chatroom.server.rooms.sessions import Place
from chatroom.wire.grpc import CHAT, HEALTH, REFLECTION, SUBSCRIBE, UNARY, WATCH, Code

from .families import counters

LABELS = ("grpc_service", "grpc_method", "grpc_type")
TYPES = (
    dict.fromkeys((*UNARY, *HEALTH), "unary")
    | dict.fromkeys((SUBSCRIBE, WATCH), "server_stream")
    | dict.fromkeys((CHAT, *REFLECTION), "bidi_stream")
)
"""By path, of all that is called; each is there from the beginning."""


def grpc_metrics(count: Counters, places: Iterable[Place]) -> Iterator[Metric]:
    """Of all methods; `places` are those that have a stream."""
    calls = count.calls
    streamed = {CHAT: count.chat, SUBSCRIBE: count.subscribe}
    handed = sent_to(streamed.values(), places)
    received = calls.received | {path: each.heard for path, each in streamed.items()}
    sent = calls.sent | {path: handed[each] for path, each in streamed.items()}
    yield _by_method("grpc_server_started_total", "Calls that have begun.", calls.started)
    yield counters(
        "grpc_server_handled_total",
        "Calls that have ended. Canceled: nobody was left to take a status, or nobody took one.",
        (*LABELS, "grpc_code"),
        [((*_method(path), _name(code)), n) for (path, code), n in calls.handled.items()],
    )
    yield _by_method("grpc_server_msg_received_total", "Messages taken of requests.", received)
    yield _by_method(
        "grpc_server_msg_sent_total",
        "Messages of responses; to readers, as they are handed to their connections.",
        sent,
    )


def sent_to(streamed: Iterable[Streamed], places: Iterable[Place]) -> dict[Streamed, int]:
    """Messages that streams were handed, of those that have ended and those that are open.

    All at one moment, which is a millisecond for 20,000 of them: one that ended in between would
    be counted twice, and later once.
    """
    sent = {each: each.passed + each.beside for each in streamed}
    for place in places:
        if place.streamed is not None:
            sent[place.streamed] += place.member.cursor
    return sent


def _by_method(name: str, says: str, values: dict[str, int]) -> Metric:
    rows = [(_method(path), values.get(path, 0)) for path in TYPES]
    return counters(name, says, LABELS, rows)


def _method(path: str) -> tuple[str, str, str]:
    _, service, method = path.split("/")
    return service, method, TYPES[path]


def _name(code: int) -> str:
    """As grpc-go writes it, which is what dashboards ask for."""
    words = "".join(word.capitalize() for word in Code(code).name.split("_"))
    return {"Ok": "OK", "Cancelled": "Canceled"}.get(words, words)
