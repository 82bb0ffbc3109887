"""Where names come from: a file, the server, and what is always known."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection, reflection_pb2

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


@pytest.fixture(params=["v1", "v1alpha"])
def shop(descriptors: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of another service, with reflection of one version alone."""
    with shop_server(descriptors, request.param) as address:
        yield address


@contextmanager
def shop_server(descriptors: Path, version: str, slow: float = 0.0) -> Iterator[str]:
    """`slow`: seconds until reflection says anything."""
    pool = DescriptorPool()
    for file in reversed(FileDescriptorSet.FromString(descriptors.read_bytes()).file):
        pool.Add(file)
    server = grpc.server(ThreadPoolExecutor(2))
    place = grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter([b"\x08\x07"]))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("shop.Orders", {"Place": place})]
    )
    told = reflection.ReflectionServicer(["shop.Orders"], pool=pool)

    def tell(requests: object, context: object) -> Iterator[object]:
        time.sleep(slow)
        yield from told.ServerReflectionInfo(requests, context)

    info = grpc.stream_stream_rpc_method_handler(
        tell,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    if version:
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    f"grpc.reflection.{version}.ServerReflection", {"ServerReflectionInfo": info}
                )
            ]
        )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_the_server_is_asked(shop: str) -> None:
    """By reflection, once at the beginning."""
    schema = Reflection(Reflected(address=shop))
    schema.wait()
    assert ["shop.Order", "shop.Receipt"] == names(schema, PLACE)


def test_what_was_learnt_is_said(descriptors: Path) -> None:
    """From whom, by which version of reflection, which services, and how late: once."""
    said: list[str] = []
    with shop_server(descriptors, "v1") as address:
        Reflection(Reflected(address=address), said.append).wait()
    (sentence,) = said
    expected = (
        rf"learnt from {address} by reflection \(v1\): shop.Orders \(\d+\.\d s after asking\)"
    )
    assert re.fullmatch(expected, sentence)


def test_a_call_as_old_as_the_question_is_named(descriptors: Path) -> None:
    """The answer is waited for, if it is slow too."""
    with shop_server(descriptors, "v1", slow=0.3) as address:
        schema = Reflection(Reflected(address=address))
        assert ["shop.Order", "shop.Receipt"] == names(schema, PLACE)


def test_a_server_that_does_not_answer_is_waited_for_once(
    descriptors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not long; what it says later is known then."""
    monkeypatch.setattr("chatroom.chatwire.schema.reflection.HOLD", 0.05)
    with shop_server(descriptors, "v1", slow=1.0) as address:
        schema = Reflection(Reflected(address=address))
        assert [] == names(schema, PLACE)
        monkeypatch.setattr("chatroom.chatwire.schema.reflection.HOLD", 1000.0)
        assert [] == names(schema, PLACE)
        schema.wait()
        assert ["shop.Order", "shop.Receipt"] == names(schema, PLACE)


def test_a_server_without_reflection_is_said_when_its_names_are_wanted(descriptors: Path) -> None:
    """Not before: who calls only what is known misses nothing."""
    said: list[str] = []
    with shop_server(descriptors, "") as address:
        schema = Reflection(Reflected(address=address), said.append)
        schema.wait()
        assert [] == said
        assert [] == names(schema, PLACE)
        assert [] == names(schema, PLACE)
    (sentence,) = said
    assert f"no schema from {address} by reflection: it has none (v1 or v1alpha)" in sentence
    assert "--proto FILE" in sentence


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


@pytest.mark.parametrize("from_file", [True, False], ids=["a file", "the server"])
def test_messages_of_an_unknown_server_get_their_names(
    shop: str, proto: Path, from_file: bool
) -> None:
    """From the file that is given, or from the server: those of the first call already."""
    request = b"\x0a\x03hat"
    with chatwire(shop, *(["--proto", str(proto)] if from_file else [])) as tap:
        with grpc.insecure_channel(tap.address) as channel:
            call = channel.unary_stream(PLACE)
            assert [b"\x08\x07"] == list(call(request))
        out = tap.stop()
    assert 'Order {item: "hat"}' in out
    assert "Receipt {number: 7}" in out


@pytest.mark.parametrize("from_file", [True, False], ids=["a file", "the server"])
def test_a_fault_is_about_a_field_by_its_name(shop: str, proto: Path, from_file: bool) -> None:
    """Likewise; of a name that no message has, it is said."""
    options = ("--double", "down field number=7", "--drop", "up field colour=red")
    with chatwire(
        shop, *options, *(["--proto", str(proto)] if from_file else []), command=("fault",)
    ) as tap:
        with grpc.insecure_channel(tap.address) as channel:
            call = channel.unary_stream(PLACE)
            assert [b"\x08\x07"] * 2 == list(call(b"\x0a\x03hat"))
        tap.stop()
        assert "chatwire: field colour: shop.Order has no such field\n" in tap.errors
        assert "fault: nothing has fitted this: drop up field colour=red\n" in tap.errors
        assert "nothing has fitted this: double" not in tap.errors


def test_a_fault_about_a_field_of_what_nobody_knows(descriptors: Path) -> None:
    """It is said that the name is not known, and what to do."""
    with (
        shop_server(descriptors, "") as server,
        chatwire(server, "--drop", "up field item=hat", command=("fault",)) as tap,
    ):
        with grpc.insecure_channel(tap.address) as channel:
            assert [b"\x08\x07"] == list(channel.unary_stream(PLACE)(b"\x0a\x03hat"))
        tap.stop()
        assert f"field item: what {PLACE} takes is not known; name --proto FILE" in tap.errors


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
