"""What reflection answers to each of its questions, without a server."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import status_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import (
    ExtensionRequest,
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from hypothesis import given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2
from chatroom.server.calls.descriptions import Descriptions, reflection_v1
from chatroom.server.calls.reflection import descriptions
from chatroom.wire.grpc import Code
from tests.texts import CHARACTERS

CHAT = "rpc/chat.proto"
HEALTH = "grpc_health/v1/health.proto"
TIMES = {"google/protobuf/duration.proto", "google/protobuf/timestamp.proto"}
OURS = descriptions()


def shop() -> Descriptions:
    """A file with a service, whose message is imported and extended; neither is proto3."""
    pool = DescriptorPool()
    imported = FileDescriptorProto(name="order.proto", package="shop")
    imported.message_type.add(name="Order").extension_range.add(start=100, end=200)
    imported.service.add(name="Imported")
    pool.Add(imported)
    file = FileDescriptorProto(name="shop.proto", package="shop", dependency=["order.proto"])
    file.service.add(name="Orders").method.add(
        name="Place", input_type=".shop.Order", output_type=".shop.Order"
    )
    for name, number in (("gift", 117), ("colour", 103)):
        file.extension.add(
            name=name,
            number=number,
            extendee=".shop.Order",
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    return Descriptions([pool.AddSerializedFile(file.SerializeToString())])


def asked(described: Descriptions, **question: object) -> ServerReflectionResponse:
    return described.answer(ServerReflectionRequest(**question))


def files(answer: ServerReflectionResponse) -> list[FileDescriptorProto]:
    assert "file_descriptor_response" == answer.WhichOneof("message_response"), answer
    described = answer.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(each) for each in described]


def names(answer: ServerReflectionResponse) -> list[str]:
    return [file.name for file in files(answer)]


def services(answer: ServerReflectionResponse) -> list[str]:
    return [service.name for service in answer.list_services_response.service]


def error(answer: ServerReflectionResponse) -> Code:
    assert "error_response" == answer.WhichOneof("message_response"), answer
    return Code(answer.error_response.error_code)


def test_every_service_is_listed() -> None:
    """Of the files themselves; services that they merely import are not served here."""
    assert [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "rpc.ChatService",
        "rpc.ModerationService",
    ] == services(asked(OURS, list_services=""))
    assert ["shop.Orders"] == services(asked(shop(), list_services="*"))


def test_the_question_is_echoed() -> None:
    """With the host that it names, also in an error."""
    for symbol in ("rpc.ChatService", "rpc.Nothing"):
        question = ServerReflectionRequest(host="chat.example", file_containing_symbol=symbol)
        answer = OURS.answer(question)
        assert question == answer.original_request
        assert "chat.example" == answer.valid_host


def test_a_file_comes_first_then_what_it_imports() -> None:
    """Clients take the first for the one that they asked for."""
    first, *others = files(asked(OURS, file_by_filename=CHAT))
    assert chat_pb2.DESCRIPTOR.serialized_pb == first.SerializeToString()
    assert TIMES == {file.name for file in others}
    assert ["shop.proto", "order.proto"] == names(asked(shop(), file_by_filename="shop.proto"))


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("rpc.ChatService", CHAT),
        ("rpc.ChatService.Chat", CHAT),
        ("rpc.Message", CHAT),
        ("rpc.Message.message", CHAT),
        ("rpc.Message.event", CHAT),
        ("rpc.Feature", CHAT),
        ("rpc.FEATURE_ECHO", CHAT),
        ("grpc.health.v1.Health.Check", HEALTH),
        ("grpc.health.v1.HealthCheckResponse.SERVING", HEALTH),
        ("grpc.health.v1.HealthListResponse.StatusesEntry", HEALTH),
        ("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
        ("google.rpc.ErrorInfo", "google/rpc/error_details.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc_reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ErrorResponse", "grpc_reflection/v1alpha/reflection.proto"),
    ],
)
def test_a_symbol_leads_to_its_file(symbol: str, file: str) -> None:
    """Services, methods, messages, fields, oneofs, enums and their values; what is imported too."""
    assert file == names(asked(OURS, file_containing_symbol=symbol))[0]


def test_extensions_are_found() -> None:
    """By number, by name, and all of a message in order."""
    described = shop()
    gift = ExtensionRequest(containing_type="shop.Order", extension_number=117)
    assert "shop.proto" == names(asked(described, file_containing_extension=gift))[0]
    assert "shop.proto" == names(asked(described, file_containing_symbol="shop.gift"))[0]
    numbers = asked(described, all_extension_numbers_of_type="shop.Order")
    assert "shop.Order" == numbers.all_extension_numbers_response.base_type_name
    assert [103, 117] == list(numbers.all_extension_numbers_response.extension_number)


def test_a_message_without_extensions() -> None:
    """Is known: that there are none is an answer."""
    answer = asked(OURS, all_extension_numbers_of_type="rpc.Message")
    assert "all_extension_numbers_response" == answer.WhichOneof("message_response")
    assert [] == list(answer.all_extension_numbers_response.extension_number)


@pytest.mark.parametrize(
    "question",
    [
        {"file_by_filename": "rpc/tea.proto"},
        {"file_containing_symbol": "rpc.Tea"},
        {"file_containing_symbol": "rpc"},
        {"file_containing_symbol": "rpc.ChatService.Tea"},
        {"file_containing_symbol": ""},
        {"all_extension_numbers_of_type": "rpc.Tea"},
        {"file_containing_extension": {"containing_type": "rpc.Message", "extension_number": 7}},
        {"file_containing_extension": {"containing_type": "rpc.Tea", "extension_number": 7}},
    ],
)
def test_what_is_unknown_is_not_found(question: dict[str, object]) -> None:
    """As an answer; the stream goes on."""
    assert Code.NOT_FOUND == error(asked(OURS, **question))


def test_a_question_of_a_later_protocol() -> None:
    """Is told so, as an answer."""
    assert Code.INVALID_ARGUMENT == error(OURS.answer(ServerReflectionRequest()))


def test_what_else_the_process_has_loaded_is_not_told() -> None:
    """A program that embeds the server keeps its messages to itself, and is given none of ours."""
    loaded = status_pb2.DESCRIPTOR
    assert loaded is loaded.pool.FindFileByName(loaded.name)
    assert Code.NOT_FOUND == error(asked(OURS, file_by_filename=loaded.name))
    assert Code.NOT_FOUND == error(asked(OURS, file_containing_symbol="google.rpc.Status"))
    assert Code.NOT_FOUND == error(asked(OURS, all_extension_numbers_of_type="google.rpc.Status"))
    with pytest.raises(KeyError):
        loaded.pool.FindFileByName(reflection_v1().name)


@given(
    st.text(CHARACTERS) | st.from_regex(r"\A(rpc|ChatService|Chat|Message|[.\0 ]){0,6}\Z"),
    st.integers(-(2**31), 2**31 - 1),
)
def test_any_name_has_an_answer(name: str, number: int) -> None:
    """Whatever is asked for, nothing is raised."""
    extension = {"containing_type": name, "extension_number": number}
    for question in (
        {"file_by_filename": name},
        {"file_containing_symbol": name},
        {"all_extension_numbers_of_type": name},
        {"file_containing_extension": extension},
    ):
        assert asked(OURS, **question).WhichOneof("message_response")


def test_v1_is_v1alpha_under_another_name() -> None:
    """The same messages with the same numbers, so the same bytes mean the same."""
    alpha = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    alpha.ClearField("options")
    v1 = FileDescriptorProto.FromString(reflection_v1().serialized_pb)
    assert str(alpha).replace("v1alpha", "v1") == str(v1)
