"""The HTTP/2 server (h2corn), and everything that it is told.

Why each setting is as it is: docs/decisions/0005-http2-settings.md.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Sequence

# Read when the library is loaded: its allocator (mimalloc) then gives back at once what
# stalled readers have held, rather than keep some 30 MiB. No dearer: 0.79 against 0.80 µs
# a delivery in a room of 100.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")

import h2corn
import h2corn._lib
from h2corn import Server

from chatroom.server.settings import Settings
from chatroom.wire.grpc import CHAT, HEALTH, REFLECTION, SUBSCRIBE, UNARY

from .asgi import Application

__all__ = ["Server", "server"]

GOODBYE_SECONDS = 1.0
"""How long the HTTP/2 server then waits for peers that do not read."""
STALL_SECONDS = 10.0
"""A response that the peer's flow control holds up for so long is reset."""
WRITE_SECONDS = 11.0
"""A connection that takes no bytes for so long is closed. One more than the stall, so
that a stalled stream ends alone."""
REQUEST_BODY_BYTES = 128 * 1024
REQUEST_IDLE_SECONDS = 10.0
MAX_FRAME_BYTES = 16_384
"""HTTP/2's default; h2corn's 65,536 would be one byte more than a stream's window."""
STREAM_WINDOW_BYTES = 65_535
"""The least that h2corn takes (and HTTP/2's default)."""
CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
STREAMS_PER_CONNECTION = 128
SPARE_DESCRIPTORS = 256
"""Kept for the journal, logs and listeners when connections are counted."""


def server(
    application: Application, settings: Settings, listeners: Sequence[socket.socket]
) -> Server:
    """A server of the application on sockets that listen; its `serve` begins."""
    _silence_banner()
    limits = settings.limits
    tls = settings.tls
    config = h2corn.Config(
        bind=tuple(f"fd://{listener.fileno()}" for listener in listeners),
        grpc=True,
        access_log=False,
        lifespan="off",
        loop="auto",
        certfile=tls.certificate if tls else None,
        keyfile=tls.key if tls else None,
        ca_certs=tls.client_ca if tls else None,
        cert_reqs="required" if tls and tls.client_ca else "none",
        max_concurrent_streams=STREAMS_PER_CONNECTION,
        h2_initial_stream_window_size=STREAM_WINDOW_BYTES,
        h2_initial_connection_window_size=CONNECTION_WINDOW_BYTES,
        h2_max_inbound_frame_size=MAX_FRAME_BYTES,
        h2_max_header_list_size=16 * 1024,
        h2_max_header_block_size=32 * 1024,
        limit_request_fields=64,
        limit_request_head_size=32 * 1024,
        max_request_body_size=REQUEST_BODY_BYTES,
        timeout_request_body_idle=REQUEST_IDLE_SECONDS,
        h2_timeout_response_stall=STALL_SECONDS,
        h2_timeout_write=WRITE_SECONDS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        limit_connections=_connection_limit(),
        limit_concurrency=limits.server_members + 10_000,
        request_policies=(
            *(_policy(path, 0, 0.0) for path in (CHAT, *REFLECTION)),
            *(
                _policy(path, REQUEST_BODY_BYTES, REQUEST_IDLE_SECONDS)
                for path in (SUBSCRIBE, *UNARY, *HEALTH)
            ),
        ),
    )
    return Server(application, config)


def _silence_banner() -> None:
    """Keep h2corn's own lines about listening off standard error; the command line has one.

    h2corn 2.0.0 has no setting for it. The version is pinned; without the name in a later
    one this does nothing.
    """
    if hasattr(h2corn._lib, "emit_banner"):
        h2corn._lib.emit_banner = lambda *_: None


def _policy(path: str, body_bytes: int, idle_seconds: float) -> h2corn.RequestPolicy:
    """What h2corn bounds for one method; 0: no bound, the stream has its own."""
    return h2corn.RequestPolicy(
        path=path,
        max_request_body_size=body_bytes,
        timeout_request_body_idle=idle_seconds,
        h2_timeout_response_stall=STALL_SECONDS,
    )


def _connection_limit() -> int:
    """Raise the limit of open files as far as it goes; 0 where there is none to know.

    Running out of descriptors at accept would end the HTTP/2 server.
    """
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 0 if soft == resource.RLIM_INFINITY else max(soft - SPARE_DESCRIPTORS, 64)
