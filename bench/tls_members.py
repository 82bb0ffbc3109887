"""What a member on a TLS connection of its own costs the server that says nothing.

Run from the root of the repository as `python -m bench.tls_members`: resident memory of the
server's process for each of 1,000 members, in clear text, over TLS, and with a certificate of
their own; and of 1,000 handshakes that stop after the ClientHello.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.machine import describe
from bench.servers import Server, launched, temporary
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.dev_certificates import Made, make
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2 import frames
from chatroom.wire.http2.headers import encode_cached

KIB = 1024
WARM = 50
"""Who come and go before anything is measured: what a server makes once is there."""
ROOMS = 100
STILL_SECONDS = 1.0
"""How long nothing is done before memory is looked at."""
HELLO_BYTES = 2048

Join = Callable[[ExitStack, int], None]
"""Connects the member of this number, and leaves it open until the stack is closed."""


def _enter(connection: socket.socket, number: int) -> None:
    """Join as a gRPC client does, and read on until the arrival has come back."""
    join = pb.JoinChat(
        room_id=f"idle-{number % ROOMS}", name=f"member {number}", features=[pb.FEATURE_EVENTS]
    )
    said = envelope(pb.ChatMessage(join=join).SerializeToString())
    head = encode_cached(request_headers(CHAT, "localhost"))
    connection.sendall(
        frames.PREFACE
        + frames.settings()
        + frames.headers(1, head)
        + frames.data(1, said)
        + frames.window_update(0, 1 << 20)
    )
    read = b""
    while f"member {number}".encode() not in read:
        piece = connection.recv(65536)
        assert piece, "the server has ended the connection"
        read += piece


def _joins(server: Server, context: ssl.SSLContext | None) -> Join:
    def join(open_: ExitStack, number: int) -> None:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        secured = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        _enter(open_.enter_context(secured), number)

    return join


def _half_open(server: Server) -> Join:
    """Connections that have sent a ClientHello, and never answer to what it brings."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        first = outgoing.read()

    def join(open_: ExitStack, _: int) -> None:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        open_.enter_context(connection).sendall(first)
        connection.recv(HELLO_BYTES)

    return join


def each(server: Server, join: Join, members: int) -> float:
    """Bytes of the server for one of them."""
    with ExitStack() as early:
        for number in range(WARM):
            join(early, number)
    time.sleep(STILL_SECONDS)
    before = server.cost().resident
    with ExitStack() as open_:
        for number in range(members):
            join(open_, number)
        time.sleep(STILL_SECONDS)
        return (server.cost().resident - before) / members


def client_context(made: Made, *, shows: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=made.ca)
    context.set_alpn_protocols(["h2"])
    if shows:
        context.load_cert_chain(made.clients["bot"].certificate, made.clients["bot"].key)
    return context


def measure(directory: Path, members: int) -> None:
    made = make(directory, (), ("bot",), seconds=3600, force=False)
    rooms = [word for number in range(ROOMS) for word in ("--room", f"idle-{number}")]
    plain = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--in-memory", *rooms]
    tls = ["--tls-cert", str(made.server.certificate), "--tls-key", str(made.server.key)]
    asking = [*tls, "--tls-client-ca", str(made.ca)]
    without, shown = client_context(made, shows=False), client_context(made, shows=True)
    for what, options, joins in (
        ("in clear text", [], lambda server: _joins(server, None)),
        ("over TLS", tls, lambda server: _joins(server, without)),
        ("over TLS, with a certificate", asking, lambda server: _joins(server, shown)),
        ("a handshake that stops", tls, _half_open),
    ):
        with launched([*plain, *options], directory) as server:
            print(f"  {what:<30}{each(server, joins(server), members) / KIB:>8.1f} KiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench.tls_members")
    parser.add_argument("--members", type=int, default=1000)
    chosen = parser.parse_args()
    machine = describe()
    print(f"{machine['cpus']} CPUs, Python {machine['python']}; {chosen.members:,} of each")
    with temporary() as directory:
        measure(directory, chosen.members)


if __name__ == "__main__":
    main()
