"""Calls that are traced, where somebody traces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from connectrpc.request import RequestContext

from chatroom.server.traces import CallTrace, Traces
from chatroom.wire.http2.headers import Headers

from .agreement import code_of_end, path_of
from .stream_call import StreamCall


class TracedStreamCall(StreamCall):
    """A stream, whose messages are stored in the name of its call."""

    __slots__ = ("_trace",)

    def __init__(self, trace: CallTrace, *head: Any, **settings: Any) -> None:
        """The rest is as a StreamCall has it."""
        super().__init__(*head, **settings)
        self._trace = trace

    def hear(self, data: bytes, *, end: bool) -> None:
        with self._trace.at_work():
            super().hear(data, end=end)

    def go_on(self) -> None:
        with self._trace.at_work():
            super().go_on()


class Traced:
    """A call with a stream that has begun; it is called once, with the status code."""

    __slots__ = ("_handled", "_trace")

    def __init__(
        self, traces: Traces, path: str, headers: Headers, handled: Callable[[int], None]
    ) -> None:
        """`handled` is told the status code too."""
        fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        self._trace = traces.call(path, fields)
        self._handled = handled

    def __call__(self, code: int) -> None:
        """It has its status."""
        self._handled(code)
        self._trace.end(code)

    def stream_call(self, *head: Any, **settings: Any) -> TracedStreamCall:
        """As a StreamCall is made."""
        return TracedStreamCall(self._trace, *head, **settings)


class TracedCalls:
    """Traces calls that are answered once: connectrpc asks it before and after each."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    async def on_start(self, context: RequestContext[Any, Any]) -> tuple[CallTrace, ExitStack]:
        """From here on the task of the call works for it."""
        trace = self._traces.call(path_of(context), context.request_headers.items())
        working = ExitStack()
        working.enter_context(trace.at_work())
        return trace, working

    async def on_end(
        self,
        begun: tuple[CallTrace, ExitStack],
        _context: RequestContext[Any, Any],
        error: Exception | None,
        /,
    ) -> None:
        """The response has not been sent."""
        trace, working = begun
        working.close()
        trace.end(code_of_end(error))
