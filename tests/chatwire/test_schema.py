"""Where names come from: a file, the server, and what is always known."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection

from chatroom.chatwire.decode.bodies import FIND_SECONDS
from chatroom.chatwire.decode.schema import PoolSchema, Types, own_schema
from chatroom.chatwire.passage import Side
from chatroom.chatwire.schema import Reflected, SchemaUnusable, open_schema
from chatroom.chatwire.schema.proto_files import schema_of_file
from chatroom.chatwire.schema.reflection import Reflection
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames

from .programs import chatwire
from .wire import REQUEST, Talk, texts

SHOP = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
service Orders { rpc Place(Order) returns (stream Receipt); }
message Order { string item = 1; google.protobuf.Timestamp when = 2; }
message Receipt { uint64 number = 1; }
"""
PLACE = "/shop.Orders/Place"


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    path = tmp_path / "shop.proto"
    path.write_text(SHOP)
    return path


@pytest.fixture
def descriptors(proto: Path) -> Path:
    """The same as a set of descriptors, in an order in which they cannot be added."""
    from grpc_tools import protoc

    made = proto.with_suffix(".pb")
    include = Path(protoc.__file__).parent / "_proto"
    arguments = ["", f"-I{proto.parent}", f"-I{include}", "--include_imports"]
    assert 0 == protoc.main([*arguments, f"--descriptor_set_out={made}", str(proto)])
    described = FileDescriptorSet.FromString(made.read_bytes())
    made.write_bytes(FileDescriptorSet(file=list(reversed(described.file))).SerializeToString())
    return made


def names(schema: PoolSchema | Reflection, path: str) -> list[str]:
    types = schema.types(path)
    return [kind.DESCRIPTOR.full_name for kind in types] if types else []


def test_the_contract_and_the_standard_services_are_known() -> None:
    """And what is no method is not."""
    schema = own_schema()
    assert ["rpc.ChatMessage", "rpc.Message"] == names(schema, "/rpc.ChatService/Chat")
    assert ["grpc.health.v1.HealthCheckRequest", "grpc.health.v1.HealthCheckResponse"] == names(
        schema, "/grpc.health.v1.Health/Watch"
    )
    unknown = ("", "/", "x", "/rpc.ChatService", "/rpc.ChatService/None", "/rpc.Message/Chat")
    assert [None] * len(unknown) == [schema.types(path) for path in unknown]


def test_a_proto_file_is_compiled(proto: Path) -> None:
    """With grpcio-tools; a schema of a run knows it beside our own."""
    assert ["shop.Order", "shop.Receipt"] == names(schema_of_file(proto), PLACE)
    schema = open_schema(proto)
    assert schema.types(PLACE)
    assert schema.types("/rpc.ChatService/Chat")


def test_a_descriptor_set_is_read(descriptors: Path) -> None:
    """Files in any order."""
    assert ["shop.Order", "shop.Receipt"] == names(schema_of_file(descriptors), PLACE)


def test_a_file_that_imports_what_is_not_there(proto: Path, descriptors: Path) -> None:
    """Is told how to be made whole."""
    whole = FileDescriptorSet.FromString(descriptors.read_bytes())
    alone = [file for file in whole.file if file.name == "shop.proto"]
    descriptors.write_bytes(FileDescriptorSet(file=alone).SerializeToString())
    with pytest.raises(SchemaUnusable, match="--include_imports"):
        schema_of_file(descriptors)
    proto.write_text('import "nowhere.proto";')
    with pytest.raises(SchemaUnusable, match="does not compile"):
        schema_of_file(proto)


@pytest.fixture
def shop(descriptors: Path) -> Iterator[str]:
    """A server of another service, with reflection."""
    pool = DescriptorPool()
    for file in reversed(FileDescriptorSet.FromString(descriptors.read_bytes()).file):
        pool.Add(file)
    server = grpc.server(ThreadPoolExecutor(2))
    place = grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter([b"\x08\x07"]))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("shop.Orders", {"Place": place})]
    )
    reflection.enable_server_reflection(["shop.Orders"], server, pool=pool)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_the_server_is_asked(shop: str) -> None:
    """By reflection, once at the beginning."""
    schema = Reflection(Reflected(address=shop))
    schema.wait()
    assert ["shop.Order", "shop.Receipt"] == names(schema, PLACE)


def test_no_proxy_is_asked_for_the_server(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes goes by none either, so a variable that names one changes nothing."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    schema = Reflection(Reflected(address=shop))
    schema.wait()
    assert ["shop.Order", "shop.Receipt"] == names(schema, PLACE)


def test_a_server_that_cannot_be_asked_costs_nothing() -> None:
    """None there: nothing is known."""
    schema = Reflection(Reflected(address="127.0.0.1:1"))
    schema.wait()
    assert [] == names(schema, PLACE)


def test_messages_of_an_unknown_server_get_their_names(shop: str, proto: Path) -> None:
    """From the file that is given; without it by number until the server has answered."""
    request = b"\x0a\x03hat"
    with chatwire(shop, "--proto", str(proto)) as tap:
        with grpc.insecure_channel(tap.address) as channel:
            call = channel.unary_stream(PLACE)
            assert [b"\x08\x07"] == list(call(request))
        out = tap.stop()
    assert 'Order {item: "hat"}' in out
    assert "Receipt {number: 7}" in out


class Late:
    """A schema that knows nothing until it is told."""

    def __init__(self, told: PoolSchema) -> None:
        self._told = told
        self.arrived = False
        self.asked = 0

    def types(self, path: str) -> Types | None:
        self.asked += 1
        return self._told.types(path) if self.arrived else None


def test_a_call_that_is_older_than_the_schema(proto: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next message is named; an unknown one is not looked for with each message."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    late = Late(schema_of_file(proto))
    talk = Talk(schema=late).begin()
    talk.client(talk.headers(Side.CLIENT, 1, (dict(REQUEST) | {":path": PLACE}).items()))
    order = frames.data(1, envelope(b"\x0a\x03hat"))
    for _ in range(100):
        assert ['1: "hat"'] == texts(talk.client(order))
    assert 1 == late.asked
    late.arrived = True
    now += FIND_SECONDS
    (frame,) = talk.client(order)
    assert ("shop.Order", 'item: "hat"') == (frame.messages[0].type_name, frame.messages[0].text)
    talk.client(order)
    assert 2 == late.asked
