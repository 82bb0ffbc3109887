"""Spans by OpenTelemetry's API, for calls and for turns of the journal.

Imported only where a tracer provider was set: see `service`. Names of attributes are those of
OpenTelemetry's semantic conventions for RPC, which are stable since 1.45, and for errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import islice

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
)

from chatroom.wire.addresses import Address, AddressInvalid
from chatroom.wire.grpc import Code, media_type

VERSION = version("chatroom")
SCHEMA = "https://opentelemetry.io/schemas/1.45.0"
MOST_LINKS = 128
"""Of one turn. As many as the SDK keeps, unless it is told otherwise."""
FAULTS = frozenset(
    (
        Code.UNKNOWN,
        Code.DEADLINE_EXCEEDED,
        Code.UNIMPLEMENTED,
        Code.INTERNAL,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    )
)
"""Statuses that are the server's fault: the conventions' list for server spans of gRPC. What a
caller did wrong is no error of this server."""
STORE = "journal append"


class OtelCall:
    """A span of kind server."""

    __slots__ = ("_connect", "_context", "_span")

    def __init__(self, span: Span, *, connect: bool) -> None:
        self._span = span
        self._connect = connect
        self._context = trace.set_span_in_context(span)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the span be the current one."""
        token = context.attach(self._context)
        try:
            yield
        finally:
            context.detach(token)

    def end(self, code: int) -> None:
        """Set the status, and end the span."""
        name = _connect_name(code) if self._connect else Code(code).name
        if name:
            self._span.set_attribute("rpc.response.status_code", name)
        if code in FAULTS:
            self._span.set_attribute("error.type", name)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _connect_name(code: int) -> str:
    """The word of Connect for a status: it has none for success."""
    if code == Code.OK:
        return ""
    return "canceled" if code == Code.CANCELLED else Code(code).name.lower()


class OtelTraces:
    """Begins spans, with the provider and the propagator that the process has."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """None: the provider of the process."""
        self._tracer = trace.get_tracer("chatroom.server", VERSION, provider, schema_url=SCHEMA)

    def call(self, path: str, fields: Iterable[tuple[str, str]]) -> OtelCall:
        """Continue the trace that the fields name, by `traceparent` unless the process says else.

        Addresses of clients, ids of rooms and names are not told.
        """
        carrier = dict(fields)
        connect = not media_type(carrier.get("content-type", "").encode()).startswith(
            b"application/grpc"
        )
        attributes: dict[str, str | int] = {
            "rpc.system.name": "connectrpc" if connect else "grpc",
            "rpc.method": path[1:],
        }
        with contextlib.suppress(AddressInvalid):
            called = Address.parse(carrier.get(":authority") or carrier.get("host", ""), port=443)
            attributes |= {"server.address": called.host, "server.port": called.port}
        span = self._tracer.start_span(
            path[1:],
            propagate.extract(carrier, Context()),
            SpanKind.SERVER,
            attributes,
        )
        return OtelCall(span, connect=connect)

    def calling(self) -> tuple[int, SpanContext] | None:
        """The current span, if that is recorded."""
        found = trace.get_current_span().get_span_context()
        return (found.span_id, found) if found.trace_flags.sampled else None

    @contextlib.contextmanager
    def storing(self, calls: Iterable[SpanContext], *, rooms: int, entries: int) -> Iterator[None]:
        """A span in a trace of its own, with links to calls: docs/decisions/0042-traces.md."""
        with self._tracer.start_as_current_span(
            STORE,
            Context(),
            links=[Link(each) for each in islice(calls, MOST_LINKS)],
            attributes={"chatroom.turn.rooms": rooms, "chatroom.turn.entries": entries},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise


def found() -> OtelTraces | None:
    """What traces, if somebody has set a provider for this process; else None."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return None
    return OtelTraces()
