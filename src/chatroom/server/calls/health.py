"""`grpc.health.v1.Health` (grpc/grpc, doc/health-checking.md): Check, Watch, List."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from grpc_health.v1.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListRequest,
    HealthListResponse,
)

from chatroom.api.grpc.health.v1.health_connect import HealthASGIApplication
from chatroom.core.limits import Limits
from chatroom.server.counters import Calls

from .agreement import CODECS, COMPRESSIONS, interceptors


def application(
    health: Health, limits: Limits, calls: Calls | None = None
) -> HealthASGIApplication:
    """The service as an ASGI application."""
    return HealthASGIApplication(
        health,
        read_max_bytes=limits.envelope_bytes,
        interceptors=interceptors(calls or Calls()),
        compressions=COMPRESSIONS,
        codecs=CODECS,
    )


CHAT_SERVICE = "rpc.ChatService"
SERVICES = ("", CHAT_SERVICE)
"""The empty name stands for the server as a whole."""


class Health:
    """Serving or not: the server as a whole, and its rooms where messages can be stored."""

    def __init__(self) -> None:
        self._serving = False
        self._storing = True
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def serving(self) -> bool:
        """Whether new calls are welcome."""
        return self._serving

    @property
    def ready(self) -> bool:
        """Whether newcomers are served: calls are welcome, and messages can be stored."""
        return self._serving and self._storing

    def set(self, serving: bool) -> None:
        """Change it, and tell everyone who watches."""
        self._serving = serving
        self._tell()

    def storing(self, storing: bool) -> None:
        """Whether messages can be stored: if not, the chat service alone is not serving.

        A restart would help nobody, and end every stream.
        """
        self._storing = storing
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End every watch; the server is about to go."""
        self._closed = True
        self.set(False)

    async def check(self, request: HealthCheckRequest, _context: Any) -> HealthCheckResponse:
        """The status now; NOT_FOUND for a service that is not here."""
        if request.service not in SERVICES:
            raise ConnectError(Code.NOT_FOUND, f"there is no service {request.service!r} here")
        return self._response(request.service)

    async def list(self, _request: HealthListRequest, _context: Any) -> HealthListResponse:
        """The status of every service."""
        return HealthListResponse(
            statuses={service: self._response(service) for service in SERVICES}
        )

    async def watch(
        self, request: HealthCheckRequest, _context: Any
    ) -> AsyncIterator[HealthCheckResponse]:
        """The status now and whenever it changes; SERVICE_UNKNOWN is a status too."""
        told = None
        while True:
            changed = self._changed
            response = self._response(request.service)
            if response != told:
                told = response
                yield response
            if self._closed:
                raise ConnectError(Code.UNAVAILABLE, "the server is shutting down")
            await changed.wait()

    def _response(self, service: str) -> HealthCheckResponse:
        if service not in SERVICES:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        serving = self.ready if service == CHAT_SERVICE else self._serving
        return HealthCheckResponse(
            status=HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        )
