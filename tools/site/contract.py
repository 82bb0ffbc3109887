"""The contract as a page: services, methods, messages and their comments, from the proto files."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from .contents import ROOT

PROTO = ROOT / "proto"
FILES = ("rpc/chat.proto", "rpc/moderation.proto")
SCALARS = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in FieldDescriptorProto.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}
"""The word of the language for each type that is no message and no enum."""
OFFICIAL = ".google.protobuf."

# Numbers of fields in descriptor.proto, of which a SourceCodeInfo's paths consist.
SERVICE, METHOD = 6, 2
MESSAGE, FIELD, NESTED, NESTED_ENUM = 4, 2, 3, 4
ENUM, VALUE = 5, 2

Place = tuple[int, ...]
"""Of something in a file: the path by which SourceCodeInfo names it."""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(["# The contract", "", *_introduction(), *_lines(described())])


def described() -> list[FileDescriptorProto]:
    """Our files, with their comments; raises CalledProcessError if they are wrong."""
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / "set"
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", "--include_source_info",
             f"--descriptor_set_out={written}", *FILES],
            check=True,
        )  # fmt: skip
        return list(FileDescriptorSet.FromString(written.read_bytes()).file)


def _introduction() -> Iterator[str]:
    files = " and ".join(f"[{name}](../files/proto/{name}.md)" for name in FILES)
    yield f"What a client and the server say to each other, as {files} have it."
    yield ""
    yield "- The paths are those of gRPC, gRPC-Web and Connect alike. In JSON, fields have the"
    yield "  names that they have here."
    yield "- *original* is what the original Go system has too, and stays byte for byte as it is"
    yield "  there. The rest may grow. Nothing is renumbered or renamed."
    yield "- *admin* and *grant* name the right that a method needs"
    yield "  ([who may do what](../access.md))."
    yield ""


def _lines(files: Sequence[FileDescriptorProto]) -> Iterator[str]:
    sources = [(file, _Comments(file)) for file in files]
    for file, comments in sources:
        for number, service in enumerate(file.service):
            yield from _service(file, service, comments, (SERVICE, number))
    yield from ("## Messages", "")
    for file, comments in sources:
        for number, message in enumerate(file.message_type):
            yield from _message(f".{file.package}", message, comments, (MESSAGE, number))
    yield from ("## Enums", "")
    for file, comments in sources:
        for name, enum, place in _enums(file):
            yield from _enum(name, enum, comments, place)


class _Comments:
    """What a file says about each of its parts."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._found = {tuple(each.path): each for each in file.source_code_info.location}

    def of(self, place: Place) -> str:
        """What stands before it and behind it; each paragraph a line, in Markdown."""
        return "\n".join(filter(None, (self.before(place), self.behind(place))))

    def before(self, place: Place) -> str:
        """What stands before it, likewise."""
        location = self._found.get(place)
        return _one_line_each(location.leading_comments) if location else ""

    def behind(self, place: Place) -> str:
        """What stands behind it, likewise."""
        location = self._found.get(place)
        return _one_line_each(location.trailing_comments) if location else ""


def _one_line_each(text: str) -> str:
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n".join(_markdown(" ".join(part.split())) for part in paragraphs if part.strip())


def _markdown(text: str) -> str:
    """Prose as it is: what looks like Markdown or a tag is escaped, but for code in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_<>\[\]|$])", r"\\\1", part)
        for part in parts
    )


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from (paragraph, "")


def _service(
    file: FileDescriptorProto, service: ServiceDescriptorProto, comments: _Comments, place: Place
) -> Iterator[str]:
    yield from (f"## {file.package}.{service.name}", "")
    yield from _paragraphs(comments.of(place))
    for number, method in enumerate(service.method):
        yield from (f"({file.package}.{service.name}.{method.name})=", f"### {method.name}", "")
        yield from (_signature(method), "")
        path = f"/{file.package}.{service.name}/{method.name}"
        yield from (f"`POST {path}`", "")
        yield from _paragraphs(comments.before((*place, METHOD, number)))
        if marks := comments.behind((*place, METHOD, number)):
            yield from (f"*{marks}*", "")


def _signature(method: MethodDescriptorProto) -> str:
    takes = ("a stream of " if method.client_streaming else "") + _reference(method.input_type)
    gives = ("a stream of " if method.server_streaming else "") + _reference(method.output_type)
    return f"Takes {takes}, answers with {gives}."


def _reference(full: str) -> str:
    """A link to a message or an enum of ours, or the name of one that everybody knows."""
    name = full.removeprefix(".")
    if full.startswith(OFFICIAL):
        return f"`{name}`"
    return f"[{name.partition('.')[2]}](#{name})"


def _message(
    scope: str, message: DescriptorProto, comments: _Comments, place: Place
) -> Iterator[str]:
    if message.options.map_entry:
        return
    full = f"{scope}.{message.name}"
    name = full.removeprefix(".")
    yield from (f"({name})=", f"### {name.partition('.')[2]}", "")
    yield from _paragraphs(comments.of(place))
    if message.field:
        yield from ("| Field | Type | Number | |", "|---|---|---|---|")
    else:
        yield "It has no fields."
    for number, field in enumerate(message.field):
        says = comments.of((*place, FIELD, number)).replace("\n", " ")
        one_of = ""
        if field.HasField("oneof_index") and not field.proto3_optional:
            one_of = f"One of `{message.oneof_decl[field.oneof_index].name}`. "
        yield f"| `{field.name}` | {_type(field)} | {field.number} | {one_of}{says} |"
    yield ""
    for number, nested in enumerate(message.nested_type):
        yield from _message(full, nested, comments, (*place, NESTED, number))


def _type(field: FieldDescriptorProto) -> str:
    known = SCALARS.get(field.type)
    name = f"`{known}`" if known else _reference(field.type_name)
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    return f"optional {name}" if field.proto3_optional else name


def _enums(file: FileDescriptorProto) -> Iterator[tuple[str, EnumDescriptorProto, Place]]:
    for number, enum in enumerate(file.enum_type):
        yield f"{file.package}.{enum.name}", enum, (ENUM, number)
    for number, message in enumerate(file.message_type):
        yield from _nested_enums(f"{file.package}.{message.name}", message, (MESSAGE, number))


def _nested_enums(
    scope: str, message: DescriptorProto, place: Place
) -> Iterator[tuple[str, EnumDescriptorProto, Place]]:
    for number, enum in enumerate(message.enum_type):
        yield f"{scope}.{enum.name}", enum, (*place, NESTED_ENUM, number)
    for number, nested in enumerate(message.nested_type):
        yield from _nested_enums(f"{scope}.{nested.name}", nested, (*place, NESTED, number))


def _enum(name: str, enum: EnumDescriptorProto, comments: _Comments, place: Place) -> Iterator[str]:
    yield from (f"({name})=", f"### {name.partition('.')[2]}", "")
    yield from _paragraphs(comments.of(place))
    yield from ("| Value | Number | |", "|---|---|---|")
    for number, value in enumerate(enum.value):
        says = comments.of((*place, VALUE, number)).replace("\n", " ")
        yield f"| `{value.name}` | {value.number} | {says} |"
    yield ""
