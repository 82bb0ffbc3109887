"""Where a rule that an experiment shows comes from."""

from __future__ import annotations

from dataclasses import dataclass

GRPC_DOCUMENTS = "https://github.com/grpc/grpc/blob/master/doc"
GRPC_PROPOSALS = "https://github.com/grpc/proposal/blob/master"


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a document."""

    title: str
    address: str
    about: str
    """What it says there, as a noun phrase."""


def rfc(number: int, section: str, about: str) -> Reference:
    """A section or an appendix of an RFC, such as 9113 (HTTP/2), 7541 (HPACK)."""
    place = "section" if section[0].isdigit() else "appendix"
    address = f"https://www.rfc-editor.org/rfc/rfc{number}#{place}-{section}"
    return Reference(f"RFC {number}, {place} {section}", address, about)


def grpc_document(name: str, about: str) -> Reference:
    """One of gRPC's own, such as PROTOCOL-HTTP2, PROTOCOL-WEB, keepalive, statuscodes."""
    return Reference(f"gRPC, {name}.md", f"{GRPC_DOCUMENTS}/{name}.md", about)


def grpc_proposal(name: str, about: str) -> Reference:
    """A gRFC by the name of its file, such as A6-client-retries."""
    return Reference(f"gRFC {name}", f"{GRPC_PROPOSALS}/{name}.md", about)
