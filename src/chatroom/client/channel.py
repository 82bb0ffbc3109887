"""How a gRPC channel to a chat server is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

if TYPE_CHECKING:
    from chatroom.client.security import Security
    from chatroom.wire.addresses import Address

RECEIVE_BYTES = 2 * 1024 * 1024
"""The largest message taken from a server; a page of history ends at 1 MiB."""

KEEPALIVE_SECONDS = 310
"""Between two pings of an idle connection. Not less: a grpc-go server with default
settings, as the original is, allows one ping in 5 minutes and ends the connection
with "too_many_pings" at the fourth (measured: pings every 20 s lost an idle stream
after 140 s). A server with events is heard more often, see `Patience.silence`."""

UNACKNOWLEDGED_SECONDS = 20
"""How long a ping, or bytes sent (TCP_USER_TIMEOUT), may go without an answer."""


def open_channel(address: Address, security: Security) -> grpc.aio.Channel:
    """A channel that connects with its first call."""
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", RECEIVE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", UNACKNOWLEDGED_SECONDS * 1000),
        ("grpc.http2.max_pings_without_data", 0),
        # Else a new channel to the same address would share the lost one's connection.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if address.nearby:
        options.append(("grpc.enable_http_proxy", 0))
    if not security.tls:
        return grpc.aio.insecure_channel(str(address), options=options)
    if security.server_name:
        options.append(("grpc.ssl_target_name_override", security.server_name))
    credentials = grpc.ssl_channel_credentials(security.ca, security.key, security.certificate)
    return grpc.aio.secure_channel(str(address), credentials, options=options)
