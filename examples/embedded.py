"""A shop with gRPC methods of its own and customers of its own, and chat in the same process.

    python examples/embedded.py --customer Ann=tea4two
    the shop listens on 127.0.0.1:50051, chat on 127.0.0.1:8080

The shop's methods are `shop.Orders/Place` and `shop.Orders/ChatToken`. A customer is known by an
API key, as the shop always did it (metadata `x-api-key`). ChatToken answers with a token by which
the chat server knows the same customer: who has none does not come in. Each order is told in
the room "orders". Ctrl-C or SIGTERM ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import jwt
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from chatroom.client import ChatError, Room, connect
from chatroom.server.port.sockets import BindError
from chatroom.server.service import running
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]

ROOM = "orders"
SHOP = "shop"
HOUR = 3600


class Identities:
    """Who somebody is: for the shop by an API key, for chat by a token that the shop signs."""

    def __init__(self, keys: dict[str, str], directory: Path) -> None:
        """`keys` are API keys and whose they are; the chat server's key file goes there."""
        self._customers = keys
        self._secret = secrets.token_urlsafe(32)
        self.key_file = directory / "keys.toml"
        self.key_file.touch(0o600)  # before the secret is in it
        self.key_file.write_text(
            f'[keys.shop]\nalgorithm = "HS256"\nsecret = "{self._secret}"\n', encoding="utf-8"
        )

    async def customer(self, context: Context) -> str:
        """Who calls; whoever has no key is refused."""
        for name, value in context.invocation_metadata() or ():
            if name == "x-api-key" and value in self._customers:
                return self._customers[str(value)]
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "send your API key as x-api-key")
        raise AssertionError("abort raises")

    def token(self, subject: str, name: str) -> str:
        """By which somebody may talk in the room of orders, under this name alone, for an hour."""
        now = int(time.time())
        claims = {
            "sub": subject,
            "name": name,
            "iat": now,
            "exp": now + HOUR,
            "chat": {"rooms": [ROOM]},
        }
        return jwt.encode(claims, self._secret, "HS256", {"kid": "shop"})


class Orders:
    """The shop's own service."""

    def __init__(self, identities: Identities, room: Room) -> None:
        self._identities = identities
        self._room = room
        self._placed = 0

    async def place(self, wanted: StringValue, context: Context) -> StringValue:
        """Take an order, and tell it in the room; it is told when the room has stored it."""
        name = await self._identities.customer(context)
        self._placed += 1
        await self._room.send(f"{name} has ordered {wanted.value}")
        return StringValue(value=f"order {self._placed}")

    async def chat_token(self, _: Empty, context: Context) -> StringValue:
        """A token for the chat server."""
        name = await self._identities.customer(context)
        return StringValue(value=self._identities.token(f"customer:{name}", name))

    def handlers(self) -> grpc.GenericRpcHandler[Any, Any]:
        """As generated code would register them."""
        answer = StringValue.SerializeToString
        methods = {
            "Place": grpc.unary_unary_rpc_method_handler(
                self.place, StringValue.FromString, answer
            ),
            "ChatToken": grpc.unary_unary_rpc_method_handler(
                self.chat_token, Empty.FromString, answer
            ),
        }
        return grpc.method_handlers_generic_handler("shop.Orders", methods)


async def run(bind: str, chat_bind: Address, customers: dict[str, str]) -> None:
    """Serve both until this task is cancelled; then the shop stops before the chat does."""
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        identities = Identities(customers, directory)
        settings = Settings(bind=(chat_bind,), rooms=(ROOM,), keys=identities.key_file)
        service = await stack.enter_async_context(running(settings))
        chat = await stack.enter_async_context(
            connect(service.addresses[0], token=lambda: identities.token("staff:bot", SHOP))
        )
        room = await stack.enter_async_context(chat.join(ROOM, name=SHOP))
        server = grpc.aio.server()
        port = server.add_insecure_port(bind)
        server.add_generic_rpc_handlers((Orders(identities, room).handlers(),))
        await server.start()
        stack.push_async_callback(server.stop, 1)
        print(
            f"the shop listens on {bind.rpartition(':')[0]}:{port}, chat on {service.addresses[0]}",
            file=sys.stderr,
            flush=True,
        )
        async for _ in room:  # what customers say; this shop does not answer
            pass


async def stopped_by_sigterm(bind: str, chat_bind: Address, customers: dict[str, str]) -> None:
    """As Ctrl-C does, so that members are told and what was said is stored."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    with contextlib.suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await run(bind, chat_bind, customers)


def main() -> None:
    """Exit codes: 0 after SIGTERM, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(description="A shop with chat in the same process.")
    parser.add_argument("--bind", default="127.0.0.1:50051", help="the shop's (%(default)s)")
    parser.add_argument("--chat", default="127.0.0.1:8080", help="the chat's (%(default)s)")
    parser.add_argument("--customer", action="append", default=[], metavar="NAME=KEY")
    options = parser.parse_args()
    pairs = [each.partition("=") for each in options.customer]
    customers = {key: name for name, _, key in pairs if key}
    try:
        asyncio.run(
            stopped_by_sigterm(options.bind, Address.parse(options.chat, lowest=0), customers)
        )
    except KeyboardInterrupt:
        sys.exit(130)
    except asyncio.CancelledError:  # SIGTERM
        sys.exit(0)
    except (BindError, ChatError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"embedded: {error}")


if __name__ == "__main__":
    main()
