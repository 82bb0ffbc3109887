"""The server as a whole, as JSON: what it is, how it is set up, and what it has done so far."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict
from importlib import metadata
from typing import Any

from .observed import Observed

VERSION = metadata.version("chatroom")


def varz(observed: Observed) -> dict[str, Any]:
    """What there is to say; no secret, no name, no address of a client."""
    hub = observed.hub
    now = time.time_ns()
    return {
        "server": "chatroom",
        "version": VERSION,
        "python": platform.python_version(),
        "process": os.getpid(),
        "began": observed.began // 10**9,
        "uptime_seconds": max(now - observed.began, 0) // 10**9,
        "serving": observed.health.serving,
        "ready": observed.health.ready,
        "draining": hub.draining,
        "nodes": hub.nodes.count if hub.nodes is not None else 1,
        "configuration": configuration(observed),
        "totals": totals(observed),
    }


def configuration(observed: Observed) -> dict[str, Any]:
    """How it is set up. Of files that hold secrets it is said that there are some, not where."""
    settings = observed.settings
    return {
        "bind": [str(address) for address in observed.addresses()],
        "journal": observed.journal_name,
        "data": str(settings.data) if settings.data is not None else None,
        "sync": settings.sync,
        "workers": settings.workers,
        "tls": settings.tls is not None,
        "client_certificates": settings.tls is not None and settings.tls.client_ca is not None,
        "keys": settings.keys is not None,
        "admin_token": settings.admin_token_file is not None,
        "anonymous": sorted(settings.anonymous_grant.rights),
        "page": settings.page,
        "proxy_protocol": settings.proxy_protocol,
        "trusted_proxies": [str(network) for network in settings.trusted_proxies],
        "allowed_hosts": sorted(settings.allowed.hosts),
        "allowed_origins": sorted(settings.allowed.origins),
        "drain_delay": settings.drain_delay,
        "max_connection_age": settings.max_connection_age,
        "keep_audit_seconds": settings.keep_audit,
        "limits": asdict(settings.limits),
    }


def totals(observed: Observed) -> dict[str, int]:
    """What is here now."""
    hub, port = observed.hub, observed.port()
    return {
        "rooms": sum(1 for _ in hub.rooms.every()),
        "members_with_a_stream": hub.streaming,
        "members_away": hub.sessions.waiting,
        "connections": port.count if port is not None else 0,
        "kept_bytes": hub.kept_bytes,
    }
