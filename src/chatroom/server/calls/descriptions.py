"""What this server tells about its services: the answers to reflection's questions.

Does no I/O. Source: gRPC server reflection (grpc/grpc, doc/server-reflection.md, and the
comments of src/proto/grpc/reflection/v1/reflection.proto).
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from chatroom.wire.grpc import Code


class Descriptions:
    """Some files and what they import, in a pool of their own.

    It exists to keep them apart from the default pool, which holds whatever else the
    process has loaded, and which must not be given what only reflection needs.
    """

    __slots__ = ("_answers", "_pool", "_services")

    def __init__(self, files: Iterable[FileDescriptor]) -> None:
        """The services of `files`, and of nothing that they import, are listed."""
        self._pool = DescriptorPool()
        self._answers: dict[str, pb.FileDescriptorResponse] = {}
        services: list[str] = []
        for file in files:
            services += (service.full_name for service in file.services_by_name.values())
            for each in reversed(_with_imports(file)):
                if each.name not in self._answers:
                    self._add(each)
        self._services = pb.ListServiceResponse(
            service=[pb.ServiceResponse(name=name) for name in sorted(services)]
        )

    def _add(self, file: FileDescriptor) -> None:
        self._pool.AddSerializedFile(file.serialized_pb)
        self._answers[file.name] = pb.FileDescriptorResponse(
            file_descriptor_proto=[each.serialized_pb for each in _with_imports(file)]
        )

    def answer(self, question: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """The answer to any question; what cannot be told is an `error_response`.

        A file is answered by itself, first, and by everything that it imports, each time:
        no client has to ask for those, and nothing is remembered of a stream.
        """
        answer = pb.ServerReflectionResponse(valid_host=question.host, original_request=question)
        try:
            match question.WhichOneof("message_request"):
                case "list_services":
                    answer.list_services_response.CopyFrom(self._services)
                case "all_extension_numbers_of_type":
                    numbers = self._extension_numbers(question.all_extension_numbers_of_type)
                    answer.all_extension_numbers_response.CopyFrom(numbers)
                case None:
                    answer.error_response.error_code = Code.INVALID_ARGUMENT
                    answer.error_response.error_message = "this is no question that is known here"
                case _:
                    answer.file_descriptor_response.CopyFrom(self._answers[self._file(question)])
        except KeyError:
            answer.error_response.error_code = Code.NOT_FOUND
            answer.error_response.error_message = "nothing of this name is described here"
        return answer

    def _file(self, question: pb.ServerReflectionRequest) -> str:
        """The name of the file that is asked for; raises KeyError."""
        match question.WhichOneof("message_request"):
            case "file_by_filename":
                return str(question.file_by_filename)
            case "file_containing_symbol":
                return self._file_of_symbol(question.file_containing_symbol)
            case _:
                asked = question.file_containing_extension
                extended = self._pool.FindMessageTypeByName(asked.containing_type)
                extension = self._pool.FindExtensionByNumber(extended, asked.extension_number)
                return self._file_of_symbol(extension.full_name)

    def _file_of_symbol(self, symbol: str) -> str:
        try:
            return self._pool.FindFileContainingSymbol(symbol).name
        except KeyError:  # protobuf 7.36 finds everything by this but methods
            return str(self._pool.FindMethodByName(symbol).containing_service.file.name)

    def _extension_numbers(self, name: str) -> pb.ExtensionNumberResponse:
        extensions = self._pool.FindAllExtensions(self._pool.FindMessageTypeByName(name))
        return pb.ExtensionNumberResponse(
            base_type_name=name, extension_number=sorted(each.number for each in extensions)
        )


def _with_imports(file: FileDescriptor) -> list[FileDescriptor]:
    """A file and everything that it imports, each before what it imports itself."""
    ordered: dict[str, FileDescriptor] = {}

    def visit(each: FileDescriptor) -> None:
        for imported in each.dependencies:
            if imported.name not in ordered:
                visit(imported)
        ordered[each.name] = each

    visit(file)
    return list(reversed(ordered.values()))


def reflection_v1() -> FileDescriptor:
    """The file of grpc.reflection.v1, in a pool of its own.

    grpcio-reflection has v1alpha alone. v1 has the same messages with the same numbers
    under another package, so v1alpha's classes serve both, and its file is renamed.
    """
    old, new = "v1alpha", "v1"
    file = FileDescriptorProto.FromString(pb.DESCRIPTOR.serialized_pb)
    file.name = file.name.replace(old, new)
    file.package = file.package.replace(old, new)
    file.ClearField("options")
    for field in (field for message in file.message_type for field in message.field):
        if field.type_name:
            field.type_name = field.type_name.replace(old, new)
    for method in (method for service in file.service for method in service.method):
        method.input_type = method.input_type.replace(old, new)
        method.output_type = method.output_type.replace(old, new)
    return DescriptorPool().AddSerializedFile(file.SerializeToString())
